/** Where a video is, as the catalogue knows it. */
export interface CatalogEntry {
  /** UNC path of the clip. */
  readonly path: string;
  readonly resolution?: string;
  readonly is4k?: boolean;
}

/** Tells where the videos are that jobs name by id. */
export interface Catalog {
  /** As messages call it. @default 'the catalogue' */
  readonly label?: string;
  /**
   * Looks up all ids with one query. An id that is unknown is not in `found`: the caller names all of them at once.
   * @param how `anew`: what is remembered does not count; it may be minutes old
   * @throws CatalogUnavailable, or the signal's reason
   */
  resolve(
    videoIds: readonly string[],
    signal: AbortSignal,
    how?: 'anew',
  ): Promise<{
    readonly found: ReadonlyMap<string, CatalogEntry>;
    /** Why an id is not among them, where more is known than that. */
    readonly notes?: ReadonlyMap<string, string>;
    readonly queryMs: number;
  }>;
}

/** The catalogue cannot answer; whether it knows the ids is not known. */
export class CatalogUnavailable extends Error {
  readonly code = 'CATALOG_UNAVAILABLE';
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'CatalogUnavailable';
  }
}

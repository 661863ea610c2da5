import { stat } from 'node:fs/promises';
import { type Catalog, type CatalogEntry, CatalogUnavailable } from './catalog.ts';
import { readCatalogFile } from './read-catalog-file.ts';

export interface FileCatalogOptions {
  /** CSV or JSON (see `readCatalogFile`). Left out, no id is known. */
  readonly file?: string;
  /** Told when a changed file cannot be used: the catalogue goes on with what it had. */
  readonly onProblem?: (error: CatalogUnavailable) => void;
}

/**
 * The embedded catalogue: one file, read once and again when it has changed on disk.
 * @throws CatalogUnavailable when the file cannot be used at the start
 */
export async function openFileCatalog(options: FileCatalogOptions): Promise<Catalog> {
  if (options.file === undefined) return new FileCatalog(undefined, new Map(), '', noListener);
  const { file } = options;
  const mark = await markOf(file);
  return new FileCatalog(file, await readCatalogFile(file), mark, options.onProblem ?? noListener);
}

class FileCatalog implements Catalog {
  readonly #file: string | undefined;
  readonly #onProblem: (error: CatalogUnavailable) => void;
  #entries: ReadonlyMap<string, CatalogEntry>;
  #mark: string;
  #reading: Promise<void> | undefined;

  constructor(
    file: string | undefined,
    entries: ReadonlyMap<string, CatalogEntry>,
    mark: string,
    onProblem: (error: CatalogUnavailable) => void,
  ) {
    this.#file = file;
    this.#entries = entries;
    this.#mark = mark;
    this.#onProblem = onProblem;
  }

  async resolve(videoIds: readonly string[], signal: AbortSignal): ReturnType<Catalog['resolve']> {
    const startedAt = performance.now();
    this.#reading ??= this.#refresh().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
    signal.throwIfAborted();
    const found = new Map<string, CatalogEntry>();
    for (const id of videoIds) {
      const entry = this.#entries.get(id);
      if (entry !== undefined) found.set(id, entry);
    }
    return { found, queryMs: Math.round(performance.now() - startedAt) };
  }

  /** A file that changes while it is read has another mark at the next look, and is read again. */
  async #refresh(): Promise<void> {
    if (this.#file === undefined) return;
    try {
      const mark = await markOf(this.#file);
      if (mark === this.#mark) return;
      this.#mark = mark;
      this.#entries = await readCatalogFile(this.#file);
    } catch (error) {
      if (!(error instanceof CatalogUnavailable)) throw error;
      this.#onProblem(error);
    }
  }
}

/** What tells one version of a file from the next. */
async function markOf(file: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(file);
    return `${mtimeMs} ${size} ${ino}`;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CatalogUnavailable(`The catalogue ${file} cannot be read: ${reason}`, error);
  }
}

function noListener(): void {
  // Nobody wants to know.
}

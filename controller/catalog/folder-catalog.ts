import type { CatalogFolderSettings } from '../domain/settings.ts';
import { type Catalog, type CatalogEntry, CatalogUnavailable } from './catalog.ts';
import { type FolderScan, scanFolder } from './scan-folder.ts';
import { unlessOver } from './unless-over.ts';

export interface FolderCatalogOptions extends CatalogFolderSettings {
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
}

/** Somebody who asks waits so long for a scan; the scan goes on. */
const waitMs = 10_000;
/** A scan that takes longer has failed. */
const scanMs = 600_000;
/** Ids that a log line names. */
const namedMax = 10;

/**
 * A catalogue that is a folder of videos, on a share that is mounted here. It is scanned when somebody asks and the last
 * scan is old, and at once for an id that is not there. One scan at a time: a share that hangs holds one of the few
 * threads that Node has for files, and no more.
 */
export function folderCatalog(options: FolderCatalogOptions): Catalog {
  return new FolderCatalog(options);
}

class FolderCatalog implements Catalog {
  readonly #options: FolderCatalogOptions;
  #last: FolderScan | undefined;
  #endedAtMs = Number.NEGATIVE_INFINITY;
  #scanning: Promise<void> | undefined;
  #failure: CatalogUnavailable | undefined;

  constructor(options: FolderCatalogOptions) {
    this.#options = options;
  }

  async resolve(
    videoIds: readonly string[],
    signal: AbortSignal,
    how?: 'anew',
  ): ReturnType<Catalog['resolve']> {
    const startedAt = performance.now();
    const isMissing = (): boolean => videoIds.some((id) => !this.#last?.paths.has(id.normalize('NFC')));
    if (how === 'anew' || isMissing()) await this.#scanned(signal);
    // What is known is answered from; the next one to ask has the newer scan.
    else if (this.#ageMs() > this.#options.rescanMs) void this.#begin();
    // Whether an id is there now, only a scan that worked can say.
    if (this.#failure !== undefined && (how === 'anew' || isMissing())) throw this.#failure;
    return { ...this.#lookUp(videoIds), queryMs: Math.round(performance.now() - startedAt) };
  }

  #lookUp(videoIds: readonly string[]) {
    const found = new Map<string, CatalogEntry>();
    const notes = new Map<string, string>();
    for (const id of videoIds) {
      const path = this.#last?.paths.get(id.normalize('NFC'));
      if (path !== undefined) found.set(id, { path });
      const twice = this.#last?.twice.get(id.normalize('NFC'));
      if (twice !== undefined)
        notes.set(id, `more than one file has this name: ${twice.slice(0, 5).join(', ')}`);
    }
    return { found, notes };
  }

  /** A scan that has just ended is as good as a new one. */
  async #scanned(signal: AbortSignal): Promise<void> {
    if (this.#ageMs() < this.#options.rescanMinMs) return;
    const late = (): Error =>
      new CatalogUnavailable(`The folder ${this.#options.path} is still being scanned`);
    await unlessOver(this.#begin(), waitMs, signal, late);
  }

  #begin(): Promise<void> {
    this.#scanning ??= this.#scan().finally(() => {
      this.#scanning = undefined;
      this.#endedAtMs = performance.now();
    });
    return this.#scanning;
  }

  /** Never rejects: what went wrong is kept for whoever asks. */
  async #scan(): Promise<void> {
    const { log, path } = this.#options;
    const startedAt = performance.now();
    try {
      const scan = await scanFolder(this.#options, AbortSignal.timeout(scanMs));
      if (this.#failure !== undefined || scan.twice.size !== this.#last?.twice.size)
        this.#tell(scan, startedAt);
      this.#last = scan;
      this.#failure = undefined;
    } catch (error) {
      const failure =
        error instanceof CatalogUnavailable
          ? error
          : new CatalogUnavailable(`The folder ${path} could not be scanned to its end`, error);
      if (failure.message !== this.#failure?.message) {
        log.warn(
          { err: failure },
          'the folder of the catalogue cannot be scanned; going on with what it had',
        );
      }
      this.#failure = failure;
    }
  }

  #tell({ paths, twice, unusable, tooDeep }: FolderScan, startedAt: number): void {
    const { log, path } = this.#options;
    const fields = {
      path,
      videos: paths.size,
      ambiguous: twice.size,
      unusable,
      tooDeep,
      ms: Math.round(performance.now() - startedAt),
    };
    if (twice.size + unusable + tooDeep === 0) log.info(fields, 'the folder of the catalogue was scanned');
    else {
      const named = [...twice.keys()].slice(0, namedMax);
      log.warn({ ...fields, named }, 'the folder of the catalogue has files that no job can name');
    }
  }

  #ageMs(): number {
    return performance.now() - this.#endedAtMs;
  }
}

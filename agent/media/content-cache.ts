/**
 * The content cache: every source file once per PC, whoever asked for it. Guarantee: what is handed out was copied
 * whole, fsynced and hashed, and stays while it is pinned. Limits: one agent process per folder; a source that is
 * changed without a new size or time of change, above `rehashBelowBytes`, is not noticed.
 *
 *     <folder>/incoming/<random>.part        being copied; removed when the cache is opened
 *     <folder>/objects/<sha256>/content      the bytes, once for all paths that held them
 *     <folder>/objects/<sha256>/<name>.json  what was found out about them (facts.ts)
 *     <folder>/index.jsonl                   which source path held what (cache-index.ts)
 */
import { mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { openCacheIndex } from './cache-index.ts';
import { openCacheObjects } from './cache-objects.ts';
import { fetchContent } from './fetch-content.ts';
import type { ShareOperations } from './share-operations.ts';
import { shareFlights } from './shared-flight.ts';
import type { MountedPath } from './unc.ts';

export interface ContentCacheOptions {
  readonly folder: string;
  /** All contents together may take this much. */
  readonly bytesMax: number;
  /** This much of the disk stays free for work and results. @default 2 GiB */
  readonly freeBytesMin?: number;
  /** Smaller sources are read and hashed again before their copy counts as good. @default 16 MiB (rendering.md) */
  readonly rehashBelowBytes?: number;
  readonly operations: ShareOperations;
  /** Free bytes of the disk that holds the folder. @default asks the file system */
  readonly freeBytes?: () => Promise<number>;
  /** For "least recently used". @default Date.now */
  readonly now?: () => number;
}

/** A file of the cache, pinned until `release`. */
export interface CachedFile {
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Inside the cache, and without an extension: read it, link it, never write it. */
  readonly path: string;
  /** True when nothing was copied for this call. */
  readonly reused: boolean;
  /** Idempotent. */
  release(): void;
}

export interface ContentCache {
  /**
   * The content of a source, copied when it is not there yet. Calls for the same source share one copy, which stops
   * when the last of them is aborted. Rejects with MediaError, UncError (a link out of the share) or the signal's reason.
   */
  acquire(source: MountedPath, signal?: AbortSignal): Promise<CachedFile>;
  /** Bytes of all contents, those that are being copied included. */
  usedBytes(): number;
  /** Where facts about a content are kept: they go when it goes. */
  notePath(sha256: string, name: string): string;
  /** Waits for what is being written; running copies fail. Idempotent. */
  close(): Promise<void>;
}

/** Opens or makes the cache; leftovers of a crash are removed. Rejects with the file system's error. */
export async function openContentCache(options: ContentCacheOptions): Promise<ContentCache> {
  const cache = resolveOptions(options);
  await rm(cache.incoming, { recursive: true, force: true });
  await mkdir(cache.incoming, { recursive: true });
  const index = await openCacheIndex(join(options.folder, 'index.jsonl'));
  const objects = await openCacheObjects({ ...cache, folder: join(options.folder, 'objects'), index });
  const closing = new AbortController();
  const flights = shareFlights(
    (source: MountedPath, signal) => fetchContent({ ...cache, index, objects }, source, signal),
    (found) => found.release(),
  );

  return {
    acquire: async (source, signal) => {
      const signals = AbortSignal.any([closing.signal, ...(signal === undefined ? [] : [signal])]);
      return flights.join(
        source.localPath,
        source,
        ({ sha256, sizeBytes, reused }, isFirst) => ({
          sha256,
          sizeBytes,
          path: objects.contentPath(sha256),
          // Whoever came later waited for somebody else's copy.
          reused: reused || !isFirst,
          release: objects.pin(sha256),
        }),
        signals,
      );
    },
    usedBytes: () => objects.usedBytes(),
    notePath: (sha256, name) => objects.notePath(sha256, name),
    async close() {
      closing.abort(new Error('the cache is closed'));
      await flights.settled();
      await index.close();
    },
  };
}

type Resolved = Required<ContentCacheOptions> & { readonly incoming: string };

function resolveOptions(options: ContentCacheOptions): Resolved {
  return {
    freeBytesMin: 2 * 1024 ** 3,
    rehashBelowBytes: 16 * 1024 ** 2,
    now: Date.now,
    freeBytes: async () => {
      const disk = await statfs(options.folder);
      return disk.bavail * disk.bsize;
    },
    ...options,
    incoming: join(options.folder, 'incoming'),
  };
}

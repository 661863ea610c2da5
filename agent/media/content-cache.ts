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
import type { Keeper } from './cache-objects.ts';
import { openCacheObjects } from './cache-objects.ts';
import type { CopyOrder, FoundContent, Seen } from './copy-content.ts';
import type { CopyMeter } from './copy-meter.ts';
import type { CopyPlace } from './copy-place.ts';
import type { RoomHold } from './disk-room.ts';
import { openDiskRoom } from './disk-room.ts';
import { fetchContent, knownContent, lookAtContent } from './fetch-content.ts';
import { createGrowthWaits, type GrowthLimits, growthLimitsDefault } from './growth.ts';
import type { Pace } from './pace.ts';
import { createSharedPace } from './pace.ts';
import type { ShareOperations, UnderwayOperation } from './share-operations.ts';
import type { SourceVersion } from './share-protocol.ts';
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
  /** Gives up what else on this disk is of less use than a job; false when there is nothing. @default nothing */
  readonly evictOther?: () => Promise<boolean>;
  /** How long a source that still grows is waited for. @default growthLimitsDefault */
  readonly growth?: GrowthLimits;
  /** Hears of every copy. @default nobody */
  readonly meter?: Pick<CopyMeter, 'begin'>;
}

/** How a file is wanted. */
export interface Wanted {
  /** Present for a hint: the file makes way for the jobs, and so does its copy. */
  readonly pace?: Pace;
  /** The room that it is copied into. @default what is free */
  readonly hold?: RoomHold;
  /** Its place among the caller's copies: left while the source is waited for because it still grows. */
  readonly place?: CopyPlace;
  /** What a look has seen a moment ago. */
  readonly seen?: Seen;
}

/** A source as it is on its share, and here. */
export interface LookedAt {
  readonly seen: Seen;
  /** Its content, pinned, where it is here. */
  readonly file?: CachedFile;
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
  acquire(source: MountedPath, signal?: AbortSignal, wanted?: Wanted): Promise<CachedFile>;
  /** Looks at a source for a job or for a hint, and copies nothing. Rejects as `acquire`. */
  look(source: MountedPath, keeper: Keeper, signal?: AbortSignal): Promise<LookedAt>;
  /** Sources that are waited for because they still grow: no share operation is under way for them meanwhile. */
  waits(): readonly UnderwayOperation[];
  /** The content that a source of this version had, if it is here: what `look` would find, without a look at small files. */
  recognise(path: string, version: SourceVersion): string | undefined;
  /** Room for a job: see disk-room.ts. */
  hold(): RoomHold;
  /** Bytes of all contents, those that are being copied included. */
  usedBytes(): number;
  /** Bytes of contents that no job uses: they are given up for a job. */
  spareBytes(): number;
  /** Resolves when the copies that nobody wants any more have given their space back. */
  givenUp(): Promise<void>;
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
  const room = openDiskRoom({
    ...cache,
    contentBytes: () => objects.contentBytes(),
    evictContent: (forDisk) => objects.evictOldest(forDisk),
  });
  const context = { ...cache, index, objects, room, waits: createGrowthWaits(cache.growth) };
  const closing = new AbortController();
  const until = (signal: AbortSignal | undefined): AbortSignal =>
    AbortSignal.any([closing.signal, ...(signal === undefined ? [] : [signal])]);
  const paces = new Map<string, ReturnType<typeof createSharedPace>>();
  const flights = shareFlights(
    (order: CopyOrder, signal) => fetchContent(context, order, signal),
    (found) => found.release(),
  );
  const cached = (found: Omit<FoundContent, 'release'>, keeper: Keeper): CachedFile => ({
    sha256: found.sha256,
    sizeBytes: found.sizeBytes,
    path: objects.contentPath(found.sha256),
    reused: found.reused,
    release: objects.pin(found.sha256, keeper),
  });

  return {
    async acquire(source, signal, { pace: hint, ...wanted } = {}) {
      const key = source.localPath;
      const keeper: Keeper = hint === undefined ? 'job' : 'hint';
      const pace = paces.get(key) ?? createSharedPace();
      paces.set(key, pace);
      const left = [pace.join(hint), context.waits.onWait(key, () => wanted.place?.leave())];
      try {
        return await flights.join(
          key,
          { ...wanted, source, pace, isAhead: hint !== undefined, isForJob: () => pace.isForJob() },
          // Whoever came later waited for somebody else's copy.
          (found, isFirst) => cached({ ...found, reused: found.reused || !isFirst }, keeper),
          until(signal),
        );
      } finally {
        for (const leave of left) leave();
        if (pace.isLeft() && paces.get(key) === pace) paces.delete(key);
      }
    },
    async look(source, keeper, signal) {
      const { seen, found } = await lookAtContent(context, source, keeper, until(signal));
      if (found === undefined) return { seen };
      const file = cached(found, keeper);
      found.release();
      return { seen, file };
    },
    waits: () => context.waits.underway(),
    recognise(path, version) {
      const sha256 = knownContent(index, path, version);
      return sha256 !== undefined && objects.has(sha256, version.sizeBytes) ? sha256 : undefined;
    },
    hold: () => room.hold(),
    usedBytes: () => objects.contentBytes() + room.copyingBytes(),
    spareBytes: () => objects.spareBytes(),
    givenUp: () => flights.givenUp(),
    notePath: (sha256, name) => objects.notePath(sha256, name),
    async close() {
      closing.abort(new Error('the cache is closed'));
      await flights.settled();
      await index.close();
    },
  };
}

type Resolved = Required<Omit<ContentCacheOptions, 'meter'>> &
  Pick<ContentCacheOptions, 'meter'> & { readonly incoming: string };

function resolveOptions(options: ContentCacheOptions): Resolved {
  return {
    freeBytesMin: 2 * 1024 ** 3,
    rehashBelowBytes: 16 * 1024 ** 2,
    now: Date.now,
    evictOther: () => Promise.resolve(false),
    growth: growthLimitsDefault,
    freeBytes: async () => {
      const disk = await statfs(options.folder);
      return disk.bavail * disk.bsize;
    },
    ...options,
    incoming: join(options.folder, 'incoming'),
  };
}

import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CacheIndex } from './cache-index.ts';
import { isLinkedElsewhere } from './file-links.ts';
import { openGate } from './gate.ts';
import { once } from './once.ts';

export interface CacheObjectsOptions {
  readonly folder: string;
  readonly now: () => number;
  readonly index: CacheIndex;
}

/** Who keeps a content: what is kept for a hint is given up when a job needs the room. */
export type Keeper = 'job' | 'hint';

/** The contents on disk: how much they take, which are in use, which go first when room is needed. */
export interface CacheObjects {
  contentPath(sha256: string): string;
  notePath(sha256: string, name: string): string;
  /** Pins the content if it is there, whole. One of another size is corrupted, and is dropped. */
  pinWhole(sha256: string, sizeBytes: number, keeper?: Keeper): Promise<(() => void) | undefined>;
  /** Keeps the content, and counts as a use of it. The result undoes it, once. */
  pin(sha256: string, keeper?: Keeper): () => void;
  /** Whether it is there, as far as is known without a look at the disk. */
  has(sha256: string, sizeBytes: number): boolean;
  /** Takes a finished file in, durably; a twin that is there already is kept instead. The content comes pinned. */
  adopt(partPath: string, sha256: string, sizeBytes: number): Promise<() => void>;
  /**
   * Gives up the content that was used longest ago, of those that nobody keeps; false when there is none. `forDisk`: only
   * of those whose bytes are free then, which a link in a kept work folder prevents.
   */
  evictOldest(forDisk?: boolean): Promise<boolean>;
  contentBytes(): number;
  /** Of these, what no job keeps. */
  spareBytes(): number;
}

interface Content {
  readonly sizeBytes: number;
  usedAtMs: number;
  readonly pins: Record<Keeper, number>;
}

export async function openCacheObjects(options: CacheObjectsOptions): Promise<CacheObjects> {
  const { folder, index, now } = options;
  await mkdir(folder, { recursive: true });
  const contents = await scan(folder, index);
  const oneAtATime = openGate(1);
  let contentBytes = sum([...contents.values()].map((content) => content.sizeBytes));

  const contentPath = (sha256: string): string => join(folder, sha256, 'content');

  const drop = async (sha256: string, content: Content): Promise<void> => {
    contents.delete(sha256);
    contentBytes -= content.sizeBytes;
    index.drop(sha256);
    await rm(join(folder, sha256), { recursive: true, force: true });
  };

  const pin = (sha256: string, keeper: Keeper = 'job'): (() => void) => {
    const content = contents.get(sha256);
    if (content === undefined) throw new Error(`The content ${sha256} is not in the cache.`);
    content.pins[keeper] += 1;
    content.usedAtMs = now();
    index.setUsed(sha256, content.usedAtMs);
    return once(() => (content.pins[keeper] -= 1));
  };

  return {
    contentPath,
    pin,
    notePath: (sha256, name) => join(folder, sha256, `${name}.json`),
    contentBytes: () => contentBytes,
    spareBytes: () => sum([...contents.values()].map((one) => (one.pins.job === 0 ? one.sizeBytes : 0))),
    has: (sha256, sizeBytes) => contents.get(sha256)?.sizeBytes === sizeBytes,
    async pinWhole(sha256, sizeBytes, keeper) {
      const content = contents.get(sha256);
      if (content === undefined) return undefined;
      // Pinned before it is looked at: it must not be evicted in between.
      const release = pin(sha256, keeper);
      const facts = await stat(contentPath(sha256)).catch(() => undefined);
      if (facts?.size === sizeBytes) return release;
      release();
      // Pins of others cannot save what is broken.
      if (contents.get(sha256) === content) await drop(sha256, content);
      return undefined;
    },
    async evictOldest(forDisk = false) {
      const leave = await oneAtATime.enter();
      try {
        for (const [sha256, content] of leastRecentlyUsed(contents)) {
          if (forDisk && (await isLinkedElsewhere(contentPath(sha256)))) continue;
          // Pinned while it was looked at.
          if (isKept(content)) continue;
          await drop(sha256, content);
          return true;
        }
        return false;
      } finally {
        leave();
      }
    },
    async adopt(partPath, sha256, sizeBytes) {
      const leave = await oneAtATime.enter();
      try {
        if (!contents.has(sha256)) {
          await mkdir(join(folder, sha256), { recursive: true });
          await rename(partPath, contentPath(sha256));
          await syncFolder(join(folder, sha256));
          await syncFolder(folder);
          contents.set(sha256, { sizeBytes, usedAtMs: now(), pins: { job: 0, hint: 0 } });
          contentBytes += sizeBytes;
        }
        return pin(sha256);
      } finally {
        leave();
      }
    },
  };
}

async function scan(folder: string, index: CacheIndex): Promise<Map<string, Content>> {
  const contents = new Map<string, Content>();
  for (const name of await readdir(folder)) {
    const facts = /^[0-9a-f]{64}$/u.test(name)
      ? await stat(join(folder, name, 'content')).catch(() => undefined)
      : undefined;
    // A folder without a content is half an eviction, or half an adoption.
    if (facts === undefined) await rm(join(folder, name), { recursive: true, force: true });
    else
      contents.set(name, {
        sizeBytes: facts.size,
        usedAtMs: index.usedAtMs(name),
        pins: { job: 0, hint: 0 },
      });
  }
  return contents;
}

/** Those that nobody keeps, the oldest use first. */
function leastRecentlyUsed(contents: ReadonlyMap<string, Content>): readonly [string, Content][] {
  return [...contents]
    .filter(([, content]) => !isKept(content))
    .toSorted(([, a], [, b]) => a.usedAtMs - b.usedAtMs);
}

function isKept({ pins }: Content): boolean {
  return pins.job + pins.hint > 0;
}

// A rename is durable only when its folder is; Windows has no such call, and needs none.
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

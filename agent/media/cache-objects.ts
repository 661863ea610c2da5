import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CacheIndex } from './cache-index.ts';
import { openGate } from './gate.ts';
import { MediaError } from './media-error.ts';

export interface CacheObjectsOptions {
  readonly folder: string;
  readonly bytesMax: number;
  readonly freeBytesMin: number;
  readonly freeBytes: () => Promise<number>;
  readonly now: () => number;
  readonly index: CacheIndex;
}

/** The contents on disk: how much they take, which are in use, which go first when room is needed. */
export interface CacheObjects {
  contentPath(sha256: string): string;
  notePath(sha256: string, name: string): string;
  /** Pins the content if it is there, whole. One of another size is corrupted, and is dropped. */
  pinWhole(sha256: string, sizeBytes: number): Promise<(() => void) | undefined>;
  /** Keeps the content, and counts as a use of it. The result undoes it, once. */
  pin(sha256: string): () => void;
  /** Makes room, and holds it until the returned function is called. Rejects with MediaError `CACHE_FULL`. */
  reserve(bytes: number): Promise<() => void>;
  /** Takes a finished file in, durably; a twin that is there already is kept instead. The content comes pinned. */
  adopt(partPath: string, sha256: string, sizeBytes: number): Promise<() => void>;
  usedBytes(): number;
}

interface Content {
  readonly sizeBytes: number;
  usedAtMs: number;
  pins: number;
}

export async function openCacheObjects(options: CacheObjectsOptions): Promise<CacheObjects> {
  const { folder, index, now } = options;
  await mkdir(folder, { recursive: true });
  const contents = await scan(folder, index);
  const oneAtATime = openGate(1);
  const room = {
    contentBytes: sum([...contents.values()].map((content) => content.sizeBytes)),
    reservedBytes: 0,
  };

  const contentPath = (sha256: string): string => join(folder, sha256, 'content');

  const drop = async (sha256: string, content: Content): Promise<void> => {
    contents.delete(sha256);
    room.contentBytes -= content.sizeBytes;
    index.drop(sha256);
    await rm(join(folder, sha256), { recursive: true, force: true });
  };

  const pin = (sha256: string): (() => void) => {
    const content = contents.get(sha256);
    if (content === undefined) throw new Error(`The content ${sha256} is not in the cache.`);
    content.pins += 1;
    content.usedAtMs = now();
    index.setUsed(sha256, content.usedAtMs);
    return once(() => (content.pins -= 1));
  };

  return {
    contentPath,
    pin,
    notePath: (sha256, name) => join(folder, sha256, `${name}.json`),
    usedBytes: () => room.contentBytes + room.reservedBytes,
    async pinWhole(sha256, sizeBytes) {
      const content = contents.get(sha256);
      if (content === undefined) return undefined;
      // Pinned before it is looked at: it must not be evicted in between.
      const release = pin(sha256);
      const facts = await stat(contentPath(sha256)).catch(() => undefined);
      if (facts?.size === sizeBytes) return release;
      release();
      // Pins of others cannot save what is broken.
      if (contents.get(sha256) === content) await drop(sha256, content);
      return undefined;
    },
    async reserve(bytes) {
      const leave = await oneAtATime.enter();
      try {
        await makeRoom(bytes, options, room, contents, drop);
        room.reservedBytes += bytes;
      } finally {
        leave();
      }
      return once(() => (room.reservedBytes -= bytes));
    },
    async adopt(partPath, sha256, sizeBytes) {
      const leave = await oneAtATime.enter();
      try {
        if (!contents.has(sha256)) {
          await mkdir(join(folder, sha256), { recursive: true });
          await rename(partPath, contentPath(sha256));
          await syncFolder(join(folder, sha256));
          await syncFolder(folder);
          contents.set(sha256, { sizeBytes, usedAtMs: now(), pins: 0 });
          room.contentBytes += sizeBytes;
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
    else contents.set(name, { sizeBytes: facts.size, usedAtMs: index.usedAtMs(name), pins: 0 });
  }
  return contents;
}

interface Room {
  readonly contentBytes: number;
  readonly reservedBytes: number;
}

function once(action: () => void): () => void {
  let isDue = true;
  return () => {
    if (isDue) action();
    isDue = false;
  };
}

async function makeRoom(
  bytes: number,
  options: CacheObjectsOptions,
  room: Room,
  contents: ReadonlyMap<string, Content>,
  drop: (sha256: string, content: Content) => Promise<void>,
): Promise<void> {
  for (;;) {
    const lack = await missing(bytes, options, room);
    if (lack === undefined) return;
    const oldest = leastRecentlyUsed(contents);
    if (oldest === undefined) {
      throw new MediaError('CACHE_FULL', `${options.folder}: ${lack}, and all that is there is in use`);
    }
    await drop(...oldest);
  }
}

/** What stands in the way of so many bytes more, in words; undefined when nothing does. */
async function missing(
  bytes: number,
  { bytesMax, freeBytesMin, freeBytes }: CacheObjectsOptions,
  room: Room,
): Promise<string | undefined> {
  const needed = room.contentBytes + room.reservedBytes + bytes;
  if (needed > bytesMax) return `${bytes} more bytes would make ${needed} of at most ${bytesMax}`;
  // What is reserved and half written counts twice here: too careful for a moment, never too bold.
  const left = (await freeBytes()) - room.reservedBytes - bytes;
  return left >= freeBytesMin
    ? undefined
    : `${bytes} more bytes would leave ${left} free on the disk, not ${freeBytesMin}`;
}

function leastRecentlyUsed(contents: ReadonlyMap<string, Content>): [string, Content] | undefined {
  let oldest: [string, Content] | undefined;
  for (const entry of contents) {
    if (entry[1].pins === 0 && (oldest === undefined || entry[1].usedAtMs < oldest[1].usedAtMs))
      oldest = entry;
  }
  return oldest;
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

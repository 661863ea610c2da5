import {
  copyFile,
  link,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import pMap from 'p-map';
import { z } from 'zod';
import type { SegmentCacheSettings } from './render-request.ts';
import type { CheckedSegment } from './segment-check.ts';

/** Finished segments (and whole jobs' sounds) by content key, on the disk of this PC. */
export interface SegmentCache {
  /** Puts the segment at `target` (a hard link); undefined when there is none. */
  take(key: string, target: string): Promise<CheckedSegment | undefined>;
  /** Keeps a checked segment; `source` stays where it is. */
  keep(key: string, source: string, segment: CheckedSegment): Promise<void>;
}

/** What the segments take that no job uses, and how to give it up. */
export interface SegmentSpace {
  spareBytes(): Promise<number>;
  /** Gives up those that were used longest ago, `giveUpBytes` at a time; false when there are none. */
  giveUp(): Promise<boolean>;
}

const entry = z.object({
  sizeBytes: z.number(),
  frames: z.number(),
  samples: z.number(),
  joinClass: z.string(),
});

/**
 * A folder with `<key>.media` and `<key>.json` for each segment. The record is written last and renamed into place, and
 * names the size: a segment without one, or of another size, is none. Several agents may share the folder.
 */
export function openSegmentCache({ folder, bytesMax }: SegmentCacheSettings): SegmentCache {
  const fileOf = (key: string): string => path.join(folder, `${key}.media`);
  const recordOf = (key: string): string => path.join(folder, `${key}.json`);

  return {
    take: async (key, target) => {
      const record = await readRecord(recordOf(key));
      const file = fileOf(key);
      const found = await stat(file).catch(() => undefined);
      if (record === undefined || found?.size !== record.sizeBytes) return undefined;
      const now = new Date();
      await utimes(file, now, now).catch(() => undefined);
      await linkOrCopy(file, target);
      return { frames: record.frames, samples: record.samples, joinClass: record.joinClass };
    },
    keep: async (key, source, segment) => {
      await mkdir(folder, { recursive: true });
      const unique = `${key}.${process.pid}.part`;
      const file = path.join(folder, unique);
      try {
        await linkOrCopy(source, file);
        const { size: sizeBytes } = await stat(file);
        await rename(file, fileOf(key));
        await writeFile(file, JSON.stringify({ sizeBytes, ...segment }));
        await rename(file, recordOf(key));
      } finally {
        await rm(file, { force: true });
      }
      await evict(folder, bytesMax);
    },
  };
}

/** At a time, so that a folder of thousands is not read for each. */
const giveUpBytes = 512 * 1024 ** 2;

/** The space of a segment cache. What has another link is in a work folder: to remove it here would free nothing. */
export function openSegmentSpace(folder: string): SegmentSpace {
  const spare = async () => (await segmentFiles(folder)).filter(({ links }) => links === 1);
  return {
    spareBytes: async () => (await spare()).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    async giveUp() {
      let bytes = 0;
      for (const file of (await spare()).toSorted((a, b) => a.usedAtMs - b.usedAtMs)) {
        if (bytes >= giveUpBytes) break;
        await remove(folder, file.name);
        bytes += file.sizeBytes;
      }
      return bytes > 0;
    },
  };
}

/** Whether a segment of that key is there, whole; nothing is used by it. */
export async function hasSegment(folder: string, key: string): Promise<boolean> {
  const record = await readRecord(path.join(folder, `${key}.json`));
  const found = await stat(path.join(folder, `${key}.media`)).catch(() => undefined);
  return record !== undefined && found?.size === record.sizeBytes;
}

async function readRecord(file: string) {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return entry.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** A link where both lie on one file system, else a copy. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  await rm(to, { force: true });
  await link(from, to).catch(() => copyFile(from, to));
}

/** Removes the least recently used segments until the rest fits. A job that uses one holds its own link. */
async function evict(folder: string, bytesMax: number): Promise<void> {
  const files = await segmentFiles(folder);
  let bytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  for (const { name, sizeBytes } of files.toSorted((a, b) => a.usedAtMs - b.usedAtMs)) {
    if (bytes <= bytesMax) return;
    await remove(folder, name);
    bytes -= sizeBytes;
  }
}

interface SegmentFile {
  readonly name: string;
  readonly sizeBytes: number;
  readonly usedAtMs: number;
  readonly links: number;
}

/** 10,000 answers at once held the event loop up for 0.2 to 0.5 s, again and again; so many at a time for 0.015 s. */
const statsAtATime = 16;

async function segmentFiles(folder: string): Promise<readonly SegmentFile[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.media'));
  return pMap(
    names,
    async (name) => {
      const found = await stat(path.join(folder, name)).catch(() => undefined);
      const { size = 0, mtimeMs = 0, nlink = 1 } = found ?? {};
      return { name, sizeBytes: size, usedAtMs: mtimeMs, links: nlink };
    },
    { concurrency: statsAtATime },
  );
}

/** The record first: without it there is no segment. */
async function remove(folder: string, name: string): Promise<void> {
  await rm(path.join(folder, name.replace(/\.media$/u, '.json')), { force: true });
  await rm(path.join(folder, name), { force: true });
}

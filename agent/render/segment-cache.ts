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
  const names = (await readdir(folder)).filter((name) => name.endsWith('.media'));
  const files = await Promise.all(
    names.map(async (name) => {
      const found = await stat(path.join(folder, name)).catch(() => undefined);
      return { name, sizeBytes: found?.size ?? 0, usedAtMs: found?.mtimeMs ?? 0 };
    }),
  );
  let bytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  for (const { name, sizeBytes } of files.toSorted((a, b) => a.usedAtMs - b.usedAtMs)) {
    if (bytes <= bytesMax) return;
    await rm(path.join(folder, name.replace(/\.media$/u, '.json')), { force: true });
    await rm(path.join(folder, name), { force: true });
    bytes -= sizeBytes;
  }
}

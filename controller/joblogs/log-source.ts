import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { LogFileName } from '../domain/log-files.ts';
import { filePath, orAbsent } from './log-paths.ts';
import { attemptRanges, loadParts } from './parts.ts';

/** What a reader reads: a file, or in job.log the stretches of one attempt, as if they were a file. */
export interface LogSource {
  /** undefined: it is not there (yet). */
  size(): Promise<number | undefined>;
  /** At most `bytesMax` from there; empty at the end. */
  read(offsetBytes: number, bytesMax: number): Promise<Uint8Array>;
}

/** @param attempt - 0: job.log of all attempts */
export function logSource(folder: string, file: LogFileName, attempt: number): LogSource {
  const path = filePath(folder, file, attempt);
  return file === 'job.log' && attempt > 0 ? partsSource(folder, path, attempt) : fileSource(path);
}

function fileSource(path: string): LogSource {
  return {
    size: () => withFile(path, async (file) => (await file.stat()).size),
    read: async (offsetBytes, bytesMax) =>
      (await withFile(path, (file) => readAt(file, offsetBytes, bytesMax))) ?? new Uint8Array(),
  };
}

function partsSource(folder: string, path: string, attempt: number): LogSource {
  const ranges = async () => attemptRanges(await loadParts(folder), attempt);
  return {
    async size() {
      const bytes = (await ranges()).reduce((sum, { from, to }) => sum + to - from, 0);
      return bytes === 0 ? undefined : bytes;
    },
    async read(offsetBytes, bytesMax) {
      let before = 0;
      for (const { from, to } of await ranges()) {
        const start = from + offsetBytes - before;
        const length = Math.min(bytesMax, to - start);
        if (length > 0) {
          return (await withFile(path, (file) => readAt(file, start, length))) ?? new Uint8Array();
        }
        before += to - from;
      }
      return new Uint8Array();
    },
  };
}

/** Opened for each piece, never through a link (Windows has no such flag, and counts as none): nothing stays open while a reader is slow. */
async function withFile<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T | undefined> {
  const handle = await orAbsent(open(path, constants.O_RDONLY | constants.O_NOFOLLOW));
  if (handle === undefined) return undefined;
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}

async function readAt(file: FileHandle, position: number, bytesMax: number): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafe(bytesMax);
  const { bytesRead } = await file.read(buffer, 0, bytesMax, position);
  return buffer.subarray(0, bytesRead);
}

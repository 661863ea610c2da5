import { mkdir, open, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { logBytesMax } from '../../proto/index.ts';
import { FarmError } from '../domain/errors.ts';
import type { JobLogs, LogAddress, LogFileName } from '../domain/log-files.ts';
import { logFolder } from '../domain/names.ts';
import type { Growth } from './growth.ts';
import { type LogIndex, openLogIndex } from './log-index.ts';
import { codeOf, filePath, orAbsent } from './log-paths.ts';
import { attemptBytes, beginPart, loadParts, TooManyPartsError } from './parts.ts';
import type { Turns } from './turns.ts';
import { markWhole } from './whole-marks.ts';

export interface JobLogsOptions {
  /** The folder `logs/`. */
  readonly root: string;
  /** @default the one in the root */
  readonly index?: LogIndex;
  /** Shared with whatever else changes these folders. */
  readonly turns: Turns;
  /** Told of what was added. */
  readonly growth?: Growth;
  /** Told whether the disk took what came: `undefined` when it did, else why not. */
  readonly wrote?: (trouble: Error | undefined) => void;
  /** Of one attempt. @default logBytesMax */
  readonly fileBytesMax?: Readonly<Record<LogFileName, number>>;
}

/**
 * Writes the log folders. One process does: uploads of one job take turns, so that two streams that send the same bytes
 * leave them there once.
 */
export function openJobLogs(options: JobLogsOptions): JobLogs {
  const { root, index = openLogIndex(root), turns, growth, wrote } = options;
  const inTurn = <T>(address: LogAddress, work: () => Promise<T>) =>
    turns.take(logFolder(address.place), () => asStorageError(address, work));
  const writing = <T>(address: LogAddress, work: () => Promise<T>) =>
    inTurn(address, async () => {
      try {
        const result = await work();
        wrote?.(undefined);
        growth?.grew(logFolder(address.place));
        return result;
      } catch (error) {
        if (error instanceof Error && codeOf(error) !== undefined && !(error instanceof FarmError))
          wrote?.(error);
        throw error;
      }
    });
  return {
    size: (address) => inTurn(address, async () => (await target(root, address)).bytes),
    append: (address, offsetBytes, data) =>
      writing(address, () => append({ ...options, index }, address, offsetBytes, data)),
    end: (address, sizeBytes) => writing(address, () => end({ ...options, index }, address, sizeBytes)),
  };
}

type WriteOptions = JobLogsOptions & { readonly index: LogIndex };

interface Target {
  readonly path: string;
  /** What is here of this attempt's file. */
  readonly bytes: number;
}

async function target(root: string, { place, attemptNumber, file }: LogAddress): Promise<Target> {
  const folder = join(root, logFolder(place));
  const path = filePath(folder, file, attemptNumber);
  if (file !== 'job.log') return { path, bytes: (await orAbsent(stat(path)))?.size ?? 0 };
  return { path, bytes: attemptBytes(await loadParts(folder), attemptNumber) };
}

async function append(
  { root, index, fileBytesMax = logBytesMax }: WriteOptions,
  address: LogAddress,
  offsetBytes: number,
  data: Uint8Array,
): Promise<number> {
  const { path, bytes } = await target(root, address);
  if (offsetBytes > bytes) throw gap(address, bytes, offsetBytes);
  const bytesMax = fileBytesMax[address.file];
  const end = offsetBytes + data.length;
  if (end > bytesMax) {
    throw new FarmError('LOG_TOO_LARGE', `${nameOf(address)} may have at most ${bytesMax} bytes`);
  }
  if (end <= bytes) return bytes;
  // Before the first byte: what is there can be found.
  if (bytes === 0) await index.put(address.place.jobId, logFolder(address.place));
  await mkdir(dirname(path), { recursive: true });
  if (address.file === 'job.log') await beginPart(dirname(path), address.attemptNumber);
  await appendBytes(path, data.subarray(bytes - offsetBytes));
  return end;
}

async function end({ root, index }: WriteOptions, address: LogAddress, sizeBytes: number): Promise<void> {
  const { bytes } = await target(root, address);
  if (bytes < sizeBytes) throw gap(address, bytes, sizeBytes);
  await index.put(address.place.jobId, logFolder(address.place));
  await markWhole(join(root, logFolder(address.place)), address.attemptNumber, address.file);
}

function gap(address: LogAddress, bytes: number, offsetBytes: number): FarmError {
  return new FarmError(
    'LOG_OFFSET',
    `${nameOf(address)} has ${bytes} bytes, not the ${offsetBytes} before this part`,
  );
}

function nameOf({ file, attemptNumber, place }: LogAddress): string {
  return `${file} of attempt ${attemptNumber} of job ${place.jobId}`;
}

async function appendBytes(path: string, data: Uint8Array): Promise<void> {
  await using file = await open(path, 'a');
  await file.appendFile(data);
}

/** A full or broken disk passes: the agent keeps the file and sends it again. */
async function asStorageError<T>(address: LogAddress, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof FarmError) throw cause;
    if (cause instanceof TooManyPartsError) throw new FarmError('LOG_TOO_LARGE', cause.message, { cause });
    const reason = codeOf(cause) ?? 'unexpected error';
    const message = `The log of job ${address.place.jobId} cannot be written: ${reason}`;
    throw new FarmError('STORAGE_UNAVAILABLE', message, { cause, retryAfterMs: 5_000 });
  }
}

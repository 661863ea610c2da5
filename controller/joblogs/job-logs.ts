import { mkdir, open, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { logBytesMax } from '../../proto/index.ts';
import { FarmError } from '../domain/errors.ts';
import type { JobLogs, LogAddress, LogFileName } from '../domain/log-files.ts';
import { logFolder } from '../domain/names.ts';
import { attemptBytes, beginPart, loadParts } from './parts.ts';
import { Turns } from './turns.ts';

export interface JobLogsOptions {
  /** The folder `logs/`. */
  readonly root: string;
  /** Of one attempt. @default logBytesMax */
  readonly fileBytesMax?: Readonly<Record<LogFileName, number>>;
}

/**
 * Opens the log folders. One process writes them: uploads of one job take turns, so that two streams that send the
 * same bytes leave them there once.
 */
export function openJobLogs({ root, fileBytesMax = logBytesMax }: JobLogsOptions): JobLogs {
  const turns = new Turns();
  const inTurn = <T>(address: LogAddress, work: () => Promise<T>) =>
    turns.take(logFolder(address.place), () => asStorageError(address, work));
  return {
    size: (address) => inTurn(address, async () => (await target(root, address)).bytes),
    append: (address, offsetBytes, data) =>
      inTurn(address, () => append(root, fileBytesMax[address.file], address, offsetBytes, data)),
  };
}

interface Target {
  readonly path: string;
  /** What is here of this attempt's file. */
  readonly bytes: number;
}

async function target(root: string, { place, attemptNumber, file }: LogAddress): Promise<Target> {
  const folder = join(root, logFolder(place));
  if (file === 'job.log') {
    const parts = await loadParts(folder);
    return { path: join(folder, file), bytes: attemptBytes(parts, attemptNumber) };
  }
  const path = attemptNumber === 1 ? join(folder, file) : join(folder, `attempt-${attemptNumber}`, file);
  return { path, bytes: await sizeOf(path) };
}

async function append(
  root: string,
  bytesMax: number,
  address: LogAddress,
  offsetBytes: number,
  data: Uint8Array,
): Promise<number> {
  const { path, bytes } = await target(root, address);
  const name = `${address.file} of attempt ${address.attemptNumber} of job ${address.place.jobId}`;
  if (offsetBytes > bytes) {
    throw new FarmError('LOG_OFFSET', `${name} has ${bytes} bytes, not the ${offsetBytes} before this part`);
  }
  const end = offsetBytes + data.length;
  if (end > bytesMax) throw new FarmError('LOG_TOO_LARGE', `${name} may have at most ${bytesMax} bytes`);
  if (end <= bytes) return bytes;
  await mkdir(dirname(path), { recursive: true });
  if (address.file === 'job.log') await beginPart(dirname(path), address.attemptNumber);
  await appendBytes(path, data.subarray(bytes - offsetBytes));
  return end;
}

async function appendBytes(path: string, data: Uint8Array): Promise<void> {
  await using file = await open(path, 'a');
  await file.appendFile(data);
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0;
    throw error;
  }
}

/** A full or broken disk passes: the agent keeps the file and sends it again. */
async function asStorageError<T>(address: LogAddress, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof FarmError) throw cause;
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unexpected error';
    const message = `The log of job ${address.place.jobId} cannot be written: ${reason}`;
    throw new FarmError('STORAGE_UNAVAILABLE', message, { cause, retryAfterMs: 5_000 });
  }
}

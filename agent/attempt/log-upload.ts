/**
 * Sends finished attempts' logs to the controller, in the background. Guarantee: a folder goes only when the
 * controller has all of its files, or when there are too many; nothing waits for it. It survives a restart, because
 * the folders are its memory.
 */
import { open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { JobRef } from '../../proto/index.ts';
import type { LogFileName } from './log-folder.ts';
import { logClosedFile, logFiles, logOwnerFile } from './log-folder.ts';

/** The controller's LogService, as this room needs it. */
export interface LogReceiver {
  /** How many bytes of the file the controller has. */
  offsetOf(ref: JobRef, file: LogFileName): Promise<number>;
  /** Sends the pieces, each at its offset; resolves with the size that the controller has then. */
  upload(ref: JobRef, file: LogFileName, pieces: AsyncIterable<LogPiece>): Promise<number>;
}

export interface LogPiece {
  readonly offsetBytes: number;
  readonly data: Uint8Array;
}

/** protocol.md, Services: at most 256 KiB a message. */
const pieceBytes = 256 * 1024;
/** More folders than this wait for nobody: the oldest goes. */
const foldersMax = 1_000;

export interface LogUploadOptions {
  readonly folder: string;
  readonly receiver: LogReceiver;
  readonly onTrouble: (message: string, error: unknown) => void;
  /** The controller has all of an attempt's logs. */
  readonly onSent?: (ref: JobRef) => void;
  /** Wait after a failure, doubling to 20 times as much. @default 3,000 */
  readonly retryMs?: number;
}

export interface LogUpload {
  /** There may be something new to send, or somebody to send it to. */
  nudge(): void;
  /** Resolves when everything that is ready was tried once. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

export function startLogUpload(options: LogUploadOptions): LogUpload {
  const { retryMs = 3_000, onTrouble } = options;
  const stopping = new AbortController();
  let nudged = new AbortController();
  let isDirty = false;
  let running: Promise<void> | undefined;

  const run = async (): Promise<void> => {
    let failures = 0;
    while ((isDirty || failures > 0) && !stopping.signal.aborted) {
      isDirty = false;
      try {
        await sendAll(options, stopping.signal);
        failures = 0;
      } catch (error) {
        failures += 1;
        onTrouble('logs could not be sent yet', error);
        const signal = AbortSignal.any([stopping.signal, nudged.signal]);
        const waitMs = retryMs * Math.min(20, 2 ** failures / 2);
        await delay(waitMs, undefined, { signal, ref: false }).catch(() => undefined);
      }
    }
    running = undefined;
  };

  return {
    nudge() {
      isDirty = true;
      nudged.abort();
      nudged = new AbortController();
      running ??= run();
    },
    settled: async () => running,
    async stop() {
      stopping.abort(new Error('the agent stops'));
      await running;
    },
  };
}

async function sendAll({ folder, receiver, onSent }: LogUploadOptions, signal: AbortSignal): Promise<void> {
  const ready = await readyFolders(folder);
  for (const path of ready.slice(0, -foldersMax)) await rm(path, { recursive: true, force: true });
  const failures: unknown[] = [];
  for (const path of ready.slice(-foldersMax)) {
    signal.throwIfAborted();
    // A log that the controller refuses must not hold back the others.
    await sendFolder(path, receiver)
      .then(async (ref) => {
        await rm(path, { recursive: true, force: true });
        onSent?.(ref);
      })
      .catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} logs were not sent`);
}

/** Folders to which nothing more is written, oldest first. */
async function readyFolders(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => []);
  const found: { path: string; closedMs: number }[] = [];
  for (const name of names) {
    const path = join(folder, name);
    const closed = await stat(join(path, logClosedFile)).catch(() => undefined);
    if (closed !== undefined) found.push({ path, closedMs: closed.mtimeMs });
  }
  return found.sort((a, b) => a.closedMs - b.closedMs).map(({ path }) => path);
}

async function sendFolder(path: string, receiver: LogReceiver): Promise<JobRef> {
  // Written by us, whole, before anything else in the folder.
  const ref = JSON.parse(await readFile(join(path, logOwnerFile), 'utf8')) as JobRef;
  for (const name of Object.values(logFiles)) await sendFile(join(path, name), ref, name, receiver);
  return ref;
}

async function sendFile(path: string, ref: JobRef, name: LogFileName, receiver: LogReceiver): Promise<void> {
  const size = (await stat(path).catch(() => undefined))?.size ?? 0;
  if (size === 0) return;
  const offset = await receiver.offsetOf(ref, name);
  if (offset >= size) return;
  await receiver.upload(ref, name, piecesOf(path, offset));
}

async function* piecesOf(path: string, from: number): AsyncGenerator<LogPiece> {
  const file = await open(path, 'r');
  try {
    for (let offsetBytes = from; ; ) {
      const { bytesRead, buffer } = await file.read(
        Buffer.allocUnsafe(pieceBytes),
        0,
        pieceBytes,
        offsetBytes,
      );
      if (bytesRead === 0) return;
      yield { offsetBytes, data: buffer.subarray(0, bytesRead) };
      offsetBytes += bytesRead;
    }
  } finally {
    await file.close();
  }
}

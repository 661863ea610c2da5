import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobRef } from '../../proto/index.ts';
import { fenceText } from '../../proto/index.ts';
import type { LogFileName } from './log-folder.ts';
import { logFiles, logOwnerFile } from './log-folder.ts';

/** The controller's LogService, as this room needs it. */
export interface LogReceiver {
  /** How many bytes of the file the controller has. @throws LogRefusedError, or what kept it from being asked */
  offsetOf(ref: JobRef, file: LogFileName, signal: AbortSignal): Promise<number>;
  /**
   * Sends the pieces, each at its offset; resolves with the size that the controller has then. With `endBytes` it is told
   * that the file gets no longer than this. @throws as offsetOf
   */
  upload(ref: JobRef, file: LogFileName, sending: LogSending, signal: AbortSignal): Promise<number>;
}

export interface LogSending {
  readonly pieces: AsyncIterable<LogPiece>;
  readonly endBytes?: number;
}

export interface LogPiece {
  readonly offsetBytes: number;
  readonly data: Uint8Array;
}

/** The controller was asked, and does not want this log; others may be sent. */
export class LogRefusedError extends Error {
  override readonly name = 'LogRefusedError';
}

/** protocol.md, Services: at most 256 KiB a message. */
const pieceBytes = 256 * 1024;
/** Of one file of an attempt that runs, at a time: what is more comes the next time. */
const liveBytesMax = 4 * pieceBytes;

/** Sends what the controller lacks of a folder. One piece is in memory at a time. */
export interface LogSender {
  /** What has been added since the last time, to a folder that is still written to. */
  sendLive(path: string, signal: AbortSignal): Promise<void>;
  /** Everything; the controller has it all, and knows that it does, when it resolves. */
  sendClosed(path: string, signal: AbortSignal): Promise<JobRef>;
  /** Knows nothing of this folder any more: the controller is asked before anything is sent again. */
  forget(path: string): void;
}

export function createLogSender(receiver: LogReceiver): LogSender {
  /** What the controller has of the files, by its last word; folders by path, files by owner and name. */
  const known = new Map<string, Map<string, number>>();
  return {
    async sendLive(path, signal) {
      const ref = await ownerOf(path);
      const offsets = known.get(path) ?? new Map<string, number>();
      known.set(path, offsets);
      for (const file of Object.values(logFiles)) {
        const key = `${fenceText(ref.fence)}/${file}`;
        const size = await sizeOf(join(path, file));
        if (size === (offsets.get(key) ?? 0)) continue;
        const from = offsets.get(key) ?? (await receiver.offsetOf(ref, file, signal));
        const to = Math.min(size, from + liveBytesMax);
        const pieces = piecesOf(join(path, file), from, to);
        offsets.set(key, from >= size ? from : await receiver.upload(ref, file, { pieces }, signal));
      }
    },
    async sendClosed(path, signal) {
      known.delete(path);
      const ref = await ownerOf(path);
      for (const file of Object.values(logFiles)) {
        const endBytes = await sizeOf(join(path, file));
        // Asked anew: another controller may lead by now, and the folder goes when this one has all.
        const from = endBytes === 0 ? 0 : await receiver.offsetOf(ref, file, signal);
        const pieces = piecesOf(join(path, file), from, endBytes);
        await receiver.upload(ref, file, { pieces, endBytes }, signal);
      }
      return ref;
    },
    forget: (path) => void known.delete(path),
  };
}

async function ownerOf(path: string): Promise<JobRef> {
  // Written by us, whole, before anything else in the folder.
  return JSON.parse(await readFile(join(path, logOwnerFile), 'utf8')) as JobRef;
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

async function* piecesOf(path: string, from: number, to: number): AsyncGenerator<LogPiece> {
  if (from >= to) return;
  await using file = await open(path, 'r');
  for (let offsetBytes = from; offsetBytes < to; ) {
    const buffer = Buffer.allocUnsafe(Math.min(pieceBytes, to - offsetBytes));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, offsetBytes);
    if (bytesRead === 0) return;
    yield { offsetBytes, data: buffer.subarray(0, bytesRead) };
    offsetBytes += bytesRead;
  }
}

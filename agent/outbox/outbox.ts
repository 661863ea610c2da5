/**
 * The agent's journal: records that are not yet acknowledged, and what a new instance must know. Guarantee: when
 * `append` resolves, the records survive kill -9 and power loss as far as the disk keeps its promises; records are
 * read back in the order of their appends. Limits: one owner per folder; `bytesMax` in all.
 */
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { JournalState } from '../core/journal-fold.ts';
import type { JournalRecord } from '../core/journal-records.ts';
import type { JournalDisk } from './journal-disk.ts';
import { openJournalDisk } from './journal-disk.ts';
import { JournalWriter } from './journal-writer.ts';
import { takeOwnerLock } from './owner-lock.ts';
import { readJournal } from './read-journal.ts';

export interface OutboxOptions {
  readonly folder: string;
  /** @default 64 MiB (protocol.md rule 7) */
  readonly bytesMax?: number;
  /** How long a full or failing disk is left alone before the next try. @default 1,000 */
  readonly retryMs?: number;
  /** Told when the journal stops or begins to have room; called outside `append`. */
  readonly onRoom?: (ok: boolean) => void;
  /** Told of what the disk did to us. */
  readonly onTrouble?: (message: string, error?: unknown) => void;
  /** @default a file in `folder` */
  readonly disk?: JournalDisk;
}

export interface Outbox {
  /** What was found at opening. */
  readonly found: JournalState;
  /** Resolves when all the records are durable; a full disk makes it wait, never lose. Rejects after `close`. */
  append(records: readonly JournalRecord[]): Promise<void>;
  /** Writes what is queued, once, and lets go of the folder. Idempotent. */
  close(): Promise<void>;
}

/** Opens the journal, mends what a crash has left, and owns it. Throws JournalOwnedError, or the disk's error. */
export async function openOutbox(options: OutboxOptions): Promise<Outbox> {
  await mkdir(options.folder, { recursive: true });
  const lock = takeOwnerLock(join(options.folder, 'journal.lock'));
  try {
    const disk = options.disk ?? (await openJournalDisk(join(options.folder, 'journal.jsonl')));
    const { state, writer } = await openWriter(options, disk);
    return {
      found: state,
      append: (records) => writer.append(records),
      async close() {
        await writer.close();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function openWriter(options: OutboxOptions, disk: JournalDisk) {
  const { bytesMax = 64 * 1024 ** 2, retryMs = 1_000, onRoom, onTrouble } = options;
  const bytes = await disk.read();
  const { state, wholeBytes, brokenLines } = readJournal(bytes, randomUUID());
  if (wholeBytes < bytes.byteLength) await disk.truncate(wholeBytes);
  if (brokenLines > 0) {
    onTrouble?.(`the journal had ${brokenLines} broken lines; it goes on as journal ${state.journalId}`);
  }
  const writer = new JournalWriter({
    disk,
    state,
    sizeBytes: wholeBytes,
    bytesMax,
    retryMs,
    onRoom: onRoom ?? (() => undefined),
    onTrouble: onTrouble ?? (() => undefined),
  });
  // A fresh or a mended journal is written whole, so that its identity is durable before its first event.
  if (wholeBytes === 0 || brokenLines > 0) await writer.rewrite();
  return { state, writer };
}

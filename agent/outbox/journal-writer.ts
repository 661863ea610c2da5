import { setTimeout as delay } from 'node:timers/promises';
import type { JournalState } from '../core/journal-fold.ts';
import { applyRecord, snapshotRecords } from '../core/journal-fold.ts';
import type { JournalRecord } from '../core/journal-records.ts';
import { mayBeLost } from '../core/journal-records.ts';
import type { JournalDisk } from './journal-disk.ts';
import { encodeLine } from './record-line.ts';

/** A file below this size is not worth rewriting. */
const rewriteBytesMin = 1024 ** 2;
/** Nothing new is begun in the last eighth of the journal: it is kept for what runs already. */
const roomShare = 7 / 8;
/** A close waits this long for a disk that does not take what is queued. */
const closeTries = 2;

export interface JournalWriterOptions {
  readonly disk: JournalDisk;
  readonly state: JournalState;
  readonly sizeBytes: number;
  readonly bytesMax: number;
  readonly retryMs: number;
  readonly onRoom: (ok: boolean) => void;
  readonly onTrouble: (message: string, error?: unknown) => void;
}

interface Queued {
  readonly records: readonly JournalRecord[];
  resolve(): void;
  reject(error: Error): void;
}

/** The one writer of the file: whatever is queued while a write is under way is written and fsynced together. */
export class JournalWriter {
  readonly #options: JournalWriterOptions;
  readonly #queue: Queued[] = [];
  readonly #closing = new AbortController();
  #state: JournalState;
  #sizeBytes: number;
  #rewrittenBytes: number;
  #hasRoom = true;
  /** What is on the disk is not known: after a failed fsync a second one may succeed without having written anything. */
  #isDoubtful = false;
  #running: Promise<void> | undefined;

  constructor(options: JournalWriterOptions) {
    this.#options = options;
    this.#state = options.state;
    this.#sizeBytes = options.sizeBytes;
    this.#rewrittenBytes = options.sizeBytes;
  }

  /** Resolves when the records are durable; waits for as long as the disk refuses. Rejects after `close`. */
  append(records: readonly JournalRecord[]): Promise<void> {
    if (this.#closing.signal.aborted) return Promise.reject(new Error('the journal is closed'));
    return new Promise((resolve, reject) => {
      this.#queue.push({ records, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Puts the fewest records that say the same in the file's place. */
  async rewrite(next = this.#state): Promise<void> {
    const text = snapshotRecords(next).map(encodeLine).join('');
    this.#isDoubtful = true;
    await this.#options.disk.replace(text);
    this.#isDoubtful = false;
    this.#sizeBytes = Buffer.byteLength(text);
    this.#rewrittenBytes = this.#sizeBytes;
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    await this.#running;
    await this.#options.disk.close();
  }

  async #run(): Promise<void> {
    for (let failures = 0; this.#queue.length > 0; ) {
      const all = [...this.#queue];
      try {
        await this.#write(all.flatMap((one) => one.records));
        failures = 0;
        this.#queue.splice(0, all.length);
        for (const one of all) one.resolve();
        this.#say(this.#sizeBytes <= this.#options.bytesMax * roomShare);
      } catch (error) {
        failures += 1;
        await this.#mend(error);
        if (this.#closing.signal.aborted && failures >= closeTries) break;
        const { signal } = this.#closing;
        await delay(this.#options.retryMs, undefined, { signal }).catch(() => undefined);
      }
    }
    for (const one of this.#queue.splice(0)) {
      one.reject(new Error('the journal is closed, and its disk has refused what was left'));
    }
    // In the same turn as the last look at the queue: nobody may find a writer that has stopped looking.
    this.#running = undefined;
  }

  async #write(records: readonly JournalRecord[]): Promise<void> {
    const { disk, bytesMax, onTrouble } = this.#options;
    const text = records.map(encodeLine).join('');
    const next = records.reduce(applyRecord, this.#state);
    const sizeBytes = this.#sizeBytes + Buffer.byteLength(text);
    const worthIt = Math.max(rewriteBytesMin, this.#rewrittenBytes * 4);
    if (this.#isDoubtful || sizeBytes > worthIt || sizeBytes > bytesMax * roomShare) {
      await this.rewrite(next);
      if (this.#sizeBytes > bytesMax) onTrouble(`the journal has ${this.#sizeBytes} of ${bytesMax} bytes`);
    } else {
      await disk.append(text);
      if (!records.every(mayBeLost)) await this.#sync();
      this.#sizeBytes = sizeBytes;
    }
    this.#state = next;
  }

  async #sync(): Promise<void> {
    this.#isDoubtful = true;
    await this.#options.disk.sync();
    this.#isDoubtful = false;
  }

  /** A write that failed may have left a part of itself; where more is in doubt, the file is written anew. */
  async #mend(error: unknown): Promise<void> {
    const { disk, onTrouble } = this.#options;
    onTrouble('the journal could not be written', error);
    this.#say(false);
    if (this.#isDoubtful) return;
    try {
      await disk.truncate(this.#sizeBytes);
    } catch (cause) {
      this.#isDoubtful = true;
      onTrouble('it cannot be mended, and is written anew', cause);
    }
  }

  #say(ok: boolean): void {
    if (ok === this.#hasRoom) return;
    this.#hasRoom = ok;
    this.#options.onRoom(ok);
  }
}

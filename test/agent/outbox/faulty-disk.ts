import type { JournalDisk } from '../../../agent/outbox/journal-disk.ts';

export type DiskCall = 'read' | 'append' | 'sync' | 'truncate' | 'replace';

/**
 * A disk that fails when it is told to, as real ones do: an append leaves a part of itself, an fsync that fails forgets
 * what it should have written (a second one then succeeds), a replacement may have happened although it failed.
 */
export class FaultyDisk implements JournalDisk {
  /** What a reader sees while the power is on. */
  bytes = Buffer.alloc(0);
  /** What is there after a power cut. */
  durable = Buffer.alloc(0);
  readonly calls: DiskCall[] = [];
  /** Says of each call, by its number from 1, whether it fails. */
  readonly #fails: (number: number, call: DiskCall) => boolean;
  #dirty: { from: number; to: number }[] = [];

  constructor(fails: (number: number, call: DiskCall) => boolean) {
    this.#fails = fails;
  }

  read(): Promise<Uint8Array> {
    return this.#do('read', () => Promise.resolve(this.bytes));
  }

  append(text: string): Promise<void> {
    const add = (part: string): void => {
      const from = this.bytes.length;
      this.bytes = Buffer.concat([this.bytes, Buffer.from(part)]);
      this.#dirty.push({ from, to: this.bytes.length });
    };
    return this.#do(
      'append',
      async () => {
        add(text);
        await Promise.resolve();
      },
      () => {
        add(text.slice(0, text.length / 2));
      },
    );
  }

  sync(): Promise<void> {
    const flush = (keeps: boolean): void => {
      const { length } = this.bytes;
      const next = Buffer.alloc(length);
      this.durable.copy(next, 0, 0, Math.min(length, this.durable.length));
      if (keeps)
        for (const { from, to } of this.#dirty) this.bytes.copy(next, from, from, Math.min(to, length));
      this.durable = next;
      this.#dirty = [];
    };
    return this.#do(
      'sync',
      async () => {
        flush(true);
        await Promise.resolve();
      },
      () => {
        flush(false);
      },
    );
  }

  truncate(bytes: number): Promise<void> {
    return this.#do('truncate', () => {
      this.bytes = Buffer.from(this.bytes.subarray(0, bytes));
      this.durable = Buffer.from(this.durable.subarray(0, bytes));
      return Promise.resolve();
    });
  }

  replace(text: string): Promise<void> {
    const put = (): void => {
      this.bytes = Buffer.from(text);
      this.durable = Buffer.from(text);
      this.#dirty = [];
    };
    // Every other failure comes after the rename: the fsync of the folder.
    return this.#do(
      'replace',
      async () => {
        put();
        await Promise.resolve();
      },
      () => {
        if (this.calls.length % 2 === 0) put();
      },
    );
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #do<T>(call: DiskCall, act: () => Promise<T>, halfway?: () => void): Promise<T> {
    this.calls.push(call);
    await Promise.resolve();
    if (!this.#fails(this.calls.length, call)) return act();
    halfway?.();
    throw Object.assign(new Error(`EIO: ${call} number ${this.calls.length}`), { code: 'EIO' });
  }
}

import { resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { decodeRecord, encodeBatch, encodeChunks, requireBatchNumber } from '../encode-batch.ts';
import {
  type Batch,
  type CommitResult,
  type Durability,
  type Epoch,
  type LeaderInfo,
  type Leadership,
  type LeadOptions,
  type Loaded,
  type Rewrite,
  type RewriteResult,
  type Store,
  StoreUnavailable,
} from '../port.ts';
import { StoreThreadCaller, type ThreadKind } from './store-thread-caller.ts';
import type { ThreadCalls } from './thread-protocol.ts';

export interface SqliteStoreOptions {
  /** The database file, made at first use with its folder. Beside it: `-wal`, `-shm` and `.leader`. */
  readonly file: string;
  /** The file grows to this at most; then commits fail until something is deleted. @default 64 GiB */
  readonly fileBytesMax?: number;
  /** How often a waiting `lead` tries again. @default 200 */
  readonly leadRetryMs?: number;
}

/**
 * The embedded store: one SQLite file on a local disk, written in a thread of its own.
 *
 * Guarantees: those of the port. A commit is synced before it resolves (WAL, synchronous=FULL), so that it survives
 * kill -9 and a power cut, as far as the disk keeps what it says it has.
 * Limits: one leader at a time on one machine; the others wait in `lead` until its process ends or closes.
 */
export function openSqliteStore(options: SqliteStoreOptions): Store {
  return new SqliteStore({
    file: resolve(options.file),
    fileBytesMax: options.fileBytesMax ?? 64 * 1024 ** 3,
    leadRetryMs: options.leadRetryMs ?? 200,
  });
}

const storeThread: ThreadKind = { name: 'store', script: './store-thread.ts' };

class SqliteStore implements Store {
  readonly #options: Required<SqliteStoreOptions>;
  #thread: StoreThreadCaller<ThreadCalls> | undefined;
  #closed = false;

  constructor(options: Required<SqliteStoreOptions>) {
    this.#options = options;
  }

  async lead(options: LeadOptions): Promise<Leadership> {
    const { leaderId, termAtLeast, addresses = [] } = options;
    for (;;) {
      options.signal.throwIfAborted();
      const thread = this.#running();
      const led = await thread.call('tryLead', { leaderId, termAtLeast, addresses });
      if (led !== undefined) return { ...led, lost: thread.ended, isHeld: () => !thread.ended.aborted };
      await setTimeout(this.#options.leadRetryMs, undefined, { signal: options.signal }).catch(
        () => undefined,
      );
    }
  }

  async leader(): Promise<LeaderInfo | undefined> {
    return await this.#running().call('leader');
  }

  async load(): Promise<Loaded> {
    const loaded = await this.#running().call('load');
    return { ...loaded, records: loaded.records.map(decodeRecord) };
  }

  async commit(batch: Batch, epoch: Epoch): Promise<CommitResult> {
    return await this.#running().call('commit', encodeBatch(batch), epoch);
  }

  async rewrite({ farmId, number, records }: Rewrite, epoch: Epoch): Promise<RewriteResult> {
    requireBatchNumber(number);
    const thread = this.#running();
    await thread.call('stage', [], true);
    for (const piece of encodeChunks(records)) await thread.call('stage', piece, false);
    return await thread.call('takeStaged', { farmId, number }, epoch);
  }

  async durability(): Promise<Durability> {
    return await this.#running().call('durability');
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#thread?.end();
  }

  /** The thread; a new one where the last has crashed, so that leading again is all it takes to go on. */
  #running(): StoreThreadCaller<ThreadCalls> {
    if (this.#closed) throw new StoreUnavailable(`${this.#options.file}: the store is closed`);
    if (this.#thread === undefined || this.#thread.ended.aborted) {
      this.#thread = new StoreThreadCaller(storeThread, this.#options);
    }
    return this.#thread;
  }
}

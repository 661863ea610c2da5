/** One record: JSON with a version, by kind and id. The store never looks into `body`. */
export interface StoredRecord {
  readonly kind: string;
  readonly id: string;
  /** Version of the body's shape, for readers of a later release. */
  readonly version: number;
  readonly body: unknown;
}

export interface RecordKey {
  readonly kind: string;
  readonly id: string;
}

/** A leadership: both are compared, so that a term that was issued twice is still told apart. */
export interface Epoch {
  readonly term: number;
  readonly leaderId: string;
}

/** Changes that become durable together or not at all: the upserts in order, then the deletes. */
export interface Batch {
  /** Counts from 1 in the life of the store; `previous` is the number of the batch before it (0: none). */
  readonly number: number;
  readonly previous: number;
  readonly upserts: readonly StoredRecord[];
  readonly deletes: readonly RecordKey[];
}

/** A batch beyond these is a mistake of the caller: `commit` rejects it with a RangeError and writes nothing. */
export const batchLimits = { recordsMax: 10_000, bytesMax: 64 * 1024 * 1024 } as const;

export type CommitResult =
  | { readonly result: 'committed' }
  /** Somebody else leads, or leads again: `stored` is the epoch that the store holds. Nothing was written. */
  | { readonly result: 'stale-epoch'; readonly stored: Epoch }
  /** The store's last batch is another than `previous`: it lost its tail. Nothing was written. */
  | { readonly result: 'broken-chain'; readonly lastBatch: number };

export interface Loaded {
  /** Made by the store at its first use; terms and fences compare only within one farm. */
  readonly farmId: string;
  readonly lastBatch: number;
  readonly records: readonly StoredRecord[];
}

export interface Leadership {
  readonly epoch: Epoch;
  /** Aborted when the leadership is lost. SQLite holds it as long as the file is open. */
  readonly lost: AbortSignal;
}

/**
 * Durable storage, small and dumb. One conformance suite (`test/controller/store/conformance.ts`) runs on every
 * implementation.
 *
 * Guarantees: `commit` is atomic, durable when it resolves, and fenced by the epoch; committing the very same batch
 * (number and epoch) again after an unclear failure is harmless. Limits: one leader at a time; a batch holds at
 * most 10,000 records and 64 MiB.
 */
export interface Store {
  /**
   * Obtains leadership with term = max(stored term, `termAtLeast`, 0) + 1 and writes it. Waits while another leader
   * is alive, until `signal` is aborted. @throws STORE_UNAVAILABLE, STORE_INCOMPATIBLE, or the signal's reason
   */
  lead(options: {
    readonly leaderId: string;
    readonly termAtLeast: number;
    readonly signal: AbortSignal;
  }): Promise<Leadership>;
  /** All records, as of the last committed batch. */
  load(): Promise<Loaded>;
  /** @throws StoreUnavailable when the outcome is unknown or nothing was written: commit the same batch again. */
  commit(batch: Batch, epoch: Epoch): Promise<CommitResult>;
  /** What is known of how durable a commit is, for the start-up log. */
  durability(): Promise<string>;
  /** Gives up the leadership and closes everything. Idempotent. */
  close(): Promise<void>;
}

/** The store could not be reached or could not write; its reason is the cause. */
export class StoreUnavailable extends Error {
  readonly code = 'STORE_UNAVAILABLE';
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'StoreUnavailable';
  }
}

/** The storage is there, but not of a shape that this release can use. Trying again is useless. */
export class StoreIncompatible extends Error {
  readonly code = 'STORE_INCOMPATIBLE';
  constructor(message: string) {
    super(message);
    this.name = 'StoreIncompatible';
  }
}

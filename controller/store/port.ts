/** One record: JSON with a version, by kind and id. The store never looks into `body`. */
export interface StoredRecord {
  /** A word of ours, without a colon. */
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

/** Somebody else leads, or leads again: `stored` is the epoch that the store holds. Nothing was written. */
interface StaleEpoch {
  readonly result: 'stale-epoch';
  readonly stored: Epoch;
}

export type CommitResult =
  | { readonly result: 'committed' }
  | StaleEpoch
  /** The store's last batch is another than `previous`: it lost its tail. Nothing was written. */
  | { readonly result: 'broken-chain'; readonly lastBatch: number };

export type RewriteResult = { readonly result: 'committed' } | StaleEpoch;

/** A whole farm, as `rewrite` puts it in the place of everything that the store holds. */
export interface Rewrite {
  /** Of the farm that is written: a store that lost everything has made itself another one. */
  readonly farmId: string;
  /** The store's last batch from then on; the next batch names it as `previous`. */
  readonly number: number;
  /** Read once, in pieces, while it is written: it may not change meanwhile. Each record has its own key. */
  readonly records: Iterable<StoredRecord>;
}

export interface Loaded {
  /** Made by the store at its first use; terms and fences compare only within one farm. */
  readonly farmId: string;
  readonly lastBatch: number;
  readonly records: readonly StoredRecord[];
}

export interface LeadOptions {
  /** Of this process, for all of its life: see `Leadership.otherEpoch`. */
  readonly leaderId: string;
  readonly termAtLeast: number;
  /** Where this controller answers, `host:port`, for `leader()` of the others. @default none */
  readonly addresses?: readonly string[];
  /** Ends the waiting. */
  readonly signal: AbortSignal;
}

export interface Leadership {
  readonly epoch: Epoch;
  /**
   * The newest epoch of any *other* leader id that the store knows (term 0: none). A leader that leads again, whose
   * last epoch was `mine`, asks `someoneElseLed`: if so, drop memory and `load`; if not, go on from memory and `rewrite`.
   */
  readonly otherEpoch: Epoch;
  /** The store's last batch when the leadership was obtained. */
  readonly lastBatch: number;
  /**
   * Aborted when the leadership is lost, with the reason. SQLite holds it as long as the file is open; Redis loses it
   * after `leadershipGraceMs` without renewal, or when the store holds another epoch.
   */
  readonly lost: AbortSignal;
  /**
   * False as soon as somebody else may lead, by the clock: a process that was frozen knows it before any timer of it
   * has fired. Ask before anything leaves that no commit stands behind.
   */
  isHeld(): boolean;
}

/** Who leads now, as far as the store knows. */
export interface LeaderInfo {
  readonly epoch: Epoch;
  /** What it said in `lead`. */
  readonly addresses: readonly string[];
}

/** How durable a commit is. */
export interface Durability {
  /** One line for the start-up log. */
  readonly description: string;
  /** How a job that was acknowledged could be lost, and what is not known; none: it cannot. */
  readonly warnings: readonly string[];
}

/**
 * Durable storage, small and dumb. One conformance suite (`test/controller/store/conformance.ts`) runs on every
 * implementation.
 *
 * Guarantees: `commit` and `rewrite` are atomic, durable when they resolve (as far as `durability` says), and fenced by
 * the epoch; doing the very same (number and epoch) again after an unclear failure is harmless, and so is a copy of a
 * call that arrives late. Every call ends within its time limit. Limits: one leader at a time; a batch holds at most
 * 10,000 records and 64 MiB.
 */
export interface Store {
  /**
   * Obtains leadership with term = max(stored term, `termAtLeast`, 0) + 1 and writes it. Waits while another leader
   * is alive, until `signal` is aborted. A leader that leads again does not wait for itself.
   * @throws STORE_UNAVAILABLE (try again later), STORE_INCOMPATIBLE, or the signal's reason
   */
  lead(options: LeadOptions): Promise<Leadership>;
  /** Undefined: nobody leads. For standbys, who tell others where to go. @throws StoreUnavailable */
  leader(): Promise<LeaderInfo | undefined>;
  /** All records in any order, as of the last committed batch. */
  load(): Promise<Loaded>;
  /** @throws StoreUnavailable when the outcome is unknown or nothing was written: commit the same batch again. */
  commit(batch: Batch, epoch: Epoch): Promise<CommitResult>;
  /**
   * Replaces everything, whatever the last batch is: for a leader whose memory is newer than a store that lost its
   * tail. Written in bounded pieces, beside what is there, which stands until the last piece takes its place.
   * @throws StoreUnavailable when the outcome is unknown or nothing was replaced: rewrite the same again
   */
  rewrite(whole: Rewrite, epoch: Epoch): Promise<RewriteResult>;
  /** Reads what is really configured. @throws StoreUnavailable */
  durability(): Promise<Durability>;
  /** Gives up the leadership at once, so that a waiting `lead` goes on, and closes everything. Idempotent. */
  close(): Promise<void>;
}

/** Whether another leader may have written since `mine` was our epoch: then memory is no longer the truth. */
export function someoneElseLed(leadership: Pick<Leadership, 'otherEpoch'>, mine: Epoch): boolean {
  // An equal term was issued twice, after a lost tail: the other one may have written too.
  return leadership.otherEpoch.term >= mine.term;
}

export function sameEpoch(a: Epoch, b: Epoch): boolean {
  return a.term === b.term && a.leaderId === b.leaderId;
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

/** Tables of what is over: an entry of history for each job, and a row of results for each end of one. */
export type PastTable = 'history' | 'results';

/** One row, and what it is found by. Its texts are JSON; a table never looks into them. */
export interface PastRow {
  /** ASCII, at most 64 characters: a job's id; of results, its end with it. */
  readonly id: string;
  readonly endedAtMs: number;
  /** Digits of one fixed number: the greater text is the newer one. */
  readonly revision: string;
  readonly userId: string;
  readonly queue: string;
  readonly state: string;
  /** Empty: none. */
  readonly agentId: string;
  readonly channelName: string;
  /** What lists need. */
  readonly summary: string;
  /** What only the row itself shows. */
  readonly detail: string;
}

/** All that is given must hold. */
export interface PastFilter {
  readonly userId?: string;
  readonly queue?: string;
  /** Any when empty or absent. */
  readonly states?: readonly string[];
  readonly agentId?: string;
  /** Part of the channel's name; ASCII letters match in upper and lower case, every other character itself. */
  readonly channelText?: string;
  /** Included. */
  readonly endedFromMs?: number;
  /** Not included. */
  readonly endedBeforeMs?: number;
}

/** Where a row stands in the one order: by its end, newest first, then by its id, greatest first. */
export interface PastPlace {
  readonly endedAtMs: number;
  readonly id: string;
}

export type ListedRow = PastPlace & Pick<PastRow, 'summary'>;

/** What may stay in a table, and how many rows one call removes at most. */
export interface PastLimits {
  /** Rows that ended before are too old. */
  readonly endedBeforeMs: number;
  /** The oldest beyond these go. */
  readonly rowsMax: number;
  readonly sliceMax: number;
}

/**
 * A table of what has ended, a row for each id. What resolves is durable as far as the store below is. Every call
 * may be repeated.
 */
export interface PastRows {
  /** Each row, where none as new as it is there. At most 100 in a call. @throws StoreUnavailable: some may be there */
  put(rows: readonly PastRow[]): Promise<void>;
  /** @throws StoreUnavailable */
  get(id: string): Promise<Pick<PastRow, 'summary' | 'detail'> | undefined>;
  /** At most `size` rows behind `after`, in the one order; fewer: there are no more. @throws StoreUnavailable */
  list(filter: PastFilter, size: number, after?: PastPlace): Promise<readonly ListedRow[]>;
  /** Removes one slice, the oldest first. How many went; fewer than `sliceMax`: all is within the limits. */
  expire(limits: PastLimits): Promise<number>;
}

/** Both tables of one place. */
export interface PastTables {
  table(name: PastTable): PastRows;
  /** Closes both. Idempotent. */
  close(): Promise<void>;
}

import type { AttemptRecord } from '../domain/attempt.ts';
import type { JobRecord, JobSpec, JobState } from '../domain/job.ts';
import type { ResultRow } from '../domain/result-row.ts';

/** A job that has ended, as lists show it: they may leave out its timeline and its problems. */
export interface PastJob {
  /** As it ended: `endedAtMs` is there. What a table does not keep is empty, never made up. */
  readonly job: JobRecord;
  /** Whole percent, as users see it. */
  readonly percent: number;
}

/** All that is kept of it: enough to show it, and to begin it anew. */
export interface PastJobDetail extends PastJob {
  readonly spec: JobSpec;
  /** In short, oldest first: without timeline, manifest and lines of stderr. Empty where none are kept. */
  readonly attempts: readonly AttemptRecord[];
}

/** All that is given must hold. */
export interface HistoryFilter {
  readonly userId?: string;
  readonly queue?: string;
  /** Any when empty or absent. */
  readonly states?: readonly JobState[];
  /** The agent that had it last. */
  readonly agentId?: string;
  /** Part of the channel's name, in upper or lower case of ASCII letters; no character in it means another. */
  readonly channelText?: string;
  /** Unix ms, included. */
  readonly endedFromMs?: number;
  /** Unix ms, not included. */
  readonly endedBeforeMs?: number;
}

/** Where a job stands in the one order of history: by its end, newest first, then by its id, greatest first. */
export interface HistoryPlace {
  readonly endedAtMs: number;
  readonly jobId: string;
}

/**
 * Jobs that have left the hot store, or soon will. A job has one entry, the newest that was written: one that was
 * retried stands where it ended last. A page that follows a place is the same however many jobs end meanwhile.
 */
export interface History {
  /** Undefined: not kept here. @throws HistoryAway */
  get(jobId: string): Promise<PastJobDetail | undefined>;
  /**
   * At most `size` jobs behind `after` (from the newest where it is absent), in the one order; fewer mean that there
   * are no more.
   * @throws HistoryAway
   */
  list(filter: HistoryFilter, size: number, after?: HistoryPlace): Promise<readonly PastJob[]>;
}

/** Rows of results that are kept here, newest end first. */
export interface ResultPages {
  /**
   * A page, and the token of the next one; empty: this was the last.
   * @throws FarmError HISTORY_UNAVAILABLE, INVALID_REQUEST
   */
  page(
    filter: HistoryFilter,
    page: { readonly size: number; readonly token: string },
  ): Promise<{ readonly entries: readonly ResultRow[]; readonly nextToken: string }>;
}

/** History cannot be read or written just now; what is wrong, for people. */
export class HistoryAway extends Error {
  readonly code = 'HISTORY_AWAY';
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'HistoryAway';
  }
}

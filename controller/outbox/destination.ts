import type { AttemptRecord } from '../domain/attempt.ts';
import type { JobBody, JobRecord } from '../domain/job.ts';
import type { DestinationName } from '../domain/outbox.ts';

/** A job as a destination is told of it: committed, and newer than everything that it was told before. */
export interface OutboxItem {
  readonly job: JobRecord;
  readonly body: JobBody;
  /** The attempt that published, else the last one that ended; absent where nothing ended yet. */
  readonly attempt?: AttemptRecord;
  /** Every attempt that is kept, oldest first. */
  readonly attempts?: readonly AttemptRecord[];
  /** Whole percent, as users see it. */
  readonly percent: number;
  /**
   * Grows with every delivery of this farm, also from one leader to the next: term and counter as one decimal number,
   * too large for a double. A late copy of an older delivery is told by it.
   */
  readonly revision: string;
}

/** What became of one item. `refused`: it will not be taken as it is, whoever sends it again; the text says why. */
export type Delivery =
  | { readonly result: 'delivered' }
  | { readonly result: 'refused'; readonly reason: string };

/**
 * Takes jobs to one place outside. Every item may come again (the answer may have been lost), and must then change
 * nothing that a newer one has written.
 */
export interface Destination {
  readonly name: DestinationName;
  /** Items that one call takes at most. */
  readonly itemsMax: number;
  /**
   * Resolves with one Delivery per item, in their order, each of another job.
   * @throws DestinationAway where it cannot be told, or may have been: all of the items come again later
   * @throws any other error is a mistake: the items come again, fewer at a time, until the one that makes it is alone and
   *   set aside
   */
  deliver(items: readonly OutboxItem[], signal: AbortSignal): Promise<readonly Delivery[]>;
  close?(): Promise<void>;
}

/** The destination does not answer, or says that it cannot just now. */
export class DestinationAway extends Error {
  readonly code = 'DESTINATION_AWAY';
  /** It asked to be left alone for so long. */
  readonly retryAfterMs: number | undefined;
  constructor(message: string, options: { readonly cause?: unknown; readonly retryAfterMs?: number } = {}) {
    super(message, { cause: options.cause });
    this.name = 'DestinationAway';
    this.retryAfterMs = options.retryAfterMs;
  }
}

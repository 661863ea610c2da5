import type {
  Assign,
  AttemptTombstone,
  Fence,
  FinishedOutcome,
  JobRef,
  JournalEvent,
  Manifest,
  Outcome,
  Usage,
} from '../../proto/agent-link.ts';

/**
 * What an agent writes down. A step's records are durable before any effect of that step leaves: an accepted
 * assignment before its reply, an event before it is sent, a grant before the rename.
 */
export type JournalRecord =
  | { readonly kind: 'journal'; readonly journalId: string }
  /** The farm and the highest leadership that this agent has obeyed. */
  | { readonly kind: 'farm'; readonly farmId: string; readonly term: number; readonly leaderId: string }
  /** `startedAs`: after an adoption, the fence that its folders are named after. */
  | { readonly kind: 'accepted'; readonly assign: Assign; readonly startedAs?: JobRef }
  | { readonly kind: 'event'; readonly event: JournalEvent }
  /** The attempt's file is in its staging folder: what is needed to publish it after a restart. */
  | {
      readonly kind: 'staged';
      readonly ref: JobRef;
      readonly manifest: Manifest;
      readonly usage: Usage;
      /** The identity of the share that it was staged on. */
      readonly shareId?: string;
    }
  /** The attempt goes on under this fence (protocol.md rule 3); its folders stay those of the first. */
  | { readonly kind: 'adopted'; readonly ref: JobRef; readonly fence: Fence }
  | { readonly kind: 'granted'; readonly ref: JobRef; readonly finalName: string }
  | {
      readonly kind: 'ended';
      readonly ref: JobRef;
      readonly finished: FinishedOutcome;
      /** Number of the event that reports it; the attempt is held until that is acknowledged. */
      readonly eventNumber: number;
    }
  /** Dropped without a report: the controller said forget, or the attempt died with an earlier instance. */
  | { readonly kind: 'dropped'; readonly ref: JobRef }
  | { readonly kind: 'tombstone'; readonly tombstone: AttemptTombstone; readonly atMs: number }
  | { readonly kind: 'acked'; readonly number: number }
  /** Where event numbers go on after a rewrite of the file. */
  | { readonly kind: 'counters'; readonly acked: number; readonly lastEvent: number };

/** An acknowledgement that is lost in a crash only means that events are sent again. */
export function mayBeLost(record: JournalRecord): boolean {
  return record.kind === 'acked';
}

/** The tombstone that an outcome leaves. */
export function tombstoneOf(ref: JobRef, outcome: Outcome, publishedPath?: string): AttemptTombstone {
  return { ref, outcome, ...(publishedPath === undefined ? {} : { publishedPath }) };
}

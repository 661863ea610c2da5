import type {
  Assign,
  AttemptTombstone,
  Fence,
  FinishedOutcome,
  JobRef,
  JournalEvent,
  Manifest,
  Usage,
} from '../../proto/agent-link.ts';
import { fenceText } from '../../proto/agent-link.ts';
import type { JournalRecord } from './journal-records.ts';

/** Ended fences are remembered for 30 days (protocol.md rule 4), and never more than this many. */
export const tombstonesMax = 5_000;
export const tombstoneKeepMs = 30 * 24 * 3_600_000;

/** An attempt as the journal knows it. */
export interface JournalAttempt {
  readonly assign: Assign;
  /** After an adoption: what it was accepted as, which its folders are named after. */
  readonly startedAs?: JobRef;
  readonly manifest?: Manifest;
  readonly usage?: Usage;
  /** The identity of the share that it was staged on, where there was one. */
  readonly shareId?: string;
  /** The name that a grant allows; present from the grant on. */
  readonly grantedName?: string;
  readonly finished?: FinishedOutcome;
  readonly endedByEvent?: number;
}

/** All that an agent remembers across its own death: the fold of its records. */
export interface JournalState {
  readonly journalId: string;
  readonly farm?: { readonly farmId: string; readonly term: number; readonly leaderId: string };
  /** Every event up to this number is committed by the controller. */
  readonly acked: number;
  readonly lastEvent: number;
  /** Exactly the numbers from `acked + 1` to `lastEvent`. */
  readonly events: readonly JournalEvent[];
  readonly attempts: ReadonlyMap<string, JournalAttempt>;
  /** By key, oldest first. */
  readonly tombstones: ReadonlyMap<string, { readonly tombstone: AttemptTombstone; readonly atMs: number }>;
}

/** The key of an attempt: its job and its fence. */
export function keyOf(ref: JobRef): string {
  return `${ref.jobId}/${fenceText(ref.fence)}`;
}

/** A journal without any record. */
export function emptyJournal(journalId: string): JournalState {
  return { journalId, acked: 0, lastEvent: 0, events: [], attempts: new Map(), tombstones: new Map() };
}

/** What the journal says after one more record. A record of an attempt that it does not hold changes nothing. */
export function applyRecord(state: JournalState, record: JournalRecord): JournalState {
  switch (record.kind) {
    case 'journal':
      return { ...state, journalId: record.journalId };
    case 'farm':
      return {
        ...state,
        farm: { farmId: record.farmId, term: record.term, leaderId: record.leaderId },
      };
    case 'accepted':
      return withAttempt(state, record.assign.ref, {
        assign: record.assign,
        ...(record.startedAs === undefined ? {} : { startedAs: record.startedAs }),
      });
    case 'event':
      return { ...state, lastEvent: record.event.number, events: [...state.events, record.event] };
    case 'staged':
      return change(state, record.ref, {
        manifest: record.manifest,
        usage: record.usage,
        ...(record.shareId === undefined ? {} : { shareId: record.shareId }),
      });
    case 'adopted':
      return adopt(state, record.ref, record.fence);
    case 'granted':
      return change(state, record.ref, { grantedName: record.finalName });
    case 'ended':
      return change(state, record.ref, { finished: record.finished, endedByEvent: record.eventNumber });
    case 'dropped':
      return withoutAttempts(state, (key) => key === keyOf(record.ref));
    case 'tombstone':
      return withTombstone(state, record.tombstone, record.atMs);
    case 'acked':
      return acknowledge(state, record.number);
    case 'counters':
      return { ...state, acked: record.acked, lastEvent: record.lastEvent };
  }
}

/** The fewest records whose fold is this state: what a rewritten journal file holds. */
export function snapshotRecords(state: JournalState): JournalRecord[] {
  const records: JournalRecord[] = [{ kind: 'journal', journalId: state.journalId }];
  if (state.farm !== undefined) records.push({ kind: 'farm', ...state.farm });
  for (const { tombstone, atMs } of state.tombstones.values()) {
    records.push({ kind: 'tombstone', tombstone, atMs });
  }
  for (const attempt of state.attempts.values()) records.push(...attemptRecords(attempt));
  records.push({ kind: 'counters', acked: state.acked, lastEvent: state.acked });
  for (const event of state.events) records.push({ kind: 'event', event });
  return records;
}

function attemptRecords(attempt: JournalAttempt): JournalRecord[] {
  const { assign, startedAs, manifest, usage, shareId } = attempt;
  const { ref } = assign;
  const records: JournalRecord[] = [
    { kind: 'accepted', assign, ...(startedAs === undefined ? {} : { startedAs }) },
  ];
  if (manifest !== undefined && usage !== undefined) {
    records.push({ kind: 'staged', ref, manifest, usage, ...(shareId === undefined ? {} : { shareId }) });
  }
  if (attempt.grantedName !== undefined) {
    records.push({ kind: 'granted', ref, finalName: attempt.grantedName });
  }
  if (attempt.finished !== undefined && attempt.endedByEvent !== undefined) {
    records.push({ kind: 'ended', ref, finished: attempt.finished, eventNumber: attempt.endedByEvent });
  }
  return records;
}

function withAttempt(state: JournalState, ref: JobRef, attempt: JournalAttempt): JournalState {
  return { ...state, attempts: new Map(state.attempts).set(keyOf(ref), attempt) };
}

function change(state: JournalState, ref: JobRef, changes: Partial<JournalAttempt>): JournalState {
  const attempt = state.attempts.get(keyOf(ref));
  return attempt === undefined ? state : withAttempt(state, ref, { ...attempt, ...changes });
}

function adopt(state: JournalState, ref: JobRef, fence: Fence): JournalState {
  const attempt = state.attempts.get(keyOf(ref));
  if (attempt === undefined) return state;
  const assign = { ...attempt.assign, ref: { jobId: ref.jobId, fence } };
  const others = withoutAttempts(state, (key) => key === keyOf(ref));
  return withAttempt(others, assign.ref, { ...attempt, assign, startedAs: attempt.startedAs ?? ref });
}

function withoutAttempts(
  state: JournalState,
  leaves: (key: string, attempt: JournalAttempt) => boolean,
): JournalState {
  const attempts = [...state.attempts].filter(([key, attempt]) => !leaves(key, attempt));
  return attempts.length === state.attempts.size ? state : { ...state, attempts: new Map(attempts) };
}

function withTombstone(state: JournalState, tombstone: AttemptTombstone, atMs: number): JournalState {
  const tombstones = new Map(state.tombstones);
  tombstones.delete(keyOf(tombstone.ref));
  tombstones.set(keyOf(tombstone.ref), { tombstone, atMs });
  for (const [key, old] of tombstones) {
    if (tombstones.size <= tombstonesMax && old.atMs > atMs - tombstoneKeepMs) break;
    tombstones.delete(key);
  }
  return { ...state, tombstones };
}

/** A number beyond the last event is none of ours: it acknowledges what there is. */
function acknowledge(state: JournalState, number: number): JournalState {
  const acked = Math.min(number, state.lastEvent);
  if (acked <= state.acked) return state;
  const next = { ...state, acked, events: state.events.filter((event) => event.number > acked) };
  return withoutAttempts(
    next,
    (_key, { endedByEvent }) => endedByEvent !== undefined && endedByEvent <= acked,
  );
}

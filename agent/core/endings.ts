import type { FinishedOutcome, JobRef, Outcome, Usage } from '../../proto/agent-link.ts';
import type { JournalAttempt } from './journal-fold.ts';
import { keyOf } from './journal-fold.ts';
import { tombstoneOf } from './journal-records.ts';
import type { LiveAttempt } from './state.ts';
import type { Turn } from './turn.ts';
import { held, putAttempt, removeAttempt, write, writeEvent } from './turn.ts';
import { without } from './without.ts';

/** The usage of an attempt that never did anything. */
export const noUsage: Usage = {
  copiedFiles: 0,
  copiedBytes: 0,
  reusedFiles: 0,
  reusedBytes: 0,
  segmentsRendered: 0,
  segmentsReused: 0,
  framesEncoded: 0,
  runMs: 0,
  waitedForSharesMs: 0,
};

/** An outcome without a fault in it. */
export function plainOutcome(outcome: Outcome, message: string, usage: Usage = noUsage): FinishedOutcome {
  return { outcome, message, problems: [], stderrTail: [], usage };
}

/** Ends a held attempt: the event, the record, the tombstone, then the clean-up of its folders. */
export function endAttempt(turn: Turn, ref: JobRef, finished: FinishedOutcome): void {
  const attempt = held(turn, ref);
  if (attempt === undefined || attempt.live.state === 'finished') return;
  reportOutcome(turn, ref, finished, attempt.kept);
  putAttempt(turn, { ...without(attempt.live, 'publishRetry'), state: 'finished' });
  cleanUp(turn, attempt.kept, finished);
}

/** Answers for a fence that is not at work here: its outcome goes out as an event, once at a time. */
export function answerEnded(turn: Turn, ref: JobRef, otherwise: Outcome, why: string): void {
  const pending = turn.state.journal.events.some(
    ({ event, ref: of }) => event.type === 'finished' && keyOf(of) === keyOf(ref),
  );
  if (pending) return;
  const old = turn.state.journal.tombstones.get(keyOf(ref))?.tombstone;
  const finished = plainOutcome(old?.outcome ?? otherwise, why);
  const { publishedPath } = old ?? {};
  reportOutcome(turn, ref, publishedPath === undefined ? finished : { ...finished, publishedPath });
}

/** Lets go of an attempt without a report: the controller knows its end better than we do. */
export function dropAttempt(turn: Turn, ref: JobRef, outcome: Outcome): void {
  const attempt = held(turn, ref);
  if (attempt === undefined) return;
  write(turn, { kind: 'dropped', ref });
  if (attempt.kept.finished === undefined) {
    write(turn, { kind: 'tombstone', tombstone: tombstoneOf(ref, outcome), atMs: turn.nowMs });
    cleanUp(turn, attempt.kept, plainOutcome(outcome, 'the controller has forgotten this attempt'));
  }
  removeAttempt(turn, ref);
}

/** Asks the shell to stop what it does for an attempt. The first cause is the one that is reported. */
export function stopAttempt(
  turn: Turn,
  live: LiveAttempt,
  stop: { outcome: Outcome; reason: string; mode: 'graceful' | 'kill'; graceMs: number },
): void {
  const killed = stop.mode === 'kill';
  if (live.stopping !== undefined && (live.stopping.killed || !killed)) return;
  const first = live.stopping ?? { outcome: stop.outcome, reason: stop.reason };
  putAttempt(turn, { ...live, stopping: { ...first, killed } });
  turn.effects.push({
    type: 'stop-attempt',
    ref: live.ref,
    mode: stop.mode,
    graceMs: stop.graceMs,
    reason: first.reason,
  });
}

function reportOutcome(turn: Turn, ref: JobRef, finished: FinishedOutcome, kept?: JournalAttempt): void {
  const eventNumber = writeEvent(turn, ref, { type: 'finished', finished });
  if (kept !== undefined) write(turn, { kind: 'ended', ref, finished, eventNumber });
  write(turn, {
    kind: 'tombstone',
    tombstone: tombstoneOf(ref, finished.outcome, finished.publishedPath),
    atMs: turn.nowMs,
  });
}

/** What is left of an ended attempt goes; doing it again harms nothing. */
export function cleanUp(turn: Turn, kept: JournalAttempt, finished: FinishedOutcome): void {
  const { assign, startedAs = assign.ref } = kept;
  if (finished.outcome !== 'published') {
    turn.effects.push({ type: 'discard', ref: assign.ref, stagingFolder: assign.output.stagingFolder });
  }
  turn.effects.push({ type: 'clean-up', assign, finished, startedAs });
}

import type { Fence, JobRef } from '../../proto/agent-link.ts';
import { compareFences, fenceText } from '../../proto/agent-link.ts';
import { keyOf } from './journal-fold.ts';
import { tombstoneOf } from './journal-records.ts';
import type { CoreState } from './state.ts';
import type { Turn } from './turn.ts';
import { alarm, held, putAttempt, removeAttempt, write } from './turn.ts';
import { without } from './without.ts';

/**
 * The attempt goes on under a new fence (protocol.md rule 3): what runs, its staging path and its work folder stay.
 * Events that are in the journal keep their old fence: the controller maps it until it has heard the new one.
 */
export function adopt(turn: Turn, ref: JobRef, fence: Fence): void {
  const attempt = held(turn, ref);
  if (attempt === undefined) return;
  const to: JobRef = { jobId: ref.jobId, fence };
  if (compareFences(fence, ref.fence) <= 0 || held(turn, to) !== undefined) {
    alarm(turn, 'ADOPTED_BACKWARDS', `${keyOf(ref)} cannot go on under fence ${fenceText(fence)}`);
    return;
  }
  const { finished } = attempt.kept;
  write(turn, { kind: 'adopted', ref, fence });
  if (finished !== undefined) {
    const tombstone = tombstoneOf(to, finished.outcome, finished.publishedPath);
    write(turn, { kind: 'tombstone', tombstone, atMs: turn.nowMs });
  }
  turn.state = { ...turn.state, formerRefs: renamed(turn.state.formerRefs, ref, to) };
  removeAttempt(turn, ref);
  putAttempt(turn, { ...attempt.live, ref: to, isBeingAdopted: true });
  turn.effects.push({ type: 'adopt-attempt', from: ref, to });
}

/** The shell has followed, behind the record: the new fence is used from now on, and first of all shown. */
export function attemptAdopted(turn: Turn, ref: JobRef): void {
  const live = turn.state.attempts.get(keyOf(ref));
  if (live === undefined) return;
  putAttempt(turn, { ...without(live, 'isBeingAdopted'), progressSentMs: -Infinity, progressChanged: true });
}

/** What an attempt is called now. */
export function currentRef(state: CoreState, ref: JobRef): JobRef {
  return state.formerRefs.get(keyOf(ref)) ?? ref;
}

function renamed(known: ReadonlyMap<string, JobRef>, from: JobRef, to: JobRef): ReadonlyMap<string, JobRef> {
  const next = [...known].map(([key, now]) => [key, keyOf(now) === keyOf(from) ? to : now] as const);
  return new Map(next).set(keyOf(from), to);
}

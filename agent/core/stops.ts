import type { Cancel, JobRef, Outcome } from '../../proto/agent-link.ts';
import { currentRef } from './adoption.ts';
import { isAtWork } from './attempt-states.ts';
import { answerEnded, endAttempt, plainOutcome, stopAttempt } from './endings.ts';
import { keyOf } from './journal-fold.ts';
import type { LiveAttempt } from './state.ts';
import type { Turn } from './turn.ts';
import { alarm, held } from './turn.ts';

/** A stop that somebody asks for. */
export interface Stop {
  readonly outcome: Outcome;
  readonly reason: string;
  readonly mode: 'graceful' | 'kill';
  readonly graceMs: number;
}

/** How long a clean stop may take before the process tree is killed, when the agent itself asks for it. */
export const ownGraceMs = 5_000;

/** Cancel of something that is not held is answered, never an error. */
export function cancelled(turn: Turn, cancel: Cancel): void {
  if (currentRef(turn.state, cancel.ref) !== cancel.ref) {
    // Its events would still count for the attempt that goes on.
    alarm(turn, 'OLD_FENCE', `cancel of ${keyOf(cancel.ref)}, which goes on under a newer fence`);
    return;
  }
  if (held(turn, cancel.ref) === undefined) {
    answerEnded(turn, cancel.ref, cancel.outcome, 'this attempt is not held here');
    return;
  }
  endFor(turn, cancel.ref, cancel);
}

/** Stops what is at work; ends what only waits. From the grant on nothing is stopped. */
export function endFor(turn: Turn, ref: JobRef, stop: Stop): void {
  const attempt = held(turn, ref);
  if (attempt === undefined) return;
  const { live, kept } = attempt;
  if (isAtWork(live.state)) {
    stopAttempt(turn, live, stop);
  } else if (live.state === 'ready') {
    endAttempt(turn, ref, plainOutcome(stop.outcome, stop.reason, kept.usage));
  } else if (live.state === 'publishing') {
    alarm(turn, 'JOB_PUBLISHING', `asked to stop (${stop.reason}) after the grant; publishing goes on`);
  }
}

/** The soft and the hard limit of run time; waiting for shares does not count. */
export function tickLimits(turn: Turn): void {
  for (const live of turn.state.attempts.values()) {
    if (live.state === 'preparing' || live.state === 'running') checkLimits(turn, live);
  }
}

function checkLimits(turn: Turn, live: LiveAttempt): void {
  const limits = held(turn, live.ref)?.kept.assign.limits;
  if (limits === undefined) return;
  const runMs = turn.nowMs - live.acceptedMs - live.waitedForSharesMs;
  const over = runMs >= limits.hardRunMs ? 'hard' : runMs >= limits.softRunMs ? 'soft' : undefined;
  if (over === undefined) return;
  stopAttempt(turn, live, {
    outcome: 'timed-out',
    reason: `the ${over} limit of ${over === 'hard' ? limits.hardRunMs : limits.softRunMs} ms run time is over`,
    mode: over === 'hard' ? 'kill' : 'graceful',
    graceMs: over === 'hard' ? 0 : ownGraceMs,
  });
}

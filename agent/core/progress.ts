import type { Progress } from '../../proto/agent-link.ts';
import type { LiveAttempt, Session } from './state.ts';
import type { Turn } from './turn.ts';
import { putAttempt, send } from './turn.ts';

/** Sends what is due: a change at most once per `progressMinMs`, and a sign of life each `progressMaxMs`. */
export function pumpProgress(turn: Turn): void {
  const session = turn.state.link?.session;
  if (session === undefined) return;
  for (const live of turn.state.attempts.values()) {
    if (!isDue(turn, live, session)) continue;
    send(turn, progressOf(live));
    putAttempt(turn, { ...live, progressSentMs: turn.nowMs, progressChanged: false });
  }
}

function isDue(turn: Turn, live: LiveAttempt, session: Session): boolean {
  // Under a new fence nothing is said before the journal has it.
  if (live.state === 'finished' || live.isBeingAdopted === true) return false;
  const sinceMs = turn.nowMs - live.progressSentMs;
  return sinceMs >= session.progressMaxMs || (live.progressChanged && sinceMs >= session.progressMinMs);
}

function progressOf(live: LiveAttempt): Progress {
  return {
    kind: 'progress',
    ref: live.ref,
    state: live.state,
    percent: live.percent,
    framesDone: live.framesDone,
    framesTotal: live.framesTotal,
    ...(live.etaMs === undefined ? {} : { etaMs: live.etaMs }),
    ...(live.waiting === undefined ? {} : { waiting: live.waiting }),
  };
}

import { dropAnnouncements } from './announcements.ts';
import { isAtWork } from './attempt-states.ts';
import { stopItems } from './items.ts';
import type { ShutdownState } from './state.ts';
import { endFor, ownGraceMs } from './stops.ts';
import type { Turn } from './turn.ts';
import { send } from './turn.ts';

/** A clean leave: what cannot be finished is stopped and given back; what is staged stays in the journal. */
export function shutDown(turn: Turn, reason: ShutdownState['reason']): void {
  if (turn.state.shutdown !== undefined) return;
  const working = [...turn.state.attempts.values()].filter((live) => isAtWork(live.state));
  for (const live of working) {
    endFor(turn, live.ref, {
      outcome: 'returned',
      reason: `the agent leaves: ${reason}`,
      mode: 'graceful',
      graceMs: ownGraceMs,
    });
  }
  dropAnnouncements(turn);
  stopItems(turn, 'SHUTTING_DOWN', `the agent leaves: ${reason}`);
  turn.state = {
    ...turn.state,
    shutdown: {
      reason,
      deadlineMs: turn.nowMs + turn.state.settings.shutdownMs,
      givesBack: working.filter((live) => live.stopping === undefined).map((live) => live.ref),
      exited: false,
    },
  };
}

/** Says Goodbye once nothing is at work, and exits once the last events are acknowledged or nobody listens. */
export function settleShutdown(turn: Turn): void {
  const { shutdown, link, journal, settings } = turn.state;
  if (shutdown === undefined || shutdown.exited) return;
  const late = turn.nowMs >= shutdown.deadlineMs;
  if (shutdown.goodbyeMs === undefined) {
    if (!late && isBusy(turn)) return;
    send(turn, { kind: 'goodbye', reason: shutdown.reason, givesBack: shutdown.givesBack });
    turn.state = { ...turn.state, shutdown: { ...shutdown, goodbyeMs: turn.nowMs } };
  }
  const goodbyeMs = turn.state.shutdown?.goodbyeMs ?? turn.nowMs;
  const said = journal.events.length === 0 || turn.nowMs - goodbyeMs >= settings.goodbyeAckMs;
  if (link?.session !== undefined && !said && !late) return;
  turn.effects.push({ type: 'exit' });
  turn.state = { ...turn.state, shutdown: { ...shutdown, goodbyeMs, exited: true } };
}

function isBusy({ state }: Turn): boolean {
  if (state.items.size > 0) return true;
  return [...state.attempts.values()].some(
    (live) => isAtWork(live.state) || (live.state === 'publishing' && live.publishRetry === undefined),
  );
}

import type { SetMode } from '../../proto/agent-link.ts';
import { withdrawAll } from './announcements.ts';
import { isAtWork } from './attempt-states.ts';
import { stopItems } from './items.ts';
import type { ModeState } from './state.ts';
import { endFor, ownGraceMs } from './stops.ts';
import type { Turn } from './turn.ts';
import { without } from './without.ts';

/** How every process and every session begins: a mode is sent behind Welcome where there is one. */
export const activeMode: ModeState = { mode: 'active', reason: '' };

/** Whatever is not active takes nothing new; evict also sets the time at which what is at work is stopped. */
export function setMode(turn: Turn, { mode, deadlineMs = 0, reason }: SetMode): void {
  turn.state = {
    ...turn.state,
    mode: { mode, reason, ...(mode === 'evict' ? { evictAtMs: turn.nowMs + deadlineMs } : {}) },
  };
  if (mode !== 'active') withdrawAll(turn, `this agent is ${mode}: ${reason}`);
  // A cordon lets what has begun come to its end.
  if (mode === 'draining' || mode === 'evict')
    stopItems(turn, 'CORDONED', `this agent is ${mode}: ${reason}`);
  tickMode(turn);
}

/**
 * Stops what is at work when the deadline is over. What is staged needs this PC no more: it waits for its grant, which
 * others can carry out.
 */
export function tickMode(turn: Turn): void {
  const { mode } = turn.state;
  if (mode.evictAtMs === undefined || turn.nowMs < mode.evictAtMs) return;
  turn.state = { ...turn.state, mode: without(mode, 'evictAtMs') };
  for (const live of turn.state.attempts.values()) {
    if (!isAtWork(live.state)) continue;
    endFor(turn, live.ref, {
      outcome: 'evicted',
      reason: `evicted: ${mode.reason}`,
      mode: 'graceful',
      graceMs: ownGraceMs,
    });
  }
}

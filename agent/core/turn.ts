import type { AgentMessage, AttemptEvent, JobRef } from '../../proto/agent-link.ts';
import type { Effect } from './effects.ts';
import type { JournalAttempt } from './journal-fold.ts';
import { applyRecord, keyOf } from './journal-fold.ts';
import type { JournalRecord } from './journal-records.ts';
import type { CoreState, LiveAttempt } from './state.ts';
import { without } from './without.ts';

/** One step in the making: the state so far, and what it has written and caused. */
export interface Turn {
  state: CoreState;
  readonly nowMs: number;
  readonly records: JournalRecord[];
  readonly effects: Effect[];
}

/** Writes a record, and lets the state say what the journal will say after a restart. */
export function write(turn: Turn, record: JournalRecord): void {
  turn.records.push(record);
  turn.state = { ...turn.state, journal: applyRecord(turn.state.journal, record) };
}

/** Writes the next numbered event; returns its number. */
export function writeEvent(turn: Turn, ref: JobRef, event: AttemptEvent): number {
  const number = turn.state.journal.lastEvent + 1;
  write(turn, { kind: 'event', event: { kind: 'event', number, ref, atMs: turn.nowMs, event } });
  return number;
}

/** Sends on the current link; without a session nothing is sent, and Hello will say what matters. */
export function send(turn: Turn, message: AgentMessage): void {
  const { link } = turn.state;
  if (link?.session === undefined) return;
  turn.effects.push({ type: 'send', linkId: link.id, message });
}

export function alarm(turn: Turn, code: string, message: string): void {
  turn.effects.push({ type: 'alarm', code, message });
}

/** Ends the current link, and asks for another. */
export function reopen(turn: Turn, reason: string, afterMs = 0, address?: string): void {
  const { link } = turn.state;
  if (link === undefined) return;
  turn.effects.push({
    type: 'reopen',
    linkId: link.id,
    reason,
    afterMs,
    ...(address === undefined ? {} : { address }),
  });
  dropLink(turn);
}

export function dropLink(turn: Turn): void {
  turn.state = without(turn.state, 'link');
}

/** The attempt's two halves: while it is held, both are there. */
export function held(turn: Turn, ref: JobRef): { live: LiveAttempt; kept: JournalAttempt } | undefined {
  const live = turn.state.attempts.get(keyOf(ref));
  const kept = turn.state.journal.attempts.get(keyOf(ref));
  return live === undefined || kept === undefined ? undefined : { live, kept };
}

export function putAttempt(turn: Turn, attempt: LiveAttempt): void {
  turn.state = {
    ...turn.state,
    attempts: new Map(turn.state.attempts).set(keyOf(attempt.ref), attempt),
  };
}

/** Lets go of an attempt, and of what it was called before. */
export function removeAttempt(turn: Turn, ref: JobRef): void {
  const attempts = new Map(turn.state.attempts);
  attempts.delete(keyOf(ref));
  const former = [...turn.state.formerRefs].filter(([, now]) => keyOf(now) !== keyOf(ref));
  turn.state = { ...turn.state, attempts, formerRefs: new Map(former) };
}

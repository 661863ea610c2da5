import type { Turn } from './turn.ts';
import { removeAttempt, send, write } from './turn.ts';

/** Takes an acknowledgement: numbers up to it are done with, and attempts that they ended are let go. */
export function acknowledged(turn: Turn, number: number): void {
  if (number <= turn.state.journal.acked) return;
  const { lastEvent } = turn.state.journal;
  write(turn, { kind: 'acked', number: Math.min(number, lastEvent) });
  // The disk has lost what it had promised to keep: these numbers are used up, the controller has seen them.
  if (number > lastEvent) write(turn, { kind: 'counters', acked: number, lastEvent: number });
  for (const [key, live] of turn.state.attempts) {
    if (!turn.state.journal.attempts.has(key)) removeAttempt(turn, live.ref);
  }
}

/** Sends the events that fit the window. Called at the end of every step, behind whatever wrote them. */
export function pumpEvents(turn: Turn): void {
  const { journal, settings, link } = turn.state;
  if (link?.session === undefined) return;
  const upTo = journal.acked + settings.windowEvents;
  let sentEvent = Math.max(link.session.sentEvent, journal.acked);
  for (const event of journal.events) {
    if (event.number > upTo) break;
    if (event.number <= sentEvent) continue;
    send(turn, event);
    sentEvent = event.number;
  }
  turn.state = { ...turn.state, link: { ...link, session: { ...link.session, sentEvent } } };
}

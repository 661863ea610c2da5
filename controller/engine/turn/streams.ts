import type { Ledger } from './ledger.ts';
import type { Presence, Session } from './state.ts';

/** Ends a stream of ours at once: nothing more is assigned to it, the silence clock runs on. */
export function resetStream(ledger: Ledger, presence: Presence, { sessionId }: Session): void {
  ledger.state.sessionOwners.delete(sessionId);
  ledger.effects.push({
    kind: 'end-session',
    sessionId,
    goodbye: { kind: 'goodbye', reason: 'restart', comeBackAfterMs: 0 },
  });
  delete presence.session;
  presence.recalls = undefined;
  ledger.state.planStale = true;
}

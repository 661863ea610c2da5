import { type AttemptRecord, attemptStates } from '../../domain/attempt.ts';
import type { FarmState } from './state.ts';

/** An attempt has gone on: where it gives its slot back, what its agent had no slot for is asked again. */
export function endMomentaryRefusals(
  state: FarmState,
  before: AttemptRecord | undefined,
  attempt: AttemptRecord,
): void {
  const held = before !== undefined && before.state !== 'assigned' && attemptStates[before.state].holdsSlot;
  if (!held || attemptStates[attempt.state].holdsSlot) return;
  for (const refusals of state.refusals.values())
    if (refusals.get(attempt.agentId)?.momentary === true) refusals.delete(attempt.agentId);
}

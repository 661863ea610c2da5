import { attemptStates } from '../../domain/attempt.ts';
import type { FarmState } from './state.ts';

/** The slots of an agent that are taken. */
export function slotsBusy(state: FarmState, agentId: string): number {
  let busy = 0;
  for (const key of state.liveAttempts.get(agentId) ?? []) {
    const attempt = state.attempts.get(key);
    if (attempt !== undefined && attemptStates[attempt.state].holdsSlot) busy += 1;
  }
  return busy;
}

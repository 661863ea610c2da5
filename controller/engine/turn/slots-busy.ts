import { attemptStates } from '../../domain/attempt.ts';
import { itemCount } from './assist-state.ts';
import type { FarmState } from './state.ts';

/** The slots of an agent that are taken: by its own attempts, and by items that it renders for others. */
export function slotsBusy(state: FarmState, agentId: string): number {
  let busy = itemCount(state.assist, agentId);
  for (const key of state.liveAttempts.get(agentId) ?? []) {
    const attempt = state.attempts.get(key);
    if (attempt !== undefined && attemptStates[attempt.state].holdsSlot) busy += 1;
  }
  return busy;
}

import { attemptStates } from '../../domain/attempt.ts';
import { RunningLimits } from '../../scheduling/limits.ts';
import type { FarmRules } from '../../scheduling/snapshot.ts';
import type { FarmState } from './state.ts';

/** It counts for as long as it runs; when it ends is not asked here. */
const untilItEndsMs = 1;

/**
 * The limits on what runs, with all that is on agents now, also on those that are not back after a restart: the plan may
 * be a few turns old, and slots were filled meanwhile.
 */
export function runningLimits(state: FarmState, rules: FarmRules): RunningLimits {
  const limits = new RunningLimits(rules);
  if (!limits.isAny) return limits;
  for (const keys of state.liveAttempts.values()) {
    for (const key of keys) {
      const attempt = state.attempts.get(key);
      if (attempt === undefined || !attemptStates[attempt.state].holdsSlot) continue;
      limits.take(state.jobs.get(attempt.jobId) ?? nobody, untilItEndsMs);
    }
  }
  return limits;
}

/** An attempt whose job is gone counts for the farm. */
const nobody = { userId: '', queue: '' };

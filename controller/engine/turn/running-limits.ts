import { attemptStates } from '../../domain/attempt.ts';
import type { JobRecord } from '../../domain/job.ts';
import type { FarmSettings } from '../../domain/settings.ts';
import type { FarmState } from './state.ts';

/**
 * As many jobs of the farm, this user or this queue are on agents as may be at a time. The plan knows these limits too, but
 * it may be a few turns old, and slots were filled meanwhile.
 */
export function isAtRunningLimit(
  state: FarmState,
  { limits, queues }: Pick<FarmSettings, 'limits' | 'queues'>,
  job: Pick<JobRecord, 'userId' | 'queue'>,
): boolean {
  const { runningMax = unlimited, runningPerUserMax = unlimited } = limits;
  const queueMax = queues.find(({ name }) => name === job.queue)?.runningMax ?? unlimited;
  if (Math.min(runningMax, runningPerUserMax, queueMax) === unlimited) return false;
  let [all, ofUser, ofQueue] = [0, 0, 0];
  for (const keys of state.liveAttempts.values()) {
    for (const key of keys) {
      const attempt = state.attempts.get(key);
      if (attempt === undefined || !attemptStates[attempt.state].holdsSlot) continue;
      const other = state.jobs.get(attempt.jobId);
      all += 1;
      if (other?.userId === job.userId) ofUser += 1;
      if (other?.queue === job.queue) ofQueue += 1;
    }
  }
  return all >= runningMax || ofUser >= runningPerUserMax || ofQueue >= queueMax;
}

const unlimited = Number.POSITIVE_INFINITY;

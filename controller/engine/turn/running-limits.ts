import { attemptStates } from '../../domain/attempt.ts';
import type { JobRecord } from '../../domain/job.ts';
import type { FarmSettings } from '../../domain/settings.ts';
import type { FarmState } from './state.ts';

type Limited = Pick<JobRecord, 'userId' | 'queue'>;
type Limits = Pick<FarmSettings, 'limits' | 'queues'>;

/**
 * As many jobs of the farm, this user or this queue are on agents as may be at a time. The plan knows these limits too, but
 * it may be a few turns old, and slots were filled meanwhile.
 */
export function isAtRunningLimit(state: FarmState, limits: Limits, job: Limited): boolean {
  return new RunningJobs(state, limits).isAtLimit(job);
}

/** The jobs on agents as they are now, counted once for any number of questions. */
export class RunningJobs {
  readonly #limits: Limits;
  readonly #ofUser = new Map<string, number>();
  readonly #ofQueue = new Map<string, number>();
  #all = 0;

  constructor(state: FarmState, limits: Limits) {
    this.#limits = limits;
    if (!isAnyLimit(limits)) return;
    for (const keys of state.liveAttempts.values()) {
      for (const key of keys) {
        const attempt = state.attempts.get(key);
        if (attempt === undefined || !attemptStates[attempt.state].holdsSlot) continue;
        this.#all += 1;
        const job = state.jobs.get(attempt.jobId);
        if (job === undefined) continue;
        this.#ofUser.set(job.userId, (this.#ofUser.get(job.userId) ?? 0) + 1);
        this.#ofQueue.set(job.queue, (this.#ofQueue.get(job.queue) ?? 0) + 1);
      }
    }
  }

  isAtLimit({ userId, queue }: Limited): boolean {
    const { limits, queues } = this.#limits;
    const { runningMax = unlimited, runningPerUserMax = unlimited } = limits;
    const queueMax = queues.find(({ name }) => name === queue)?.runningMax ?? unlimited;
    return (
      this.#all >= runningMax ||
      (this.#ofUser.get(userId) ?? 0) >= runningPerUserMax ||
      (this.#ofQueue.get(queue) ?? 0) >= queueMax
    );
  }
}

function isAnyLimit({ limits, queues }: Limits): boolean {
  return (
    limits.runningMax !== undefined ||
    limits.runningPerUserMax !== undefined ||
    queues.some(({ runningMax }) => runningMax !== undefined)
  );
}

const unlimited = Number.POSITIVE_INFINITY;

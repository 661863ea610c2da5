import { remainingMs } from './forecast.ts';
import type { FarmRules, Snapshot } from './snapshot.ts';

/** A number of jobs that may run at a time, and when those that do are expected to end. */
interface Pool {
  readonly max: number;
  readonly what: string;
  /** Soonest first. */
  readonly endsMs: number[];
}

interface Limited {
  readonly userId: string;
  readonly queue: string;
}

/** The limits on jobs that run at a time, and what counts against them. */
export class RunningLimits {
  readonly #rules: FarmRules;
  readonly #pools = new Map<string, Pool>();
  /** There is any limit at all. */
  readonly isAny: boolean;

  constructor(rules: FarmRules) {
    this.#rules = rules;
    this.isAny =
      rules.runningMax !== undefined ||
      rules.runningPerUserMax !== undefined ||
      [...rules.queues.values()].some(({ runningMax }) => runningMax !== undefined);
  }

  /** With all that runs in a snapshot, until it is expected to end. */
  static of({ rules, agents }: Pick<Snapshot, 'rules' | 'agents'>): RunningLimits {
    const limits = new RunningLimits(rules);
    if (!limits.isAny) return limits;
    for (const agent of agents)
      for (const attempt of agent.running) limits.take(attempt, remainingMs(agent, attempt));
    return limits;
  }

  /** When one more job of this user and queue may run, in ms from now, and the limit that says so; 0: at once. */
  roomInMs(job: Limited): { readonly ms: number; readonly limit?: string } {
    let found: { readonly ms: number; readonly limit?: string } = { ms: 0 };
    for (const { max, what, endsMs } of this.#poolsOf(job)) {
      const ms = endsMs[endsMs.length - max] ?? 0;
      if (endsMs.length >= max && ms > found.ms) found = { ms, limit: `${what}: ${max} at a time` };
    }
    return found;
  }

  /** A job of this user and queue runs until then. */
  take(job: Limited, endMs: number): void {
    for (const { endsMs } of this.#poolsOf(job)) {
      let index = endsMs.length;
      while (index > 0 && (endsMs[index - 1] ?? 0) > endMs) index -= 1;
      endsMs.splice(index, 0, endMs);
    }
  }

  #poolsOf({ userId, queue }: Limited): readonly Pool[] {
    if (!this.isAny) return [];
    const { runningMax, runningPerUserMax, queues } = this.#rules;
    return [
      ...this.#pool('farm', 'limit of the farm', runningMax),
      ...this.#pool(`user ${userId}`, `limit of user ${userId}`, runningPerUserMax),
      ...this.#pool(`queue ${queue}`, `limit of ${queue}`, queues.get(queue)?.runningMax),
    ];
  }

  #pool(key: string, what: string, max: number | undefined): readonly Pool[] {
    if (max === undefined) return [];
    const pool = this.#pools.get(key) ?? { max, what, endsMs: [] };
    this.#pools.set(key, pool);
    return [pool];
  }
}

import type { FarmErrorCode } from '../../controller/domain/errors.ts';
import type { PriorityClass } from '../../proto/agent-link.ts';

/** A job, as simple as it can be told: `active` is with an agent, in whatever state. */
export interface ModelJob {
  state:
    | 'held'
    | 'waiting'
    | 'delayed'
    | 'active'
    | 'publishing'
    | 'published'
    | 'failed'
    | 'quarantined'
    | 'cancelled';
  charged: number;
  losses: number;
  attempts: number;
  priority: PriorityClass;
  readonly failures: Map<string, number>;
  /** An agent is there that takes it as soon as it waits. */
  readonly placeable: boolean;
  /** It was submitted for a time that does not come while we look. */
  later: boolean;
}

export type ModelVerb = 'cancel' | 'retry' | 'hold' | 'release' | 'priority';

/** What the caller is told: `done`, or why not. */
export type ModelAnswer = 'done' | FarmErrorCode;

const ended: readonly ModelJob['state'][] = ['published', 'failed', 'quarantined', 'cancelled'];

export function newJob(placeable: boolean, later: boolean): ModelJob {
  const job: ModelJob = {
    state: later ? 'delayed' : 'waiting',
    charged: 0,
    losses: 0,
    attempts: 0,
    priority: 'normal',
    failures: new Map(),
    placeable,
    later,
  };
  place(job);
  return job;
}

/** mission.md section 1 and protocol.md, Services, as a table. */
export function wish(job: ModelJob, verb: ModelVerb, priority: PriorityClass): ModelAnswer {
  const isEnded = ended.includes(job.state);
  switch (verb) {
    case 'cancel':
      if (job.state === 'publishing') return 'JOB_PUBLISHING';
      if (job.state === 'published' || job.state === 'failed') return 'JOB_ENDED';
      job.state = 'cancelled';
      job.later = false;
      return 'done';
    case 'retry':
      if (job.state === 'published') return 'JOB_ENDED';
      if (!isEnded) return 'JOB_NOT_ENDED';
      job.charged = 0;
      begin(job);
      return 'done';
    case 'hold':
      if (isEnded) return 'JOB_ENDED';
      if (job.state === 'active' || job.state === 'publishing') return 'JOB_PROCESSING';
      job.state = 'held';
      return 'done';
    case 'release':
      if (job.state === 'quarantined') begin(job);
      else if (job.state === 'held') {
        job.state = job.later ? 'delayed' : 'waiting';
        place(job);
      } else if (job.state === 'delayed') {
        job.later = false;
        job.state = 'waiting';
        place(job);
      } else return 'JOB_NOT_HELD';
      return 'done';
    case 'priority':
      if (isEnded) return 'JOB_ENDED';
      job.priority = priority;
      return 'done';
  }
}

export function lose(job: ModelJob): void {
  job.losses += 1;
  job.state = job.losses >= 3 ? 'quarantined' : 'waiting';
  place(job);
}

export function fail(job: ModelJob, failureClass: 'input' | 'job' | 'environment', cause: string): void {
  if (failureClass === 'input') job.state = 'failed';
  else if (failureClass === 'job') {
    job.charged += 1;
    job.state = job.charged >= 3 ? 'failed' : 'delayed';
  } else {
    const count = (job.failures.get(cause) ?? 0) + 1;
    job.failures.set(cause, count);
    job.state = count >= 10 ? 'quarantined' : 'delayed';
  }
}

export function wake(job: ModelJob): void {
  if (job.state !== 'delayed' || job.later) return;
  job.state = 'waiting';
  place(job);
}

function begin(job: ModelJob): void {
  job.losses = 0;
  job.failures.clear();
  job.state = 'waiting';
  place(job);
}

function place(job: ModelJob): void {
  if (job.state !== 'waiting' || !job.placeable) return;
  job.state = 'active';
  job.attempts += 1;
}

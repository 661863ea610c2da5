import type { JobState, JobStatus } from './job.ts';

interface StateFacts {
  /** What it means, for GLOSSARY.md. */
  readonly meaning: string;
  readonly status: JobStatus;
  readonly next: readonly JobState[];
}

/**
 * Every state of a job: what it means, what users see, what may come next. The diagram and the table in
 * GLOSSARY.md are made from it; `moveJob` refuses anything else. Every open state may end as published: an earlier
 * result of the job may be found after a store has lost its tail (protocol.md rules 4 and 8c).
 */
export const jobStates: Readonly<Record<JobState, StateFacts>> = {
  held: {
    meaning: 'waits for a person to release it',
    status: 'queued',
    next: ['waiting', 'delayed', 'cancelled', 'published', 'failed'],
  },
  waiting: {
    meaning: 'waits for an agent, or for the catalogue; the reason says for which',
    status: 'queued',
    next: ['held', 'delayed', 'assigned', 'published', 'failed', 'cancelled'],
  },
  delayed: {
    meaning: 'waits for a point in time (back-off, or its own wish)',
    status: 'queued',
    next: ['waiting', 'held', 'published', 'cancelled', 'failed'],
  },
  assigned: {
    meaning: 'given to an agent that has not answered yet',
    status: 'processing',
    next: [
      'preparing',
      'running',
      'finishing',
      'ready',
      'published',
      'waiting',
      'delayed',
      'failed',
      'quarantined',
      'cancelled',
    ],
  },
  preparing: {
    meaning: 'its agent fetches and probes the files',
    status: 'processing',
    next: [
      'running',
      'finishing',
      'ready',
      'published',
      'waiting',
      'delayed',
      'failed',
      'quarantined',
      'cancelled',
    ],
  },
  running: {
    meaning: 'its agent encodes',
    status: 'processing',
    next: ['finishing', 'ready', 'published', 'waiting', 'delayed', 'failed', 'quarantined', 'cancelled'],
  },
  finishing: {
    meaning: 'every frame is encoded; join, verification, upload. It holds no slot',
    status: 'processing',
    next: ['ready', 'published', 'waiting', 'delayed', 'failed', 'quarantined', 'cancelled'],
  },
  ready: {
    meaning: 'its file is in the staging folder, a grant is asked for',
    status: 'processing',
    next: ['publishing', 'published', 'waiting', 'delayed', 'failed', 'quarantined', 'cancelled'],
  },
  publishing: {
    meaning: 'the grant is given; it can no longer be cancelled',
    status: 'processing',
    next: ['published', 'waiting', 'delayed', 'failed', 'quarantined'],
  },
  published: { meaning: 'the file has its final name', status: 'completed', next: [] },
  failed: { meaning: 'ended with an error', status: 'failed', next: ['waiting'] },
  quarantined: {
    meaning: 'lost too many agents, or failed too often for reasons of PCs; a person decides',
    status: 'failed',
    next: ['waiting', 'cancelled'],
  },
  cancelled: { meaning: 'ended because a person wished it', status: 'cancelled', next: ['waiting'] },
};

/** Nothing more happens to the job by itself. */
export function hasEnded(state: JobState): boolean {
  return state === 'published' || state === 'failed' || state === 'quarantined' || state === 'cancelled';
}

/** The status that users and the `jobs` row see. */
export function statusOf(state: JobState): JobStatus {
  return jobStates[state].status;
}

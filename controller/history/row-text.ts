import type { AttemptRecord } from '../domain/attempt.ts';
import type { JobRecord, JobSpec } from '../domain/job.ts';
import { without } from '../domain/move-job.ts';
import type { OutboxItem } from '../outbox/destination.ts';
import type { PastRow } from '../store/past-rows.ts';
import type { PastJob, PastJobDetail } from './port.ts';

/** Version of the texts: a table with a higher one was written by a later release. */
const version = 1;

/** What lists show. */
interface Summary {
  readonly version: number;
  readonly job: JobRecord;
  readonly percent: number;
}

/** What only the job itself shows. */
interface Detail {
  readonly timeline: JobRecord['timeline'];
  readonly problems: JobRecord['problems'];
  readonly environmentFailures: JobRecord['environmentFailures'];
  readonly spec: JobSpec;
  readonly attempts: readonly AttemptRecord[];
}

/** Digits that a revision may have: a term of 13 and a counter of 18 leave room. */
const revisionDigits = 40;

/** What a row of any table of the past is found by. */
export function factsOf({
  job,
  revision,
}: Pick<OutboxItem, 'job' | 'revision'>): Omit<PastRow, 'id' | 'summary' | 'detail'> {
  if (!/^\d+$/u.test(revision) || revision.length > revisionDigits) {
    throw new Error(
      `revision ${revision} of job ${job.jobId} is no number of at most ${revisionDigits} digits`,
    );
  }
  if (job.endedAtMs === undefined) throw new Error(`job ${job.jobId} has not ended`);
  return {
    endedAtMs: job.endedAtMs,
    revision: revision.padStart(revisionDigits, '0'),
    userId: job.userId,
    queue: job.queue,
    state: job.state,
    agentId: job.agentId ?? '',
    channelName: job.channelName,
  };
}

/** The entry of a job that has ended. */
export function historyRow(item: OutboxItem): PastRow {
  const { job, body, percent } = item;
  const { timeline, problems, environmentFailures } = job;
  const summary: Summary = {
    version,
    job: { ...job, timeline: [], problems: [], environmentFailures: [] },
    percent,
  };
  const attempts = (item.attempts ?? (item.attempt ? [item.attempt] : [])).map(inShort);
  const detail: Detail = { timeline, problems, environmentFailures, spec: body.spec, attempts };
  return {
    ...factsOf(item),
    id: job.jobId,
    summary: JSON.stringify(summary),
    detail: JSON.stringify(detail),
  };
}

/** Tables give back what `historyRow` gave them: the texts are ours. @throws Error for one of a later release */
export function pastJob(text: string): PastJob {
  const { version: written, job, percent } = JSON.parse(text) as Summary;
  if (written > version) {
    throw new Error(
      `history holds job ${job.jobId} in version ${written}; this release reads up to ${version}`,
    );
  }
  return { job, percent };
}

export function pastJobDetail(row: Pick<PastRow, 'summary' | 'detail'>): PastJobDetail {
  const { job, percent } = pastJob(row.summary);
  const { timeline, problems, environmentFailures, spec, attempts } = JSON.parse(row.detail) as Detail;
  return { job: { ...job, timeline, problems, environmentFailures }, percent, spec, attempts };
}

/** An attempt as history keeps it: how it ended and what it cost, not every step of it. */
export function inShort(attempt: AttemptRecord): AttemptRecord {
  const { finished, ...rest } = without(attempt, 'manifest', 'stop');
  return {
    ...rest,
    timeline: [],
    ...(finished && { finished: { ...finished, stderrTail: [], problems: [] } }),
  };
}

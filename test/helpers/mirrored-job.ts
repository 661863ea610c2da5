import { randomUUID } from 'node:crypto';
import type { ItemSpec, JobRecord, JobSpec } from '../../controller/domain/job.ts';
import type { OutboxItem } from '../../controller/outbox/destination.ts';
import { jobRecord } from './fake-farm.ts';

/** Revisions as the first leader of a farm makes them. */
export function revision(counter: number, term = 1): string {
  return `${term}${String(counter).padStart(18, '0')}`;
}

export interface MirroredJob {
  readonly job?: Partial<JobRecord>;
  readonly items?: readonly ItemSpec[];
  readonly spec?: Partial<JobSpec>;
  readonly percent?: number;
  readonly revision?: string;
}

/** A job as a destination is told of it. */
export function outboxItem({
  job,
  items = [oneItem],
  spec,
  percent = 0,
  ...rest
}: MirroredJob = {}): OutboxItem {
  const record = { ...jobRecord(randomUUID()), ...job };
  const { jobId, userId, channelName, enable4k, priority } = record;
  return {
    job: record,
    body: {
      jobId,
      spec: { jobId, userId, channelName, enable4k, priority, items, ...spec },
      resolved: [],
      resolution: { queryMs: 0, found: 0, missing: [], resolvedAtMs: 0 },
    },
    percent,
    revision: rest.revision ?? revision(1),
  };
}

export const oneItem: ItemSpec = { position: 0, itemType: 'video', path: '\\\\nas\\Clips\\a.mp4' };

/** The job of an earlier item, later. */
export function later(item: OutboxItem, counter: number, job: Partial<JobRecord>, percent = 0): OutboxItem {
  return { ...item, job: { ...item.job, ...job }, percent, revision: revision(counter) };
}

export const ran = {
  state: 'running',
  agentId: 'pc1',
  startedAtMs: 1_700_000_010_000,
} as const satisfies Partial<JobRecord>;
export const published = {
  ...ran,
  state: 'published',
  endedAtMs: 1_700_000_070_500,
  outputPath: '\\\\nas\\Out\\Chan.mp4',
  finalDurationMs: 120_500,
} as const satisfies Partial<JobRecord>;

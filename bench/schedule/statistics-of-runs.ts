import { mean, percentile, sum } from '../statistics.ts';
import type { SimFarm } from './farms.ts';
import type { JobRecord, RunResult } from './simulate.ts';

/** What a run says, in the units of its names. */
export interface RunFigures {
  readonly turnaroundMeanMs: number;
  readonly turnaroundP95Ms: number;
  readonly turnaroundP99Ms: number;
  readonly idleWhileWaitingMs: number;
  /** Copied beyond one copy of each job's files. */
  readonly bytesTwice: number;
  /** Time that the files of jobs take to copy, and how much of it their slots stood still: of jobs that waited as long. */
  readonly copyNeededMs: number;
  readonly copySeenMs: number;
  readonly waitP95Ms: number;
}

export function figuresOf({ records, idleWhileWaitingMs }: RunResult, farm: SimFarm): RunFigures {
  const turnarounds = records.map(({ job, endedMs }) => endedMs - job.arrivesMs);
  const copies = records
    .map((record) => ({ ...record, copyMs: record.job.bytes / farm.copyBytesPerMs }))
    .filter((record) => waitMs(record) >= record.copyMs);
  return {
    turnaroundMeanMs: mean(turnarounds),
    turnaroundP95Ms: percentile(turnarounds, 0.95),
    turnaroundP99Ms: percentile(turnarounds, 0.99),
    idleWhileWaitingMs,
    bytesTwice: sum(records.map(({ job, copiedBytes }) => Math.max(0, copiedBytes - job.bytes))),
    copyNeededMs: sum(copies.map(({ copyMs }) => copyMs)),
    copySeenMs: sum(copies.map(({ copyingMs }) => copyingMs)),
    waitP95Ms: percentile(records.map(waitMs), 0.95),
  };
}

/** The wait that 95 % of each user's jobs do not exceed. */
export function waitP95OfUsers(records: readonly JobRecord[]): ReadonlyMap<string, number> {
  return p95OfUsers(records, waitMs);
}

/** The time from submission to end that 95 % of each user's jobs do not exceed. */
export function turnaroundP95OfUsers(records: readonly JobRecord[]): ReadonlyMap<string, number> {
  return p95OfUsers(records, ({ job, endedMs }) => endedMs - job.arrivesMs);
}

function p95OfUsers(
  records: readonly JobRecord[],
  value: (record: JobRecord) => number,
): ReadonlyMap<string, number> {
  const byUser = Map.groupBy(records, ({ job }) => job.userId);
  return new Map([...byUser].map(([userId, own]) => [userId, percentile(own.map(value), 0.95)]));
}

/** From its submission to the start of its last attempt. */
function waitMs({ job, startedMs }: JobRecord): number {
  return startedMs - job.arrivesMs;
}

import { type OutboxRow, rowKey } from '../../domain/outbox.ts';
import type { OutboxItem } from '../../outbox/destination.ts';
import type { Due, DueRequest, RowSight } from '../outbox-port.ts';
import type { FarmState } from './state.ts';
import { jobView } from './views.ts';

/** Items of jobs (`job_items`) that one call carries at most, beside its first job: 2,000 items are up to 768 KiB. */
const jobItemsMax = 4_000;

/** What a destination has to be told now, oldest first. */
export function dueRows(state: FarmState, request: DueRequest, nowMs: number, revision: () => string): Due {
  const { destination, itemsMax, percents } = request;
  const told = notTakenIn(state, request);
  const rows: Due['rows'][number][] = [];
  let jobItems = 0;
  let isAll = true;
  for (const jobId of candidates(state, request, nowMs)) {
    const row = state.rows.get(rowKey(destination, jobId));
    if (row === undefined || told.has(jobId)) continue;
    const item = itemOf(state, jobId, revision);
    if (item === undefined) continue;
    const isFull = rows.length > 0 && jobItems + item.job.itemCount > jobItemsMax;
    if (rows.length === itemsMax || isFull) {
      isAll = false;
      break;
    }
    jobItems += item.job.itemCount;
    rows.push({ ...sightOf(row), item });
  }
  const running = percents === undefined || !isAll ? new Set<string>() : runningJobs(state);
  const progress: OutboxItem[] = [];
  const rowed = new Set(rows.map(({ item }) => item.job.jobId));
  for (const jobId of running) {
    if (rowed.has(jobId) || told.has(jobId)) continue;
    const job = state.jobs.get(jobId);
    if (job === undefined || jobView(state, job).percent === (percents?.get(jobId) ?? 0)) continue;
    if (rows.length + progress.length === itemsMax) {
      isAll = false;
      break;
    }
    const item = itemOf(state, jobId, revision);
    if (item !== undefined) progress.push(item);
  }
  const nextTryAtMs = firstAside(state, request)?.refused?.nextTryAtMs;
  return { rows, progress, isAll, told, running, ...(nextTryAtMs !== undefined && { nextTryAtMs }) };
}

/** Due ones, then those whose refusal is old enough. */
function* candidates(state: FarmState, { destination }: DueRequest, nowMs: number): Generator<string> {
  const lane = state.lanes.get(destination);
  if (lane === undefined) return;
  yield* lane.due;
  for (const jobId of lane.aside) {
    const { refused } = state.rows.get(rowKey(destination, jobId)) ?? {};
    if (refused !== undefined && refused.nextTryAtMs > nowMs) return;
    yield jobId;
  }
}

function notTakenIn(state: FarmState, { destination, told }: DueRequest): Map<string, RowSight> {
  return new Map(
    [...told].filter(([jobId, seen]) => {
      const row = state.rows.get(rowKey(destination, jobId));
      return row !== undefined && isSame(sightOf(row), seen);
    }),
  );
}

function sightOf({ mark, refused }: OutboxRow): RowSight {
  return { mark, refusals: refused?.times ?? 0 };
}

function isSame(a: RowSight, b: RowSight): boolean {
  return a.mark === b.mark && a.refusals === b.refusals;
}

function firstAside(state: FarmState, { destination }: DueRequest) {
  const [jobId] = state.lanes.get(destination)?.aside ?? [];
  return jobId === undefined ? undefined : state.rows.get(rowKey(destination, jobId));
}

function runningJobs(state: FarmState): Set<string> {
  const running = new Set<string>();
  for (const keys of state.liveAttempts.values()) {
    for (const key of keys) {
      const jobId = state.attempts.get(key)?.jobId;
      if (jobId !== undefined && state.openJobs.has(jobId)) running.add(jobId);
    }
  }
  return running;
}

function itemOf(state: FarmState, jobId: string, revision: () => string): OutboxItem | undefined {
  const job = state.jobs.get(jobId);
  const body = state.bodies.get(jobId);
  if (job === undefined || body === undefined) return undefined;
  const attempts = (state.attemptsOfJob.get(jobId) ?? []).flatMap((key) => state.attempts.get(key) ?? []);
  const attempt =
    attempts.find(({ outcome }) => outcome === 'published') ??
    attempts.findLast(({ state: attemptState }) => attemptState === 'ended');
  const { percent } = jobView(state, job);
  return { job, body, ...(attempt && { attempt }), attempts, percent, revision: revision() };
}

import { asciiLower } from '../../domain/ascii-lower.ts';
import type { JobRecord } from '../../domain/job.ts';
import type { HistoryFilter, HistoryPlace } from '../../history/port.ts';
import type { JobView } from '../farm.ts';
import type { FarmState } from './state.ts';
import { jobView } from './views.ts';

/** Ended jobs of the hot store, in the one order of history: at most `size` behind `after`. */
export function endedJobs(
  state: FarmState,
  filter: HistoryFilter,
  size: number,
  after?: HistoryPlace,
): readonly JobView[] {
  return [...state.endedJobs]
    .flatMap((jobId) => state.jobs.get(jobId) ?? [])
    .filter((job) => (after === undefined || compareEnds(placeOf(job), after) > 0) && matches(job, filter))
    .sort((a, b) => compareEnds(placeOf(a), placeOf(b)))
    .slice(0, size)
    .map((job) => jobView(state, job));
}

/** Where an ended job stands. */
export function placeOf({ endedAtMs = 0, jobId }: JobRecord): HistoryPlace {
  return { endedAtMs, jobId };
}

/** Negative where `a` stands before `b`. */
export function compareEnds(a: HistoryPlace, b: HistoryPlace): number {
  if (a.endedAtMs !== b.endedAtMs) return b.endedAtMs - a.endedAtMs;
  if (a.jobId === b.jobId) return 0;
  return a.jobId > b.jobId ? -1 : 1;
}

function matches(job: JobRecord, filter: HistoryFilter): boolean {
  const { states = [], channelText } = filter;
  const { endedAtMs = 0 } = job;
  return (
    (filter.userId === undefined || job.userId === filter.userId) &&
    (filter.queue === undefined || job.queue === filter.queue) &&
    (filter.agentId === undefined || job.agentId === filter.agentId) &&
    (states.length === 0 || states.includes(job.state)) &&
    (channelText === undefined || asciiLower(job.channelName).includes(asciiLower(channelText))) &&
    (filter.endedFromMs === undefined || endedAtMs >= filter.endedFromMs) &&
    (filter.endedBeforeMs === undefined || endedAtMs < filter.endedBeforeMs)
  );
}

import { type AttemptRecord, type AttemptState, attemptStates } from './attempt.ts';
import type { JobRecord, JobState, TimelineEntry } from './job.ts';
import { jobStates } from './job-states.ts';

/** Entries of a timeline that are kept; the oldest after the first go. */
export const timelineEntriesMax = 200;

/**
 * Moves a job to another state, with one entry in its timeline. Every change of state goes through here.
 *
 * @throws Error when the table of job-states.ts does not have the transition: a broken assumption of ours.
 */
export function moveJob(
  job: JobRecord,
  to: JobState,
  entry: TimelineEntry,
  patch: Partial<JobRecord> = {},
): JobRecord {
  if (!jobStates[job.state].next.includes(to)) {
    throw new Error(`job ${job.jobId} cannot go from ${job.state} to ${to} (${entry.what})`);
  }
  return { ...job, ...patch, state: to, timeline: appended(job.timeline, entry) };
}

/** Adds to a job's timeline without a change of state. */
export function noteJob(job: JobRecord, entry: TimelineEntry, patch: Partial<JobRecord> = {}): JobRecord {
  return { ...job, ...patch, timeline: appended(job.timeline, entry) };
}

/** Moves an attempt; the same rules as for jobs. */
export function moveAttempt(
  attempt: AttemptRecord,
  to: AttemptState,
  entry: TimelineEntry,
  patch: Partial<AttemptRecord> = {},
): AttemptRecord {
  if (!attemptStates[attempt.state].next.includes(to)) {
    throw new Error(`attempt ${attempt.jobId}#${attempt.number} cannot go from ${attempt.state} to ${to}`);
  }
  return { ...attempt, ...patch, state: to, timeline: appended(attempt.timeline, entry) };
}

/** A copy without the fields that are named: `exactOptionalPropertyTypes` forbids setting them to undefined. */
export function without<T extends object, K extends keyof T>(record: T, ...keys: readonly K[]): Omit<T, K> {
  if (!keys.some((key) => key in record)) return record;
  const left: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(record)) {
    if (!keys.includes(key as K)) left[key] = value;
  }
  return left as Omit<T, K>;
}

function appended(timeline: readonly TimelineEntry[], entry: TimelineEntry): readonly TimelineEntry[] {
  if (timeline.length < timelineEntriesMax) return [...timeline, entry];
  return [...timeline.slice(0, 1), ...timeline.slice(2), entry];
}

import type { AttemptRecord } from './attempt.ts';
import type { JobRecord, JobStatus } from './job.ts';
import { hasEnded, statusOf } from './job-states.ts';

/** One end of a job, with the columns that the studio's reports know (mission.md section 3). */
export interface ResultRow {
  readonly job_id: string;
  readonly username: string;
  readonly channel_name: string;
  /** When the job ended: ISO 8601, UTC, milliseconds. */
  readonly timestamp: string;
  /** Items of type `video` only. */
  readonly video_count: number;
  /** Length of the output in seconds; null where there is none. */
  readonly total_duration: number | null;
  /** UNC path; null where nothing was published. */
  readonly output_path: string | null;
  /** Agent of the attempt that published, else of the last one; null where none began. */
  readonly worker_id: string | null;
  readonly features_used: readonly string[];
  /** Seconds of that attempt, from its acceptance to its end; null where none began. */
  readonly processing_time: number | null;
  readonly status: JobStatus;
}

/** What of a job its row is made of. */
export interface EndedJob {
  readonly job: JobRecord;
  /** The attempt that published, else the last one that ended. */
  readonly attempt?: AttemptRecord;
}

/**
 * The row of a job's end. Undefined: it has not ended (it was retried meanwhile), or such an end makes no row.
 *
 * A job that failed, was retried and published has ended twice: an end is told from another by `job_id` and
 * `timestamp`, which both are in the job's record, so that a row that is made again is the same row.
 */
export function resultRow({ job, attempt }: EndedJob, results: 'completed' | 'all'): ResultRow | undefined {
  const { endedAtMs } = job;
  if (endedAtMs === undefined || !hasEnded(job.state)) return undefined;
  const status = statusOf(job.state);
  if (results === 'completed' && status !== 'completed') return undefined;
  return {
    job_id: job.jobId,
    username: job.username,
    channel_name: job.channelName,
    timestamp: new Date(endedAtMs).toISOString(),
    video_count: job.videoCount,
    total_duration: job.finalDurationMs === undefined ? null : job.finalDurationMs / 1_000,
    output_path: job.outputPath ?? null,
    worker_id: attempt?.agentId ?? job.agentId ?? null,
    features_used: job.features,
    processing_time: attempt === undefined ? null : processingS(attempt),
    status,
  };
}

function processingS({ acceptedAtMs, assignedAtMs, endedAtMs }: AttemptRecord): number | null {
  const beganAtMs = acceptedAtMs ?? assignedAtMs;
  return endedAtMs === undefined ? null : Math.max(0, endedAtMs - beganAtMs) / 1_000;
}

import { type JobRecord, type JobSpec, type JobState, untried } from '../domain/job.ts';
import { hasEnded } from '../domain/job-states.ts';
import { validateJob } from '../domain/validate.ts';
import type { PastJob, PastJobDetail } from '../history/port.ts';
import { draftOfRows, type ItemRow, type JobRow } from './supabase-rows.ts';

/** What the status of a row means where no farm has written its state. */
const stateOfStatus: Readonly<Record<string, JobState>> = {
  completed: 'published',
  failed: 'failed',
  cancelled: 'cancelled',
};

/** A row of a job that has ended; undefined: it has not. Old workers did not write all that we do: that is empty. */
export function pastJobOf(row: JobRow): PastJob | undefined {
  const state = row.farm_state ?? stateOfStatus[row.status ?? ''];
  if (state === undefined || !hasEnded(state) || row.completed_at === undefined) return undefined;
  const { asked, ended } = row.farm_job;
  const job: JobRecord = {
    ...untried,
    jobId: row.job_id,
    userId: row.user_id ?? '',
    username: ended?.username ?? '',
    channelName: row.channel_name ?? '',
    enable4k: row.enable_4k ?? false,
    priority: asked.priority,
    rateProfile: ended?.rateProfile ?? 'studio',
    queue: row.queue_name ?? '',
    routeRule: ended?.routeRule ?? '',
    itemCount: ended?.itemCount ?? 0,
    videoCount: ended?.videoCount ?? 0,
    estimateMs: ended?.estimateMs ?? 0,
    shares: ended?.shares ?? [],
    submittedAtMs: row.created_at ?? row.started_at ?? row.completed_at,
    sequence: ended?.sequence ?? 0,
    state,
    attemptCount: ended?.attemptCount ?? 0,
    charged: ended?.charged ?? 0,
    losses: ended?.losses ?? 0,
    features: ended?.features ?? [],
    endedAtMs: row.completed_at,
    timeline: [],
    ...optional({
      agentId: row.worker_id,
      startedAtMs: row.started_at,
      logDate: ended?.logDate,
      outputPath: row.output_path,
      finalDurationMs: typeof row.final_duration === 'number' ? row.final_duration * 1_000 : undefined,
      errorMessage: row.error_message,
      cancelReason: ended?.cancelReason,
      reason: ended?.reason,
      wishes: asked.wishes,
      deadlineMs: asked.deadlineMs,
      options: asked.options,
    }),
  };
  return {
    job,
    percent: state === 'published' ? 100 : Math.max(0, Math.min(99, Math.floor(row.progress ?? 0))),
  };
}

/**
 * With what it takes to begin it anew. Rows can be written by anybody who has the key of the project: a job that the
 * farm would not take is shown without items.
 */
export function pastJobDetailOf(
  row: JobRow,
  items: readonly ItemRow[],
  isInSourceShare: (uncPath: string) => boolean,
): PastJobDetail | undefined {
  const past = pastJobOf(row);
  if (past === undefined) return undefined;
  const draft = draftOfRows(row, items);
  const validated = validateJob(draft, { isInSourceShare, newJobId: row.job_id, nowMs: 0 });
  const { job } = past;
  const spec: JobSpec = validated.valid
    ? validated.spec
    : {
        jobId: job.jobId,
        userId: job.userId,
        channelName: job.channelName,
        enable4k: job.enable4k,
        items: [],
        priority: job.priority,
      };
  const videoCount = items.filter(({ item_type: type }) => type === 'video').length;
  return { ...past, job: { ...job, itemCount: items.length, videoCount }, spec, attempts: [] };
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined | null> };

/** Without what is not there. */
function optional<T extends object>(fields: T): Given<T> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null),
  ) as Given<T>;
}

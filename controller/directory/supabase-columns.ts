import type { ItemSpec, JobBody } from '../domain/job.ts';
import { hasEnded, statusOf } from '../domain/job-states.ts';
import type { OutboxItem } from '../outbox/destination.ts';
import { type FarmJobInput, farmJobOf } from './supabase-farm-job.ts';
import { farmMark } from './supabase-rows.ts';
import { storable } from './supabase-text.ts';

/** What an update writes: all of it each time, so that the newest alone decides. */
export interface MirroredColumns {
  readonly status: string;
  readonly progress: number;
  readonly started_at: string | null;
  readonly completed_at: string | null;
  readonly worker_id: string | null;
  readonly queue_name: string;
  readonly output_path: string | null;
  readonly final_duration: number | null;
  readonly error_message: string | null;
  readonly farm: string;
  readonly claimed_by: string;
  readonly farm_state: string;
  readonly farm_job: FarmJobInput;
}

/** The old worker's columns, and ours; mission.md sections 1 and 3 say what each means. */
export function mirroredColumns(item: Omit<OutboxItem, 'revision'>, farmName: string): MirroredColumns {
  const { job, body, attempt, percent } = item;
  const ended = hasEnded(job.state);
  return {
    status: statusOf(job.state),
    progress: job.state === 'published' ? 100 : Math.max(0, Math.min(99, Math.floor(percent))),
    started_at: timeOrNull(job.startedAtMs),
    completed_at: ended ? timeOrNull(job.endedAtMs) : null,
    worker_id: textOrNull(ended ? (attempt?.agentId ?? job.agentId) : job.agentId),
    queue_name: storable(job.queue),
    output_path: textOrNull(job.outputPath),
    final_duration: job.finalDurationMs === undefined ? null : job.finalDurationMs / 1_000,
    error_message: textOrNull(job.errorMessage),
    farm: farmMark,
    claimed_by: farmName,
    farm_state: job.state,
    farm_job: farmJobOf(job, body.spec),
  };
}

/** A row of `jobs` that nobody has written yet, as the old submit wrote it. Its revision is 0 until its items are there. */
export interface NewJobColumns {
  readonly job_id: string;
  readonly user_id: string;
  readonly channel_name: string;
  readonly enable_4k: boolean;
  readonly status: 'queued';
  readonly progress: 0;
  readonly queue_name: string;
  readonly created_at: string;
  readonly farm: string;
  readonly claimed_by: string;
}

export function newJobColumns({ job }: Pick<OutboxItem, 'job'>, farmName: string): NewJobColumns {
  return {
    job_id: job.jobId,
    user_id: storable(job.userId),
    channel_name: storable(job.channelName),
    enable_4k: job.enable4k,
    status: 'queued',
    progress: 0,
    queue_name: storable(job.queue),
    created_at: new Date(job.submittedAtMs).toISOString(),
    farm: farmMark,
    claimed_by: farmName,
  };
}

/** A row of `job_items`. Each has every column: PostgREST takes rows of one shape in one insert. */
export interface ItemColumns {
  readonly job_id: string;
  readonly position: number;
  readonly item_type: string;
  readonly video_id: string | null;
  readonly path: string | null;
  readonly title: string | null;
  readonly logo_path: string | null;
  /** Seconds. */
  readonly duration: number | null;
  readonly text_animation_text: string | null;
  readonly resolution: string | null;
  readonly is_4k: boolean | null;
  readonly path_available: boolean | null;
}

export function itemColumns({ jobId, spec }: JobBody): readonly ItemColumns[] {
  return spec.items.map((item) => columnsOf(jobId, item));
}

function columnsOf(jobId: string, item: ItemSpec): ItemColumns {
  return {
    job_id: jobId,
    position: item.position,
    item_type: item.itemType,
    video_id: textOrNull(item.videoId),
    path: textOrNull(item.path),
    title: textOrNull(item.title),
    logo_path: textOrNull(item.logoPath),
    duration: item.durationMs === undefined ? null : item.durationMs / 1_000,
    text_animation_text: textOrNull(item.text),
    resolution: textOrNull(item.resolution),
    is_4k: item.is4k ?? null,
    path_available: item.pathAvailable ?? null,
  };
}

function textOrNull(text: string | undefined): string | null {
  return text === undefined ? null : storable(text);
}

function timeOrNull(atMs: number | undefined): string | null {
  return atMs === undefined ? null : new Date(atMs).toISOString();
}

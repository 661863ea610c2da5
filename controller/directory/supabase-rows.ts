import { z } from 'zod';
import { itemTypes } from '../../proto/index.ts';
import type { ItemDraft, JobDraft } from '../domain/job-draft.ts';
import { jobStates } from '../domain/job-states.ts';
import { readFarmJob } from './supabase-farm-job.ts';

/** The studio's tables; deploy/supabase/migrations has their columns. */
export const jobsTable = 'jobs';
export const itemsTable = 'job_items';

/**
 * `jobs.farm` of what is ours. The old API never sets it, so that no row is ever taken by both farms during a
 * cut-over. `claimed_by` beside it is the configured name of the farm that has the row.
 */
export const farmMark = 'renderfarm';

const text = z.union([z.string(), z.number().transform(String)]).nullish();
const time = z
  .string()
  .nullish()
  .transform((value) => timeMs(value));
/** PostgREST writes a `numeric` as a number, SQLite's stand-in as a string; NaN, which PostgreSQL has, is none. */
const number = z.coerce.number().nullish().catch(null);
const flag = z.coerce.boolean().nullish();
const jobId = z.string().transform((id) => id.toLowerCase());
const stateNames = Object.keys(jobStates) as [keyof typeof jobStates, ...(keyof typeof jobStates)[]];

/** A row of `jobs` as it is read; times are Unix ms. People can write to it: a column of ours that makes no sense is null. */
export const jobRow = z.object({
  job_id: jobId,
  user_id: text,
  channel_name: text,
  enable_4k: flag,
  status: text,
  progress: number,
  queue_name: text,
  worker_id: text,
  created_at: time,
  started_at: time,
  completed_at: time,
  output_path: text,
  final_duration: number,
  error_message: text,
  /** Asked for as text: it has more digits than a double. */
  revision: text,
  farm: text,
  claimed_by: text,
  claimed_at: time,
  /** The state of the job as the farm wrote it last; null where it has not written yet. */
  farm_state: z.enum(stateNames).nullish().catch(null),
  farm_job: z.unknown().transform(readFarmJob),
});

export type JobRow = z.output<typeof jobRow>;

/** For `select`. */
export const jobSelection = Object.keys(jobRow.shape)
  .map((column) => (column === 'revision' ? 'revision::text' : column))
  .join(',');

/** A row of `job_items` as it is read. */
export const itemRow = z.object({
  job_id: jobId,
  position: z.coerce.number(),
  item_type: z
    .enum(itemTypes.names as [(typeof itemTypes.names)[number], ...(typeof itemTypes.names)[number][]])
    .nullish()
    .catch(null),
  video_id: text,
  path: text,
  title: text,
  logo_path: text,
  /** Seconds. */
  duration: number,
  text_animation_text: text,
  resolution: text,
  is_4k: flag,
  path_available: flag,
});

export type ItemRow = z.output<typeof itemRow>;

/** For `select`. */
export const itemSelection = Object.keys(itemRow.shape).join(',');

/** The job that these rows are, for `validateJob`: nothing is refused here. */
export function draftOfRows(row: JobRow, items: readonly ItemRow[]): JobDraft {
  const { normalizeLoudness, queue, priority, wishes, notBeforeMs, deadlineMs, options } = row.farm_job.asked;
  const loud = new Set(normalizeLoudness);
  return {
    jobId: row.job_id,
    userId: row.user_id ?? '',
    channelName: row.channel_name ?? '',
    enable4k: row.enable_4k ?? false,
    items: items.toSorted((a, b) => a.position - b.position).map((item) => draftOfItem(item, loud)),
    priority,
    queue: queue ?? '',
    wishes,
    notBeforeMs,
    deadlineMs,
    options: options && { ...options, rateProfile: options.rateProfile },
    encodedBytes: items.reduce((sum, item) => sum + bytesOf(item), bytesOf(row)),
  };
}

function draftOfItem(item: ItemRow, loud: ReadonlySet<number>): ItemDraft {
  return {
    position: item.position,
    itemType: item.item_type ?? undefined,
    videoId: item.video_id ?? '',
    path: item.path ?? '',
    title: item.title ?? '',
    logoPath: item.logo_path ?? '',
    durationMs: msOfSeconds(item.duration),
    text: item.text_animation_text ?? '',
    words: [],
    resolution: item.resolution ?? '',
    is4k: item.is_4k ?? undefined,
    pathAvailable: item.path_available ?? undefined,
    normalizeLoudness: loud.has(item.position),
    encodedBytes: bytesOf(item),
  };
}

function timeMs(value: string | null | undefined): number | undefined {
  // The stand-ins of Supabase write a space, and leave the zone out or its minutes.
  const iso = (value ?? '').replace(' ', 'T').replace(/([+-]\d\d)$/u, '$1:00');
  const ms = Date.parse(/T[^Z+-]*$/u.test(iso) ? `${iso}Z` : iso);
  return Number.isFinite(ms) ? ms : undefined;
}

function msOfSeconds(value: number | null | undefined): number | undefined {
  return typeof value === 'number' ? value * 1_000 : undefined;
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

import type { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { JobRecord } from '../domain/job.ts';
import { hasEnded, statusOf } from '../domain/job-states.ts';
import type {
  ShadowComparison,
  ShadowReport,
  ShadowReports,
  ShadowSide,
  ShadowVerdict,
} from '../domain/stored-jobs.ts';
import { DirectoryAway, type IntakeRows } from './intake-table.ts';
import type { RefusedCopy } from './shadow-poll.ts';

export interface ShadowReportOptions {
  readonly rows: IntakeRows;
  /** Jobs of our farm, newest first. */
  readonly jobs: (page: {
    readonly size: number;
    readonly token: string;
  }) => Promise<{ readonly entries: readonly { readonly job: JobRecord }[]; readonly nextToken: string }>;
  readonly refused: LRUCache<string, RefusedCopy>;
  readonly stopping: AbortSignal;
}

/** Ids that one query asks for: they stand in its address. */
const idsMax = 100;
/** The old farm joins by one FFmpeg command: what each item is longer or shorter by, and the whole. */
const lengthDiffersMs = { item: 1_000 / 30, job: 500 };

const text = z.string().nullish().catch(null);
const outcomeRow = z.object({
  job_id: z.string(),
  status: text,
  started_at: text,
  completed_at: text,
  final_duration: z.coerce.number().nullish().catch(null),
  worker_id: text,
  error_message: text,
});

/** What our farm rendered and published nowhere, beside what the other one made of the same jobs. */
export function shadowReports(options: ShadowReportOptions): ShadowReports {
  return { report: (page) => report(options, page) };
}

async function report(
  { rows, jobs, refused, stopping }: ShadowReportOptions,
  page: { readonly size: number; readonly token: string },
): Promise<ShadowReport> {
  const { entries, nextToken } = await jobs(page);
  const copies = page.token === '' ? [...refused.values()] : [];
  const ids = [...copies.map(({ jobId }) => jobId), ...entries.map(({ job }) => job.jobId)];
  const { old, trouble } = await oldOnes(rows, ids, stopping);
  return {
    jobs: [
      ...copies.map((copy) => refusedOne(copy, old.get(copy.jobId.toLowerCase()))),
      ...entries.map(({ job }) => compared(job, old.get(job.jobId))),
    ],
    nextToken,
    ...(trouble !== undefined && { trouble }),
  };
}

/** Where the other farm cannot be asked, ours is told all the same. */
async function oldOnes(
  rows: IntakeRows,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly old: ReadonlyMap<string, ShadowSide>; readonly trouble?: string }> {
  const old = new Map<string, ShadowSide>();
  try {
    for (let at = 0; at < ids.length; at += idsMax) {
      for (const row of await rows.outcomes(ids.slice(at, at + idsMax), signal)) {
        const read = outcomeRow.safeParse(row);
        if (read.success) old.set(read.data.job_id.toLowerCase(), sideOf(read.data));
      }
    }
  } catch (error) {
    if (!(error instanceof DirectoryAway)) throw error;
    return { old, trouble: error.message };
  }
  return { old };
}

function sideOf(row: z.output<typeof outcomeRow>): ShadowSide {
  const { status, started_at: startedAt, completed_at: endedAt, final_duration: seconds } = row;
  return {
    status: (status ?? '').slice(0, 40),
    ...timeOf('startedAtMs', startedAt),
    ...timeOf('endedAtMs', endedAt),
    ...(typeof seconds === 'number' &&
      Number.isFinite(seconds) && { durationMs: Math.round(seconds * 1_000) }),
    ...(row.worker_id && { workerId: row.worker_id.slice(0, 128) }),
    ...(row.error_message && { errorMessage: row.error_message.slice(0, 500) }),
  };
}

function timeOf<K extends 'startedAtMs' | 'endedAtMs'>(
  key: K,
  time: string | null | undefined,
): Partial<Pick<ShadowSide, K>> {
  const ms = Date.parse(time ?? '');
  return Number.isFinite(ms) ? ({ [key]: ms } as Pick<ShadowSide, K>) : {};
}

function compared(job: JobRecord, old: ShadowSide | undefined): ShadowComparison {
  const ours = ourSide(job);
  const { frames, sizeBytes } = job.shadow ?? {};
  return {
    jobId: job.jobId,
    channelName: job.channelName,
    verdict: verdictOf(ours, old, job.itemCount),
    ours,
    ...(old && { old }),
    ...(frames !== undefined && { frames }),
    ...(sizeBytes !== undefined && { sizeBytes }),
    attemptCount: job.attemptCount,
  };
}

function ourSide(job: JobRecord): ShadowSide {
  const { agentId, finalDurationMs, endedAtMs, errorMessage } = job;
  // As the old farm counts: from when a PC was given the job, copying included.
  const startedAtMs = job.timeline.findLast(({ what }) => what === 'assigned')?.atMs;
  return {
    status: statusOf(job.state),
    ...(startedAtMs !== undefined && { startedAtMs }),
    ...(hasEnded(job.state) && endedAtMs !== undefined && { endedAtMs }),
    ...(finalDurationMs !== undefined && { durationMs: finalDurationMs }),
    ...(agentId !== undefined && { workerId: agentId }),
    ...(errorMessage !== undefined && { errorMessage: errorMessage.slice(0, 500) }),
  };
}

function refusedOne({ jobId, why }: RefusedCopy, old: ShadowSide | undefined): ShadowComparison {
  const ours: ShadowSide = { status: 'refused', errorMessage: why };
  return {
    jobId,
    channelName: '',
    verdict: verdictOf(ours, old, 0),
    ours,
    ...(old && { old }),
    attemptCount: 0,
  };
}

/** What both came to; only lengths are compared, as the pictures of the two farms are meant to differ. */
export function verdictOf(ours: ShadowSide, old: ShadowSide | undefined, items: number): ShadowVerdict {
  const isOurs = endOf(ours);
  if (old === undefined) return isOurs === 'open' ? 'open' : 'old-unknown';
  const isOld = endOf(old);
  if (isOurs === 'open' || isOld === 'open') return 'open';
  if (isOurs === 'bad') return isOld === 'bad' ? 'both-failed' : 'only-ours-failed';
  if (isOld === 'bad') return 'only-old-failed';
  if (ours.durationMs === undefined || old.durationMs === undefined) return 'old-unknown';
  const differMs = Math.abs(ours.durationMs - old.durationMs);
  return differMs > lengthDiffersMs.job + items * lengthDiffersMs.item ? 'length-differs' : 'same';
}

function endOf({ status }: ShadowSide): 'open' | 'good' | 'bad' {
  if (status === 'completed') return 'good';
  return status === 'failed' || status === 'cancelled' || status === 'refused' ? 'bad' : 'open';
}

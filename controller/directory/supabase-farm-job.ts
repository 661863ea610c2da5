import { z } from 'zod';
import { noOptions } from '../../proto/index.ts';
import type { JobRecord, JobSpec } from '../domain/job.ts';
import { hasEnded } from '../domain/job-states.ts';
import { storable } from './supabase-text.ts';

const name = z.string().max(1_024);
const names = z.array(name).max(256).readonly();
/** Unix ms up to the year 9999: beyond what a date can be, whoever shows it fails. */
const timeMs = z.int().min(0).max(253_402_300_799_999);
/** Attempts, items, positions: on the wire they have 32 bits. */
const count = z.int().min(0).max(1_000_000);

/** What a job asks for and the old tables have no column for. */
const asked = z.object({
  priority: z.enum(['low', 'normal', 'high', 'urgent']).default('normal').catch('normal'),
  queue: name.optional(),
  wishes: z.object({ onlyOn: names, notOn: names, labels: names }).optional(),
  notBeforeMs: timeMs.optional(),
  deadlineMs: timeMs.optional(),
  options: z
    .object({
      rateProfile: z.enum(['studio', 'quality']).optional(),
      ...(Object.fromEntries(
        Object.keys(noOptions).map((each) => [each, z.boolean().default(false)]),
      ) as Record<Exclude<keyof typeof noOptions, 'rateProfile'>, z.ZodDefault<z.ZodBoolean>>),
    })
    .transform(({ rateProfile, ...switches }) => ({ ...switches, ...(rateProfile && { rateProfile }) }))
    .optional(),
  /** Positions of the items whose sound is brought to the farm's loudness. */
  normalizeLoudness: z.array(z.int().min(0)).max(2_000).default([]),
});

/** What became of it, beside the old columns; written when it has ended. */
const ended = z.object({
  username: name,
  rateProfile: z.enum(['studio', 'quality']),
  routeRule: name,
  itemCount: count,
  videoCount: count,
  estimateMs: z.number(),
  shares: names,
  sequence: z.int().min(0),
  attemptCount: count,
  charged: count,
  losses: count,
  features: z.array(z.enum(['logo_overlay', 'text_animation', 'image_slides', '4k_output'])).readonly(),
  logDate: z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}$/u)
    .optional()
    .catch(undefined),
  cancelReason: z.string().optional(),
  reason: z.string().optional(),
});

const farmJob = z.object({ asked, ended: ended.optional().catch(undefined) });

/** The value of the column `farm_job`: what the farm must know of a job to show it, and to begin it anew. */
export type FarmJob = z.output<typeof farmJob>;

/** People can write to the table: what makes no sense is as if it were not there. */
export function readFarmJob(value: unknown): FarmJob {
  // SQLite has no JSON of its own.
  const parsed = farmJob.safeParse(typeof value === 'string' ? jsonOf(value) : value);
  return parsed.success ? parsed.data : { asked: asked.parse({}) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export type FarmJobInput = z.input<typeof farmJob>;

export function farmJobOf(job: JobRecord, spec: JobSpec): FarmJobInput {
  const { priority } = job;
  const { queue, wishes, notBeforeMs, deadlineMs, options } = spec;
  const normalizeLoudness = spec.items.flatMap((item) => (item.normalizeLoudness ? item.position : []));
  return deeplyStorable({
    asked: { priority, queue, wishes, notBeforeMs, deadlineMs, options, normalizeLoudness },
    ...(hasEnded(job.state) && { ended: ended.parse(job) }),
  });
}

/** JSON of PostgreSQL has no NUL either. */
function deeplyStorable<T>(value: T): T {
  return JSON.parse(JSON.stringify(value), (_key, part: unknown) =>
    typeof part === 'string' ? storable(part) : part,
  ) as T;
}

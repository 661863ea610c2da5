import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, parse, resolve } from 'node:path';
import { z } from 'zod';
import type { RenderOptions, ResolvedItem } from '../../proto/index.ts';
import type { Mounts } from '../media/unc.ts';

const path = z.string().min(1).max(4_096);
/** The web application writes null for what is not given. */
function optional<T extends z.ZodType>(inner: T) {
  return inner.nullish().transform((value) => value ?? undefined);
}

const item = z.strictObject({
  position: z.number().int().min(0).optional(),
  item_type: z.enum(['intro', 'video', 'transition', 'outro', 'image']),
  path: z.string('is needed: without a farm there is no catalogue').min(1).max(4_096),
  video_id: optional(z.string()),
  title: optional(z.string()),
  logo_path: optional(path),
  duration: optional(z.number().min(0.1).max(3_600)),
  text_animation_text: optional(z.string().max(4_000)),
  text_animation_words: optional(z.array(z.string())),
  resolution: optional(z.string()),
  is_4k: optional(z.boolean()),
  path_available: optional(z.boolean()),
  normalize_loudness: optional(z.boolean()),
});

const options = z.strictObject({
  rate_profile: optional(z.enum(['studio', 'quality'])),
  no_cache: optional(z.boolean()),
  keep_failed: optional(z.boolean()),
  full_decode: optional(z.boolean()),
  loudness_report: optional(z.boolean()),
  contact_sheet: optional(z.boolean()),
  preview: optional(z.boolean()),
});

/** The file that clients submit; here paths of this PC are allowed as well. */
const schema = z
  .strictObject({
    job_id: optional(z.uuid()),
    user_id: optional(z.string().min(1).max(128)).transform((given) => given ?? 'local'),
    channel_name: z.string('is missing').min(1).max(200),
    enable_4k: optional(z.boolean()).transform((given) => given ?? false),
    options: optional(options),
    // Only a farm has queues, agents and other jobs: what its job files say of them is read over.
    priority: optional(z.enum(['low', 'normal', 'high', 'urgent'])),
    queue: optional(z.string()),
    wishes: z.unknown().optional(),
    not_before: z.unknown().optional(),
    deadline: z.unknown().optional(),
    items: z.array(item, 'is missing').min(1, 'No items found for job').max(2_000),
  })
  .refine(({ items }) => positionsAreGood(items), {
    path: ['items'],
    error: 'positions must be distinct, and given for all items or for none',
  })
  .transform(({ items, ...job }) => ({
    ...job,
    // Where no item has a position, the order of the list counts.
    items: items.map((one, index) => ({ ...one, position: one.position ?? index })),
  }));

function positionsAreGood(items: readonly { readonly position?: number | undefined }[]): boolean {
  const given = items.flatMap(({ position }) => position ?? []);
  return given.length === 0 || new Set(given).size === items.length;
}

/** A job without a farm. */
export interface LocalJob {
  readonly jobId: string;
  readonly userId: string;
  readonly channelName: string;
  readonly enable4k: boolean;
  /** Absent: all off. `keepFailed` says nothing here: the work folder goes. */
  readonly options?: RenderOptions;
  readonly items: readonly ResolvedItem[];
  /** The mounts of the configuration, and those that stand for this PC's own disks. */
  readonly mounts: Mounts;
}

/** What is wrong with a job file, each with its field. */
export class JobFileError extends Error {
  override readonly name = 'JobFileError';
  readonly code = 'JOB_FILE_INVALID';
}

/** Reads a job file; relative paths are relative to it. Throws JobFileError. */
export function readLocalJob(file: string, mounts: Mounts): LocalJob {
  const job = parseJob(file);
  const locals = new Map<string, string>();
  const toUnc = (given: string): string => {
    if (/^[\\/]{2}[^\\/]/u.test(given)) return given;
    const absolute = resolve(dirname(file), given);
    const { root } = parse(absolute);
    const share = root.replace(/[^A-Za-z0-9]/gu, '') || 'root';
    locals.set(share, root);
    return `${localHost}\\${share}\\${absolute.slice(root.length).replaceAll('/', '\\')}`;
  };
  const items = [...job.items].sort((a, b) => a.position - b.position).map((one) => resolved(one, toUnc));
  return {
    jobId: job.job_id ?? randomUUID(),
    userId: job.user_id,
    channelName: job.channel_name,
    enable4k: job.enable_4k,
    ...(job.options && { options: optionsOf(job.options) }),
    items,
    mounts: {
      ...mounts,
      ...Object.fromEntries(
        [...locals].map(([share, root]) => [
          `local-${share}`,
          { roots: [`${localHost}\\${share}`], localPath: root },
        ]),
      ),
    },
  };
}

/** Stands for this PC where the pipeline wants a UNC path. */
const localHost = '\\\\this-pc';

/** Takes our stand-in out of a message again. */
export function withLocalPaths(message: string): string {
  return message.replace(
    /\\\\this-pc\\(?<share>\w+)(?<rest>\\[^\s:;,]*)/gu,
    (_all, share: string, rest: string) =>
      share === 'root' ? rest.replaceAll('\\', '/') : `${share}:${rest}`,
  );
}

function parseJob(file: string): z.output<typeof schema> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new JobFileError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${fieldOf(issue.path)}: ${issue.message}`);
  throw new JobFileError(`${file}: ${problems.join('; ')}`);
}

function fieldOf(keys: readonly PropertyKey[]): string {
  return keys.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return text === '' ? String(key) : `${text}.${String(key)}`;
  }, '');
}

function resolved(
  one: z.output<typeof schema>['items'][number],
  toUnc: (path: string) => string,
): ResolvedItem {
  const isVideo = one.item_type === 'video';
  const text = one.text_animation_text ?? one.text_animation_words?.join(' ');
  return {
    position: one.position,
    itemType: one.item_type,
    path: toUnc(one.path),
    ...(one.video_id === undefined ? {} : { videoId: one.video_id }),
    ...(one.title === undefined ? {} : { title: one.title }),
    ...(one.logo_path === undefined || !isVideo ? {} : { logoPath: toUnc(one.logo_path) }),
    ...(one.duration === undefined ? {} : { durationMs: Math.round(one.duration * 1_000) }),
    ...(text === undefined || text === '' || !isVideo ? {} : { text }),
    ...(one.normalize_loudness === true && one.item_type !== 'image' && { normalizeLoudness: true }),
  };
}

function optionsOf(given: z.output<typeof options>): RenderOptions {
  return {
    ...(given.rate_profile && { rateProfile: given.rate_profile }),
    noCache: given.no_cache ?? false,
    keepFailed: given.keep_failed ?? false,
    fullDecode: given.full_decode ?? false,
    loudnessReport: given.loudness_report ?? false,
    contactSheet: given.contact_sheet ?? false,
    preview: given.preview ?? false,
  };
}

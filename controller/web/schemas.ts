import { z } from 'zod';
import { jobStates } from '../domain/job-states.ts';

/** The old clients send null for what they leave out. */
export const absent = <T extends z.ZodType>(schema: T) =>
  schema.nullish().transform((value) => value ?? undefined);
const text = absent(z.string());
const seconds = absent(z.number().describe('Seconds.'));

export const itemTypes = ['intro', 'video', 'transition', 'outro', 'image'] as const;
export const priorities = ['low', 'normal', 'high', 'urgent'] as const;

export const item = z.object({
  position: z.int().describe('Any distinct integers from 0; order counts, gaps are allowed.'),
  item_type: z.enum(itemTypes),
  video_id: text.describe('Id in the catalogue; wins over `path`.'),
  path: text.describe('UNC path in one of the shares.'),
  title: text,
  logo_path: text.describe('Drawn on videos only.'),
  duration: seconds.describe('Seconds that an image is shown; elsewhere an estimate that never trims.'),
  text_animation_text: text.describe('Typed over videos only.'),
  text_animation_words: absent(z.array(z.string())).describe('Joined by spaces where there is no text.'),
  resolution: text,
  is_4k: absent(z.boolean()),
  path_available: absent(z.boolean()),
});

/** `POST /api/jobs/submit`, as the old web application sends it; what it sends beside this is not looked at. */
export const submitBody = z.object({
  job_id: text.describe('A UUID: submitting it twice is one job. Chosen here when absent.'),
  user_id: z.string(),
  channel_name: z.string(),
  enable_4k: absent(z.boolean()),
  priority: absent(z.enum(priorities)),
  queue: text.describe('Overrides the routing of the farm.'),
  items: z.array(item),
});

export type SubmitBody = z.output<typeof submitBody>;

export const submitReply = z.object({
  job_id: z.string(),
  status: z.literal('queued'),
  message: z.string(),
  queue: z.string(),
  existed: z.boolean().describe('The same job had been submitted before.'),
});

export const statuses = ['queued', 'processing', 'completed', 'failed', 'cancelled'] as const;
const states = Object.keys(jobStates) as [keyof typeof jobStates, ...(keyof typeof jobStates)[]];
const time = z.string().describe('ISO 8601, UTC.');

/** The columns of the `jobs` table under their old names, and what we have beside them. */
export const jobRow = z.object({
  job_id: z.string(),
  user_id: z.string(),
  channel_name: z.string(),
  enable_4k: z.boolean(),
  status: z.enum(statuses),
  progress: z.int().describe('Whole percent; 100 when it is published.'),
  queue_name: z.string(),
  worker_id: z.string().nullable().describe('Id of the agent.'),
  created_at: time,
  started_at: time.nullable(),
  completed_at: time.nullable().describe('Also of what failed or was cancelled.'),
  output_path: z.string().nullable(),
  final_duration: z.number().nullable().describe('Seconds.'),
  error_message: z.string().nullable(),
  state: z.enum(states),
  reason: z.string().nullable().describe('Why it is where it is.'),
  priority: z.enum(priorities),
  eta_seconds: z.number().nullable(),
  attempts: z.int(),
  features_used: z.array(z.string()),
});

const page = {
  page_size: z.coerce.number().pipe(z.int().min(1).max(1_000)).default(50),
  page_token: z.string().max(1_024).default('').describe('`next_page_token` of the page before.'),
};

export const jobsQuery = z.object({
  ...page,
  user_id: z.string().optional(),
  queue: z.string().optional(),
  status: z.enum(statuses).optional(),
});
/** An empty field of a form means any; what else is wrong with it is told in one sentence. */
const any = <T extends z.ZodType>(schema: T, expected: string) =>
  z
    .union([z.literal('').transform(() => undefined), schema], { error: () => `must be ${expected}` })
    .optional();
const endTime = any(
  z.iso.datetime({ offset: true }).transform((text) => Date.parse(text)),
  'a time with its zone, such as 2026-03-01T18:00:00Z',
);
const endStatuses = ['completed', 'failed', 'cancelled'] as const;

export const historyQuery = z.object({
  ...page,
  user_id: z.string().optional(),
  queue: z.string().optional(),
  status: any(z.enum(endStatuses), `one of ${endStatuses.join(', ')}`),
  worker_id: z.string().optional().describe('Id of the agent that had it last.'),
  channel: z.string().optional().describe('Part of the name of the channel.'),
  ended_from: endTime.describe('ISO 8601; ended then or later.'),
  ended_before: endTime.describe('ISO 8601; ended before then.'),
});
export const agentsQuery = z.object(page);

export const jobsReply = z.object({
  jobs: z.array(jobRow),
  next_page_token: z.string().describe('Empty: this was the last page.'),
});

export const jobParams = z.object({ job_id: z.string() });
export const queueParams = z.object({ name: z.string() });
export const agentParams = z.object({ id: z.string() });

const order = { reason: z.string().nullish().describe('For the history.') };

/** Every order may be sent without a body. */
export const jobOrderBody = z.object(order).nullish();
export const personOrderBody = z
  .object({ ...order, by: z.string().nullish().describe('Who orders it.') })
  .nullish();
export const priorityBody = z.object({ ...order, priority: z.enum(priorities) });

export const queueRow = z.object({
  name: z.string(),
  waiting: z.int(),
  processing: z.int(),
  agents_subscribed: z.int(),
  agents_attached: z.int(),
  oldest_wait_seconds: z.number(),
  paused: z.object({ reason: z.string(), by: z.string(), since: time }).nullable(),
});
export const queuesReply = z.object({ queues: z.array(queueRow) });

export const agentRow = z.object({
  agent_id: z.string(),
  hostname: z.string().nullable(),
  liveness: z.enum(['attached', 'suspect', 'detached']),
  mode: z.enum(['active', 'cordoned', 'draining', 'evict']),
  mode_reason: z.string().nullable(),
  sick: z.string().nullable().describe('Why it gets no work until it is healed.'),
  software_version: z.string(),
  queues: z.array(z.string()),
  slots: z.int(),
  slots_busy: z.int(),
  jobs: z.array(z.object({ job_id: z.string(), state: z.string(), progress: z.int() })),
  silence_seconds: z.number(),
  scratch_free_bytes: z.number(),
});
export const agentsReply = z.object({ agents: z.array(agentRow), next_page_token: z.string() });

export const errorReply = z.object({
  detail: z.string().describe('What went wrong, in a sentence.'),
  code: z.string().describe('Stable: docs/http-api.md.'),
  violations: z.array(z.object({ field: z.string(), description: z.string() })).optional(),
  info: z.record(z.string(), z.string()).optional(),
});

/** What every route may answer instead. */
export const failures = { '4xx': errorReply, '5xx': errorReply };

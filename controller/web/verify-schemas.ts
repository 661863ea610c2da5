import { z } from 'zod';
import { absent, item, itemTypes, priorities, submitBody } from './schemas.ts';

/** What is wrong with a job is told of all of it: only what is no job at all is refused. */
export const verifyBody = z.object({
  ...submitBody.shape,
  user_id: absent(z.string()),
  channel_name: absent(z.string()),
  priority: absent(z.string()).describe(`One of ${priorities.join(', ')}.`),
  items: z
    .array(
      z.object({
        ...item.shape,
        position: z.number().describe('Any distinct whole numbers from 0; order counts, gaps are allowed.'),
        item_type: absent(z.string()).describe(`One of ${itemTypes.join(', ')}.`),
      }),
    )
    .describe('As in a submit; values that a submit refuses are reported.'),
});

export type VerifyBody = z.output<typeof verifyBody>;

const fault = z.object({
  field: z.string(),
  code: z.string().describe('Stable: docs/errors.md.'),
  message: z.string(),
});

const text = z.string().nullable();
const seconds = z.number().nullable().describe('Seconds.');

const verifiedItem = z.object({
  position: z.number(),
  item_type: text,
  video_id: text,
  path: text.describe("The catalogue's, where there is a video_id."),
  title: text,
  logo_path: text,
  duration: seconds.describe(
    'Of the file; of a still how long it is shown; null where it is not known, or no estimate.',
  ),
  text_animation_text: text,
  text_animation_words: z.array(z.string()).nullable(),
  resolution: text.describe('e.g. `1920x1080`.'),
  is_4k: z.boolean().nullable(),
  path_available: z.boolean().nullable().describe('It is there, and may be read; null: not known.'),
  measured: z.boolean().describe('The duration comes from the file.'),
  measured_duration: seconds.describe('Also where it is longer than an estimate may be.'),
  codec: text,
  size_bytes: z.number().nullable(),
  problems: z.array(fault),
  warnings: z.array(z.string()),
  unknown: text.describe('Why something was not found out.'),
});

const agent = z.object({
  agent_id: z.string(),
  can_take_it: z.boolean(),
  reasons: z.array(z.string()).describe('Why not; or what it is busy with.'),
  expected_end_seconds: seconds,
});

/** The job as it was given, so that the answer can be submitted as it is, and what was found out. */
export const verifyReply = z.object({
  job_id: text,
  user_id: text,
  channel_name: text,
  enable_4k: z.boolean(),
  priority: text,
  queue: text.describe('The one that was asked for.'),
  items: z.array(verifiedItem),
  accepted: z.boolean().describe('A submit would take it now. It does not look at files.'),
  renderable: z
    .boolean()
    .nullable()
    .describe('Every file is there and can be read; null: not all were looked at.'),
  problems: z.array(fault).describe('Of the job, beside its items.'),
  existed: z.boolean().describe('The farm has a job with this id.'),
  video_count: z.int(),
  total_duration: z.number().describe('Seconds.'),
  total_duration_known: z.boolean().describe('False: some of it is estimated.'),
  queue_name: text.describe('The queue that it would go to.'),
  route_rule: text,
  expected_start_seconds: seconds.describe('From now, by the plan.'),
  expected_end_seconds: seconds,
  expected_agent: text,
  forecast: text.describe('In a sentence.'),
  forecast_basis: text,
  agents: z.array(agent).describe('The best first.'),
});

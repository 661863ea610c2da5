import * as z from 'zod';
import { jobFileLimits } from './job-file-limits.ts';
import { breachesOf } from './job-file-rules.ts';

const durationRange = `must be between ${jobFileLimits.durationMinS} and ${jobFileLimits.durationMaxS} s`;
const nameRule = `must have 1 to ${jobFileLimits.nameCharactersMax} printable characters`;
const positionRange = `must be a whole number from 0 to ${jobFileLimits.positionMax}`;
const printable = /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]*$/u;
const printableName = /^(?=.*\S)[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]{1,128}$/u;
const uuid = /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;

/** What JSON Schema can say of the rules in `job-file-rules.ts`. */
const sourceRule = {
  anyOf: ['video_id', 'path'].map((field) => ({
    required: [field],
    properties: { [field]: { type: 'string' } },
  })),
};
const positionRule = {
  anyOf: [{ items: { required: ['position'] } }, { items: { not: { required: ['position'] } } }],
};

const itemShape = z
  .strictObject({
    position: z
      .int(positionRange)
      .min(0, positionRange)
      .max(jobFileLimits.positionMax, positionRange)
      .optional()
      .describe(
        'Where the item stands: distinct, gaps allowed. Given in all items, or in none (then the index counts).',
      ),
    item_type: z
      .enum(['intro', 'video', 'transition', 'outro', 'image'])
      .describe('Logo and text are drawn on video items only; only video items count for routing.'),
    video_id: name('The catalogue id of the source. It wins over path.'),
    path: line('UNC path of the source, inside one of the shares of the farm.'),
    title: text('Title of the chapter that the item becomes.'),
    logo_path: line('UNC path of a logo, drawn at the top right.'),
    duration: z
      .number('must be a number of seconds')
      .min(jobFileLimits.durationMinS, durationRange)
      .max(jobFileLimits.durationMaxS, durationRange)
      .nullish()
      .describe(
        'Seconds that an image is shown (5 when absent); for anything else an estimate that never trims.',
      ),
    text_animation_text: z
      .string()
      .max(jobFileLimits.textMax * 4, `must have at most ${jobFileLimits.textMax * 4} characters`)
      .nullish()
      .describe(
        `Typed over the picture; at most ${jobFileLimits.textGraphemesMax} characters as people count them.`,
      ),
    text_animation_words: z
      .array(z.string().max(jobFileLimits.textMax, `must have at most ${jobFileLimits.textMax} characters`))
      .max(jobFileLimits.textGraphemesMax, `must have at most ${jobFileLimits.textGraphemesMax} words`)
      .nullish()
      .describe('Joined by spaces where text_animation_text is absent.'),
    resolution: text('What the catalogue says; carried along.'),
    is_4k: z.boolean().nullish().describe('What the catalogue says; carried along.'),
    path_available: z.boolean().nullish().describe('What the catalogue says; carried along.'),
    normalize_loudness: flag('Its sound is brought to -14 LUFS; ignored where there is no sound.'),
  })
  .meta(sourceRule);

/** What agents and labels may be called. */
const plainName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

const wishesShape = z.strictObject({
  only_on: names('Only one of these agents.'),
  not_on: names('None of these agents.'),
  labels: names('The agent must have every one of these labels.'),
});

const optionsShape = z.strictObject({
  rate_profile: z
    .enum(['studio', 'quality'])
    .nullish()
    .describe('Bit rates of the result, instead of those of the queue.'),
  no_cache: flag('Every segment is rendered anew.'),
  keep_failed: flag('The work folder of a failed attempt stays on its PC.'),
  full_decode: flag('Every frame and all sound is decoded before the result is published.'),
  loudness_report: flag('The loudness of the result is measured.'),
  contact_sheet: flag('A JPEG of frames is published beside the result.'),
  preview: flag('A small MP4 is published beside the result.'),
});

/**
 * A job file: one JSON object with the fields of the old API. Unknown fields are errors; `null` means absent, in
 * every optional field but `position`.
 */
export const jobFileShape = z.strictObject({
  job_id: z
    .string()
    .regex(uuid, 'must be a UUID')
    .nullish()
    .describe('A UUID of your choice: submitting it twice is one job. Chosen by the controller when absent.'),
  user_id: z.string().regex(printableName, nameRule).describe('Whose job it is.'),
  channel_name: z.string().regex(printableName, nameRule).describe('Part of the name of the result.'),
  enable_4k: z.boolean().nullish().describe('3840x2160 instead of 1920x1080.'),
  priority: z.enum(['low', 'normal', 'high', 'urgent']).nullish().describe('normal when absent.'),
  queue: name('Overrides the routing rules of the farm.'),
  wishes: wishesShape.nullish().describe('Which agents it may go to; all that is given must hold.'),
  not_before: time('It waits at least until then; at most 366 days ahead.'),
  deadline: time('When it should have ended: it goes first in its class when time gets short.'),
  options: optionsShape.nullish().describe('How it is rendered, and what is made beside the result.'),
  items: z
    .array(itemShape)
    .min(1, 'must have at least 1 item')
    .max(jobFileLimits.itemsMax, `must have at most ${jobFileLimits.itemsMax} items`)
    .superRefine(
      (items, context) => {
        for (const { path, message } of breachesOf(items)) {
          context.addIssue({ code: 'custom', path: [...path], message });
        }
      },
      // Also where a field has the wrong type: every problem at once.
      { when: () => true },
    )
    .meta(positionRule),
});

export type JobFile = z.output<typeof jobFileShape>;
export type JobFileItem = JobFile['items'][number];

/** An optional name. */
function name(description: string) {
  return z.string().regex(printableName, nameRule).nullish().describe(description);
}

/** An optional list of agents or labels. */
function names(description: string) {
  return z
    .array(z.string().regex(plainName, 'must be letters, digits, dots, dashes; at most 63'))
    .max(jobFileLimits.wishesMax, `must have at most ${jobFileLimits.wishesMax} names`)
    .nullish()
    .describe(description);
}

/** An optional time of RFC 3339, with its offset. */
function time(description: string) {
  return z.iso
    .datetime({ offset: true, error: 'must be a time such as 2026-03-01T18:00:00Z' })
    .nullish()
    .describe(description);
}

/** Something that is off unless it is asked for. */
function flag(description: string) {
  return z.boolean().nullish().describe(description);
}

/** An optional line of printable text that is not empty. */
function line(description: string) {
  return z
    .string()
    .min(1, 'must not be empty')
    .max(jobFileLimits.textMax, `must have at most ${jobFileLimits.textMax} characters`)
    .regex(printable, 'must not hold control characters')
    .nullish()
    .describe(description);
}

/** Optional text of any characters. */
function text(description: string) {
  return z
    .string()
    .max(jobFileLimits.textMax, `must have at most ${jobFileLimits.textMax} characters`)
    .nullish()
    .describe(description);
}

import type * as z from 'zod';
import { RenderfarmError, type Violation } from './errors.ts';
import { jobFileLimits } from './job-file-limits.ts';
import { type JobFile, type JobFileItem, jobFileShape } from './job-file-shape.ts';
import type { ItemInput, JobInput, OptionsInput, WishesInput } from './job-input.ts';
import { present } from './present.ts';

/**
 * Reads the text of a job file.
 *
 * @param name - What error messages call the file.
 * @throws RenderfarmError `INVALID_JOB_FILE` with every problem of the file among its violations, named like
 *   `items[3].duration: must be between 0.1 and 3600 s`.
 */
export function parseJobFile(text: string, name = 'job file'): JobInput {
  if (text.length > jobFileLimits.fileCharactersMax) {
    throw invalid(name, [
      { field: '', description: `is longer than ${jobFileLimits.fileCharactersMax} characters` },
    ]);
  }
  return checkJobFile(parseJson(text, name), name);
}

/** The same for a value that was parsed already. */
export function checkJobFile(value: unknown, name = 'job file'): JobInput {
  const result = jobFileShape.safeParse(value, { error: plainWords });
  if (!result.success) throw invalid(name, result.error.issues.flatMap(violationsOf));
  return jobInput(result.data);
}

function parseJson(text: string, name: string): unknown {
  try {
    // Editors on Windows put a byte order mark at the start.
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    const description = `is not JSON: ${error instanceof Error ? error.message : String(error)}`;
    throw invalid(name, [{ field: '', description }]);
  }
}

function invalid(name: string, violations: readonly Violation[]): RenderfarmError {
  const count = violations.length === 1 ? '1 problem' : `${violations.length} problems`;
  return new RenderfarmError('INVALID_JOB_FILE', `${name} has ${count}`, {
    violations,
    resource: { type: 'job file', name },
  });
}

type Issue = z.core.$ZodIssue;

function violationsOf(issue: Issue): readonly Violation[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      field: fieldPath([...issue.path, key]),
      description: 'unknown field',
    }));
  }
  return [{ field: fieldPath(issue.path), description: issue.message }];
}

/** `items[3].duration`; empty for the whole file. */
function fieldPath(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}

const typeWords: Readonly<Record<string, string>> = {
  string: 'must be text',
  number: 'must be a number',
  boolean: 'must be true or false',
  array: 'must be a list',
  object: 'must be an object',
};

/** Messages for what the shape has no words of its own for. */
function plainWords(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'invalid_type') {
    if (issue.input === undefined) return 'is missing';
    return typeWords[issue.expected];
  }
  if (issue.code === 'invalid_value') {
    if (issue.input === undefined) return 'is missing';
    return `must be one of ${issue.values.map(String).join(', ')}`;
  }
  return undefined;
}

function jobInput(file: JobFile): JobInput {
  return {
    userId: file.user_id,
    channelName: file.channel_name,
    items: file.items.map(itemInput),
    ...present('jobId', file.job_id),
    ...present('enable4k', file.enable_4k),
    ...present('priority', file.priority),
    ...present('queue', file.queue),
    ...present('wishes', file.wishes && wishesInput(file.wishes)),
    ...present('notBefore', dateOf(file.not_before)),
    ...present('deadline', dateOf(file.deadline)),
    ...present('options', file.options && optionsInput(file.options)),
  };
}

function wishesInput({ only_on, not_on, labels }: NonNullable<JobFile['wishes']>): WishesInput {
  return { ...present('onlyOn', only_on), ...present('notOn', not_on), ...present('labels', labels) };
}

function optionsInput(options: NonNullable<JobFile['options']>): OptionsInput {
  return {
    ...present('rateProfile', options.rate_profile),
    ...present('noCache', options.no_cache),
    ...present('keepFailed', options.keep_failed),
    ...present('fullDecode', options.full_decode),
    ...present('loudnessReport', options.loudness_report),
    ...present('contactSheet', options.contact_sheet),
    ...present('preview', options.preview),
  };
}

function dateOf(text: string | null | undefined): Date | undefined {
  return typeof text === 'string' ? new Date(text) : undefined;
}

function itemInput(item: JobFileItem): ItemInput {
  const { duration } = item;
  return {
    itemType: item.item_type,
    ...present('position', item.position),
    ...present('videoId', item.video_id),
    ...present('path', item.path),
    ...present('title', item.title),
    ...present('logoPath', item.logo_path),
    ...present('durationMs', typeof duration === 'number' ? Math.round(duration * 1000) : undefined),
    ...present('text', item.text_animation_text ?? item.text_animation_words?.join(' ')),
    ...present('resolution', item.resolution),
    ...present('is4k', item.is_4k),
    ...present('pathAvailable', item.path_available),
    ...present('normalizeLoudness', item.normalize_loudness),
  };
}

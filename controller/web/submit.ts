import { randomUUID } from 'node:crypto';
import { FarmError } from '../domain/errors.ts';
import type { JobSpec } from '../domain/job.ts';
import type { ItemDraft, JobDraft } from '../domain/job-draft.ts';
import { validateJob, violationsText } from '../domain/validate.ts';
import type { WebContext } from './context.ts';
import { itemTypes, priorities, type SubmitBody } from './schemas.ts';
import type { VerifyBody } from './verify-schemas.ts';

/** @throws FarmError INVALID_JOB, JOB_TOO_LARGE: every bad field at once */
export function validSpec({ isInSourceShare, nowMs }: WebContext, body: SubmitBody): JobSpec {
  const validated = validateJob(toDraft(body), { isInSourceShare, newJobId: randomUUID(), nowMs: nowMs() });
  if (validated.valid) return validated.spec;
  const { code, violations } = validated;
  throw new FarmError(code, violationsText(violations), { violations });
}

/** A job as the old web application sends it, for `validateJob`: nothing is refused here. */
export function toDraft(body: VerifyBody): JobDraft {
  return {
    jobId: body.job_id ?? '',
    userId: body.user_id ?? '',
    channelName: body.channel_name ?? '',
    enable4k: body.enable_4k ?? false,
    items: body.items.map(toItemDraft),
    priority: body.priority === undefined ? 'normal' : priorities.find((known) => known === body.priority),
    queue: body.queue ?? '',
    wishes: undefined,
    notBeforeMs: undefined,
    deadlineMs: undefined,
    options: undefined,
    encodedBytes: bytesOf(body),
  };
}

function toItemDraft(item: VerifyBody['items'][number]): ItemDraft {
  return {
    position: item.position,
    itemType: itemTypes.find((known) => known === item.item_type),
    videoId: item.video_id ?? '',
    path: item.path ?? '',
    title: item.title ?? '',
    logoPath: item.logo_path ?? '',
    durationMs: item.duration === undefined ? undefined : item.duration * 1_000,
    text: item.text_animation_text ?? '',
    words: item.text_animation_words ?? [],
    resolution: item.resolution ?? '',
    is4k: item.is_4k,
    pathAvailable: item.path_available,
    normalizeLoudness: false,
    encodedBytes: bytesOf(item),
  };
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

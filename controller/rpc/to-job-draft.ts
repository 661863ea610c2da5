import { itemTypes, jobWire, priorityClasses, rateChoices } from '../../proto/index.ts';
import type { ItemDraft, JobDraft, OptionsDraft } from '../domain/job-draft.ts';
import { jobLimits } from '../domain/validate.ts';

/** A job as it came over the wire, for `validateJob`: nothing is refused here. */
export function toJobDraft(wire: jobWire.JobSpec): JobDraft {
  return {
    jobId: wire.jobId,
    userId: wire.userId,
    channelName: wire.channelName,
    enable4k: wire.enable4k,
    items: wire.items.map(toItemDraft),
    priority: wire.priority === 0 ? 'normal' : priorityClasses.nameOf(wire.priority),
    queue: wire.queue,
    wishes: wire.wishes,
    notBeforeMs: wire.notBefore?.getTime(),
    deadlineMs: wire.deadline?.getTime(),
    options: wire.options && toOptionsDraft(wire.options),
    encodedBytes: jobWire.JobSpec.encode(wire).finish().length,
  };
}

function toOptionsDraft({ rateProfile, ...switches }: jobWire.RenderOptions): OptionsDraft {
  const asked = rateProfile === 0 ? undefined : (rateChoices.nameOf(rateProfile) ?? 'unknown');
  return { ...switches, rateProfile: asked };
}

function toItemDraft(wire: jobWire.Item, index: number): ItemDraft {
  return {
    position: wire.position,
    itemType: itemTypes.nameOf(wire.itemType),
    videoId: wire.videoId,
    path: wire.path,
    title: wire.title,
    logoPath: wire.logoPath,
    // A negative or impossible duration is for the validator to name.
    durationMs: wire.duration && wire.duration.seconds * 1_000 + wire.duration.nanos / 1e6,
    text: wire.textAnimationText,
    words: wire.textAnimationWords,
    resolution: wire.resolution,
    is4k: wire.is4k,
    pathAvailable: wire.pathAvailable,
    normalizeLoudness: wire.normalizeLoudness,
    // What is beyond the limit is refused unread: measuring hundreds of thousands of them holds everybody up.
    encodedBytes: index < jobLimits.itemsMax ? jobWire.Item.encode(wire).finish().length : 0,
  };
}

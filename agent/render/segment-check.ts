import type { CheckedSegment } from './checked-segment.ts';
import { joinClassOf } from './join-class.ts';
import type { MadeFile } from './made-file.ts';
import { framesPerSecond, type SegmentPlan, sampleRate } from './render-plan.ts';
import type { EncoderChoice } from './render-request.ts';
import type { FormatChange, SegmentWords } from './segment-words.ts';

/** What is known of a segment after FFmpeg has left. */
export interface SegmentEvidence extends SegmentWords {
  readonly made: MadeFile | undefined;
  /** What it was encoded with. */
  readonly encoder: Pick<EncoderChoice, 'rung' | 'profile'>;
}

/** A clip's last frame may stay this much longer (0.5 s) than its packets tell; more means that frames are missing. */
const clonedFramesMax = framesPerSecond / 2;

export type SegmentVerdict =
  | { readonly ok: true; readonly segment: CheckedSegment }
  | {
      readonly ok: false;
      readonly isSourceAtFault: boolean;
      readonly reason: string;
      readonly change?: FormatChange;
    };

/** Frames, samples, and no sign that the source broke on the way: exit code 0 proves none of it. Pure. */
export function checkSegment(plan: SegmentPlan, evidence: SegmentEvidence): SegmentVerdict {
  const { made, framesFromSource, fatalLine, change } = evidence;
  // First, because the frames of a second graph can come to the right number: with the first one's last frame in most.
  if (change !== undefined) {
    const reason = `its ${change.of} changes in the middle, from ${change.from} to ${change.to}`;
    return { ok: false, isSourceAtFault: true, reason, change };
  }
  if (fatalLine !== undefined) return { ok: false, isSourceAtFault: true, reason: fatalLine.trim() };
  const cloned = framesFromSource === undefined ? 0 : plan.frames - framesFromSource;
  if (cloned > clonedFramesMax) {
    const reason = `only ${plan.frames - cloned} of ${plan.frames} frames could be decoded`;
    return { ok: false, isSourceAtFault: true, reason };
  }
  const video = made?.streams.find((stream) => stream.codec_type === 'video');
  const audio = made?.streams.find((stream) => stream.codec_type === 'audio');
  if (video === undefined || audio === undefined) {
    return { ok: false, isSourceAtFault: false, reason: 'it has no picture or no sound' };
  }
  const frames = video.nb_frames ?? 0;
  const samples = Math.round((audio.duration ?? 0) * sampleRate);
  if (frames !== plan.frames || samples !== plan.samples) {
    const reason = `${frames} of ${plan.frames} frames, ${samples} of ${plan.samples} samples`;
    return { ok: false, isSourceAtFault: false, reason };
  }
  const damage = evidence.damageLines;
  const told =
    damage === undefined ? {} : { damage: `${damage.first.trim()} (${damage.count} lines like this one)` };
  return { ok: true, segment: { frames, samples, joinClass: joinClassOf(video, evidence.encoder), ...told } };
}

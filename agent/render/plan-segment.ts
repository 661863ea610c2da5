import assert from 'node:assert/strict';
import type { Problem } from '../../proto/agent-link.ts';
import { planAlpha, planChroma, planColor } from './color.ts';
import type { MediaFacts, VideoStreamFacts } from './facts.ts';
import { displaySize, fitInto } from './geometry.ts';
import { loudnessGain, loudnessTarget } from './loudness-gain.ts';
import { findLengthProblems, findStillDamage } from './plan-length.ts';
import { planLogo } from './plan-logo.ts';
import { type Complain, type Complaints, complainAbout } from './plan-problems.ts';
import {
  framesPerSecond,
  type SegmentPlan,
  type Size,
  type SoundPlan,
  samplesPerFrame,
} from './render-plan.ts';
import type { RenderItem } from './render-request.ts';
import { choosePicture, chooseSound, streamEndSeconds } from './streams.ts';
import { graphemesMax, readableText, splitGraphemes } from './text.ts';

export interface PlannedSegment {
  /** Absent when there are problems. */
  readonly segment?: SegmentPlan;
  readonly problems: Problem[];
  readonly warnings: Problem[];
}

/** How long an image without a duration is shown: mission.md section 1. */
const imageSecondsDefault = 5;

/** Formats that are no media of their own: vectors have no pixels, playlists name other files. */
const unsupportedFormats = /svg|concat|hls|dash|applehttp|m3u|ffmetadata/u;

/** Work files have names that we make; anything else must never reach a command. */
const plainName = /^[a-z]+_\d+(?:\.[A-Za-z0-9]{1,10})?$/u;

/** Plans one item; finds everything that is wrong with it. */
export function planSegment(item: RenderItem, frame: Size): PlannedSegment {
  assert.match(item.fileName, plainName, `Item ${item.position} has the work file ${item.fileName}.`);
  const complaints = complainAbout(item);
  const { complain, problems, warnings } = complaints;
  const seen = findPicture(item, frame, complain);
  const isVideo = item.itemType === 'video';
  const logo = isVideo && item.logo !== undefined ? planLogo(item.logo, frame, complaints) : undefined;
  const text = isVideo ? planText(item.text, complain) : undefined;
  if (seen === undefined) return { problems, warnings };

  const isStill = item.itemType === 'image';
  const seconds = isStill ? (item.durationMs ?? imageSecondsDefault * 1000) / 1000 : pictureSeconds(seen);
  if (seconds === undefined) {
    complain('DURATION_UNKNOWN', `Could not get duration for ${item.sourcePath}`);
    return { problems, warnings };
  }
  if (isStill) findStillDamage(item.sourcePath, seen.facts, complaints);
  else findLengthProblems(item, seen.facts, seconds, complaints);
  if (problems.length > 0) return { problems, warnings };

  const frames = Math.max(1, Math.round(seconds * framesPerSecond));
  const segment: SegmentPlan = {
    position: item.position,
    itemType: item.itemType,
    name: `${item.itemType}_${item.position}`,
    title: item.title,
    ...(item.videoId === undefined ? {} : { videoId: item.videoId }),
    fileName: item.fileName,
    sourcePath: item.sourcePath,
    sha256: item.sha256,
    frames,
    samples: frames * samplesPerFrame,
    picture: planPicture(seen, isStill),
    sound: isStill ? { kind: 'silence' } : planSound(item, seen.facts, complaints),
    logo,
    text,
  };
  return { segment, problems, warnings };
}

interface SeenPicture {
  readonly facts: MediaFacts;
  readonly stream: VideoStreamFacts;
  readonly fitted: Size;
}

function findPicture(item: RenderItem, frame: Size, complain: Complain): SeenPicture | undefined {
  const { facts, sourcePath } = item;
  if (facts === undefined) {
    const reason = item.probeError === undefined ? '' : `: ${item.probeError}`;
    complain('DURATION_UNKNOWN', `Could not get duration for ${sourcePath}${reason}`);
    return undefined;
  }
  if (unsupportedFormats.test(facts.formatName)) {
    complain('IMAGE_UNSUPPORTED', `A ${facts.formatName} file cannot be rendered: ${sourcePath}`);
    return undefined;
  }
  const stream = choosePicture(facts);
  if (stream === undefined) {
    complain('PICTURE_MISSING', `No picture in ${sourcePath}`);
    return undefined;
  }
  if (item.itemType === 'image' && !facts.isImage) {
    complain('IMAGE_EXPECTED', `Not an image: ${sourcePath} (${facts.formatName})`);
    return undefined;
  }
  const fitted = fitInto(frame, displaySize(stream));
  // Without a size (its head is damaged) both are no number.
  if (!(fitted.width >= 2 && fitted.height >= 2)) {
    complain('PICTURE_TOO_THIN', `Too thin for the frame (${stream.width}x${stream.height}): ${sourcePath}`);
    return undefined;
  }
  return { facts, stream, fitted };
}

/** Undefined when nothing tells how long the picture is: an image in the place of a clip, or a file without packets. */
function pictureSeconds({ facts, stream }: SeenPicture): number | undefined {
  if (facts.isImage) return undefined;
  const end = streamEndSeconds(facts, stream);
  return end === undefined || !Number.isFinite(end) || end <= 0 ? undefined : end;
}

function planText(text: string | undefined, complain: Complain): string | undefined {
  const readable = readableText(text ?? '');
  if (readable === '') return undefined;
  const { length } = splitGraphemes(readable);
  if (length > graphemesMax) {
    complain('TEXT_TOO_LONG', `text_animation_text has ${length} characters, the limit is ${graphemesMax}`);
  }
  return readable;
}

function planPicture({ facts, stream, fitted }: SeenPicture, isStill: boolean): SegmentPlan['picture'] {
  return {
    kind: isStill ? 'still' : 'video',
    streamIndex: stream.index,
    interlacing: interlacingOf(facts, stream),
    alpha: planAlpha(stream.pixelFormat),
    chroma: planChroma(stream),
    isAnamorphic: stream.sampleAspectRatio !== 1,
    fitted,
    color: planColor(stream),
  };
}

/** Recordings, whose field order is that of their first frames only: a film, and then interlaced advertisements. */
const recordings = /^(?:mpegts|mpeg|mxf|gxf|wtv)$/u;
const codecsWithFields = /^(?:h264|mpeg2video|vc1)$/u;

/** Frames that say that they are progressive pass untouched. */
function interlacingOf(
  { formatName }: MediaFacts,
  { fieldOrder, codec }: VideoStreamFacts,
): SegmentPlan['picture']['interlacing'] {
  if (fieldOrder !== undefined && fieldOrder !== 'progressive') return 'declared';
  return recordings.test(formatName) && codecsWithFields.test(codec) ? 'possible' : 'none';
}

function planSound(item: RenderItem, facts: MediaFacts, { warn }: Complaints): SoundPlan {
  const stream = chooseSound(facts);
  if (stream === undefined) return { kind: 'silence' };
  const sound = { kind: 'stream', streamIndex: stream.index } as const;
  if (item.loudness === undefined) return sound;
  const gain = loudnessGain(item.loudness);
  if (gain === undefined) {
    warn('LOUDNESS_UNKNOWN', `Silent, or too little sound to be measured; left as it is: ${item.sourcePath}`);
    return sound;
  }
  const { gainDb, reaches } = gain;
  if (reaches !== undefined) {
    const target = `${loudnessTarget.integrated} LUFS`;
    warn(
      'LOUDNESS_LIMITED',
      `Its peaks allow ${reaches.toFixed(1)} LUFS instead of ${target}: ${item.sourcePath}`,
    );
  }
  return { ...sound, gainDb };
}

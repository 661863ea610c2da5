import { encoderRung, streamTarget } from './encoder.ts';
import type { MadeFile, MadeStream } from './made-file.ts';
import type { RenderProblemCode } from './problem-codes.ts';
import { framesPerSecond, type RenderPlan, sampleRate } from './render-plan.ts';
import type { RenderRequest } from './render-request.ts';

/** One way in which a finished file is not what was planned. */
export interface Fault {
  readonly code: RenderProblemCode;
  readonly text: string;
}

/** Nothing is measured finer than one frame of AAC. */
const toleranceSeconds = 1024 / sampleRate;

/** What a result is held against. */
export type Wanted = Pick<RenderRequest, 'enable4k' | 'encoder'>;

/** Everything that a player or a person would notice by the file's tables. Pure; empty when all is well. */
export function findFaults(
  made: MadeFile | undefined,
  boxes: readonly string[],
  plan: RenderPlan,
  wanted: Wanted,
): readonly Fault[] {
  if (made === undefined) return [{ code: 'OUTPUT_UNREADABLE', text: 'ffprobe cannot read it' }];
  const videos = made.streams.filter((stream) => stream.codec_type === 'video');
  const audios = made.streams.filter((stream) => stream.codec_type === 'audio');
  const [video] = videos;
  const [audio] = audios;
  if (video === undefined || audio === undefined || videos.length > 1 || audios.length > 1) {
    const text = `it has ${videos.length} pictures and ${audios.length} sounds, should have one each`;
    return [{ code: 'OUTPUT_STREAMS_WRONG', text }];
  }
  return [
    ...differences('OUTPUT_FRAMES_WRONG', [
      ['frames', video.nb_frames, plan.frames],
      ['frame rate', video.r_frame_rate, `${framesPerSecond}/1`],
      ['average frame rate', video.avg_frame_rate, `${framesPerSecond}/1`],
    ]),
    ...differences('OUTPUT_CODEC_WRONG', codecRows(video, audio, plan, wanted)),
    ...differences('OUTPUT_COLOR_WRONG', [
      ['color range', video.color_range, 'tv'],
      ['color matrix', video.color_space, 'bt709'],
      ['color transfer', video.color_transfer, 'bt709'],
      ['color primaries', video.color_primaries, 'bt709'],
    ]),
    ...wrongLengths(plan, {
      picture: video.duration,
      sound: audio.duration,
      file: made.format.duration,
    }),
    ...lateIndex(boxes),
  ];
}

type Row = readonly [what: string, is: unknown, should: unknown];

function codecRows(
  video: MadeStream,
  audio: MadeStream,
  { frameSize: { width, height } }: RenderPlan,
  { enable4k, encoder }: Wanted,
): readonly Row[] {
  const target = streamTarget(enable4k);
  // These two leave the level to the driver.
  const { name } = encoderRung(encoder.rung);
  const hasLevel = name !== 'h264_nvenc-no-level' && name !== 'h264_nvenc-plain';
  return [
    ['codec', video.codec_name, 'h264'],
    ['profile', video.profile?.toLowerCase(), target.h264Profile],
    ...(hasLevel ? [['level', video.level, Number(target.level) * 10] as const] : []),
    ['size', `${video.width ?? 0}x${video.height ?? 0}`, `${width}x${height}`],
    ['pixels', video.pix_fmt, 'yuv420p'],
    ['sound codec', audio.codec_name, 'aac'],
    ['sample rate', audio.sample_rate, sampleRate],
    ['channels', audio.channels, 2],
  ];
}

function differences(code: RenderProblemCode, rows: readonly Row[]): readonly Fault[] {
  return rows.flatMap(([what, is, should]) =>
    is === should ? [] : [{ code, text: `${what} is ${String(is)}, should be ${String(should)}` }],
  );
}

function wrongLengths(
  plan: RenderPlan,
  lengths: Readonly<Record<string, number | undefined>>,
): readonly Fault[] {
  const seconds = plan.frames / framesPerSecond;
  return Object.entries(lengths).flatMap(([what, is]) => {
    if (is !== undefined && Math.abs(is - seconds) <= toleranceSeconds) return [];
    return [{ code: 'OUTPUT_LENGTH_WRONG', text: `${what} lasts ${is ?? 0} s, should be ${seconds} s` }];
  });
}

/** Without the index first, a player in a browser has to load all of it. */
function lateIndex(boxes: readonly string[]): readonly Fault[] {
  const [index, data] = [boxes.indexOf('moov'), boxes.indexOf('mdat')];
  if (index >= 0 && (data < 0 || index < data)) return [];
  return [{ code: 'OUTPUT_NOT_FASTSTART', text: 'no faststart: its index does not come first' }];
}

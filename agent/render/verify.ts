import { encoderRung, streamTarget } from './encoder.ts';
import { explainFailure, RenderFailedError } from './failure.ts';
import { type FfmpegContext, runFfmpeg } from './ffmpeg.ts';
import { decodeArguments } from './join-command.ts';
import { type MadeFile, readMadeFile } from './made-file.ts';
import { topLevelBoxes } from './mp4-boxes.ts';
import { framesPerSecond, type RenderPlan, sampleRate } from './render-plan.ts';
import type { RenderRequest } from './render-request.ts';

/** Joints that are decoded; more would only prove the same again. */
const jointsMax = 8;

/** Nothing below is measured finer than one frame of AAC. */
const toleranceSeconds = 1024 / sampleRate;

export interface Verification {
  readonly request: Pick<RenderRequest, 'enable4k' | 'encoder'>;
  readonly plan: RenderPlan;
  readonly file: string;
  /** Positions whose segments were rendered now; joints between others have been decoded before. */
  readonly newPositions: ReadonlySet<number>;
}

/** Proves that the finished file is what was planned, before anybody sees it. Throws RenderFailedError. */
export async function verifyResult(context: FfmpegContext, verification: Verification): Promise<void> {
  const { request, plan, file, newPositions } = verification;
  const made = await readMadeFile(context, 'verify', file);
  context.signal.throwIfAborted();
  const faults = findFaults(made, await topLevelBoxes(file), plan, request);
  if (faults.length > 0) throw wrongOutput(faults);

  const joints = chooseJoints(plan, newPositions);
  if (joints.length === 0) return;
  const result = await runFfmpeg(context, 'verify joints', decodeArguments(file, joints));
  context.signal.throwIfAborted();
  if (!result.succeeded) throw new RenderFailedError(explainFailure(result, { label: 'verify joints' }));
  if (result.errorLines.length > 0) throw wrongOutput(result.errorLines);
}

/** Everything that a player or a person would notice. Pure; empty when all is well. */
export function findFaults(
  made: MadeFile | undefined,
  boxes: readonly string[],
  plan: RenderPlan,
  { enable4k, encoder }: Verification['request'],
): string[] {
  const video = made?.streams.find((stream) => stream.codec_type === 'video');
  const audio = made?.streams.find((stream) => stream.codec_type === 'audio');
  if (made === undefined || video === undefined || audio === undefined)
    return ['it has no picture or no sound'];
  const target = streamTarget(enable4k);
  const seconds = plan.frames / framesPerSecond;
  const hasLevel =
    encoderRung(encoder.rung).name !== 'h264_nvenc-no-level' && encoder.rung !== 'h264_nvenc-plain';
  const { width, height } = plan.frameSize;
  const rows: (readonly [string, unknown, unknown])[] = [
    ['frames', video.nb_frames, plan.frames],
    ['frame rate', video.r_frame_rate, '30/1'],
    ['average frame rate', video.avg_frame_rate, '30/1'],
    ['codec', video.codec_name, 'h264'],
    ['profile', video.profile?.toLowerCase(), target.h264Profile],
    ...(hasLevel ? [['level', video.level, Number(target.level) * 10] as const] : []),
    ['size', `${video.width ?? 0}x${video.height ?? 0}`, `${width}x${height}`],
    ['pixels', video.pix_fmt, 'yuv420p'],
    ['color range', video.color_range, 'tv'],
    ['color matrix', video.color_space, 'bt709'],
    ['color transfer', video.color_transfer, 'bt709'],
    ['color primaries', video.color_primaries, 'bt709'],
    ['sound codec', audio.codec_name, 'aac'],
    ['sample rate', audio.sample_rate, sampleRate],
    ['channels', audio.channels, 2],
    ['pictures', made.streams.filter((stream) => stream.codec_type === 'video').length, 1],
    ['sounds', made.streams.filter((stream) => stream.codec_type === 'audio').length, 1],
  ];
  const faults = rows.flatMap(([what, is, should]) =>
    is === should ? [] : [`${what} is ${String(is)}, should be ${String(should)}`],
  );
  for (const [what, is] of [
    ['picture', video.duration],
    ['sound', audio.duration],
    ['file', made.format.duration],
  ] as const) {
    if (is === undefined || Math.abs(is - seconds) > toleranceSeconds) {
      faults.push(`${what} lasts ${is ?? 0} s, should be ${seconds} s`);
    }
  }
  if (!(boxes.indexOf('moov') < boxes.indexOf('mdat')) || !boxes.includes('moov'))
    faults.push('no faststart');
  return faults;
}

/** Times of joints with a new segment on a side, spread over the job. Pure. */
export function chooseJoints(plan: RenderPlan, newPositions: ReadonlySet<number>): readonly number[] {
  const joints: number[] = [];
  let frame = 0;
  let wasNew = false;
  for (const [index, { position, frames }] of plan.segments.entries()) {
    const isNew = newPositions.has(position);
    if (index > 0 && (isNew || wasNew)) joints.push(frame / framesPerSecond);
    frame += frames;
    wasNew = isNew;
  }
  if (joints.length <= jointsMax) return joints;
  const spread = (joints.length - 1) / (jointsMax - 1);
  return Array.from({ length: jointsMax }, (_, index) => joints[Math.round(index * spread)] ?? 0);
}

function wrongOutput(faults: readonly string[]): RenderFailedError {
  return new RenderFailedError({
    failureClass: 'job',
    code: 'OUTPUT_WRONG',
    message: `The finished file is not what was planned: ${faults.join('; ')}`,
    exitCode: undefined,
    stderrTail: [],
    position: undefined,
  });
}

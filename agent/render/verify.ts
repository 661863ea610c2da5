import type { Problem } from '../../proto/agent-link.ts';
import type { Loudness } from '../../proto/render-options.ts';
import { explainFailure, RenderFailedError } from './failure.ts';
import { type FfmpegContext, type FfmpegListeners, runFfmpeg } from './ffmpeg.ts';
import { decodeArguments } from './join-command.ts';
import { readMadeFile } from './made-file.ts';
import { topLevelBoxes } from './mp4-boxes.ts';
import { framesPerSecond, type RenderPlan } from './render-plan.ts';
import { stretchWarnings } from './stretches.ts';
import { type Fault, findFaults, type Wanted } from './verify-faults.ts';
import { listenToLook, lookArguments } from './verify-look.ts';

/** Joints that are decoded; more would only prove the same again. */
const jointsMax = 8;

export interface Verification {
  readonly request: Wanted;
  readonly plan: RenderPlan;
  readonly file: string;
  /** Positions whose segments were rendered for this job; joints between others have been decoded before, for theirs. */
  readonly newPositions: ReadonlySet<number>;
  /** Every frame is decoded. @default key frames, and the joints */
  readonly fullDecode?: boolean;
  /** Its loudness is measured. @default it is not */
  readonly loudnessReport?: boolean;
}

/** What looking at a good result has shown. */
export interface Verified {
  readonly warnings: readonly Problem[];
  readonly loudness?: Loudness;
}

/**
 * Proves that the finished file is what was planned, before anybody sees it: by its tables, by decoding what is new
 * where it was joined, and by a look at all of its sound and its key frames. Throws RenderFailedError.
 */
export async function verifyResult(context: FfmpegContext, verification: Verification): Promise<Verified> {
  const { request, plan, file, newPositions, fullDecode = false } = verification;
  const made = await readMadeFile(context, 'verify', file);
  context.signal.throwIfAborted();
  const faults = findFaults(made, await topLevelBoxes(file), plan, request);
  if (faults.length > 0) throw wrongOutput(faults);
  const joints = fullDecode ? [] : chooseJoints(plan, newPositions);
  if (joints.length > 0) await decode(context, 'verify joints', decodeArguments(file, joints));
  return await look(context, verification);
}

async function look(context: FfmpegContext, verification: Verification): Promise<Verified> {
  const { plan, file, fullDecode: allFrames = false, loudnessReport: loudness = false } = verification;
  const heard = listenToLook();
  const label = allFrames ? 'verify all frames' : 'verify look';
  await decode(context, label, lookArguments(file, { allFrames, loudness }), {
    onStderrLine: (line) => heard.line(line),
  });
  const measured = heard.loudness();
  return {
    warnings: stretchWarnings(plan, heard.stretches(plan.frames / framesPerSecond)),
    ...(measured === undefined ? {} : { loudness: measured }),
  };
}

/** Exit code 0 proves little: a decoder says what it could not read, hides it, and goes on. */
async function decode(
  context: FfmpegContext,
  label: string,
  args: readonly string[],
  listeners: FfmpegListeners = {},
): Promise<void> {
  const result = await runFfmpeg(context, label, args, listeners);
  context.signal.throwIfAborted();
  if (result.succeeded && result.errorLines.length === 0) return;
  const explained = explainFailure(result, { label });
  // The PC's trouble is told as such; what the decoder has against the file is ours, and never the fault of a source.
  const isOurs = result.cause === 'exited' && explained.failureClass !== 'environment';
  if (!isOurs) throw new RenderFailedError(explained);
  const lines = result.errorLines.length > 0 ? result.errorLines : [explained.message];
  throw wrongOutput(lines.map((line) => ({ code: 'OUTPUT_UNDECODABLE', text: line.trim() })));
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

/** The first fault gives the code, the message has all. */
function wrongOutput(faults: readonly Fault[]): RenderFailedError {
  return new RenderFailedError({
    failureClass: 'job',
    code: faults[0]?.code ?? 'OUTPUT_UNREADABLE',
    message: `The finished file is not what was planned: ${faults.map(({ text }) => text).join('; ')}`,
    exitCode: undefined,
    stderrTail: [],
    position: undefined,
  });
}

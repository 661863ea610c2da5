import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { chaptersFile } from './chapters.ts';
import { explainFailure, RenderFailedError } from './failure.ts';
import { type FfmpegContext, type FfmpegResult, runFfmpeg } from './ffmpeg.ts';
import { concatList, joinArguments, joinFiles, soundArguments } from './join-command.ts';
import { framesPerSecond, type RenderPlan } from './render-plan.ts';
import { segmentFileName } from './segment.ts';
import type { SegmentCache } from './segment-cache.ts';
import { soundKey } from './segment-key.ts';
import type { SoundLane } from './sound-lane.ts';

/** A whole job's sound: it goes with any picture. */
const soundClass = 'sound';

/** Writes the list of segments that both later steps read. */
export async function writeJoinList({ request }: FfmpegContext, plan: RenderPlan): Promise<void> {
  const list = concatList(plan.segments.map(segmentFileName));
  await writeFile(path.join(request.workFolder, joinFiles.list), list);
}

export interface SoundOrder {
  readonly context: FfmpegContext;
  readonly plan: RenderPlan;
  readonly cache: SegmentCache | undefined;
  /** May have it, or nearly. */
  readonly lane: SoundLane;
  readonly onFraction: (fraction: number) => void;
}

/** Puts the sound of a job where the join wants it, when the same sounds were encoded before. */
export async function takeSound(
  { request }: FfmpegContext,
  plan: RenderPlan,
  cache: SegmentCache | undefined,
): Promise<boolean> {
  const target = path.join(request.workFolder, joinFiles.sound);
  const key = soundKey(plan.segments, request.ffmpeg.versionText);
  return (await cache?.take({ key, joinClass: soundClass }, target)) !== undefined;
}

/** The AAC sound of all segments: from the lane beside the pictures, else by one pass over all. Throws RenderFailedError. */
export async function encodeSound({ context, plan, cache, lane, onFraction }: SoundOrder): Promise<void> {
  const { workFolder, ffmpeg } = context.request;
  const came = await lane.finish();
  context.signal.throwIfAborted();
  if (came !== 'cached') {
    if (came === undefined)
      await runStep(context, plan, 'sound', soundArguments(joinFiles.sound), onFraction);
    const key = soundKey(plan.segments, ffmpeg.versionText);
    const { frames, samples } = plan;
    await cache?.keep(key, path.join(workFolder, joinFiles.sound), {
      frames,
      samples,
      joinClass: soundClass,
    });
  }
  onFraction(1);
}

/** Copies pictures and sound into `outputPath`. Throws RenderFailedError. */
export async function joinSegments(
  context: FfmpegContext,
  plan: RenderPlan,
  outputPath: string,
  onFraction: (fraction: number) => void,
): Promise<void> {
  const chapters = chaptersFile(plan.segments);
  if (chapters !== undefined)
    await writeFile(path.join(context.request.workFolder, joinFiles.chapters), chapters);
  await runStep(context, plan, 'join', joinArguments(outputPath, chapters !== undefined), onFraction);
}

async function runStep(
  context: FfmpegContext,
  plan: RenderPlan,
  label: string,
  args: readonly string[],
  onFraction: (fraction: number) => void,
): Promise<FfmpegResult> {
  const totalSeconds = plan.frames / framesPerSecond;
  const result = await runFfmpeg(context, label, args, {
    onProgress: ({ outSeconds }) => onFraction(outSeconds / totalSeconds),
  });
  context.signal.throwIfAborted();
  if (!result.succeeded) throw new RenderFailedError(explainFailure(result, { label }));
  onFraction(1);
  return result;
}

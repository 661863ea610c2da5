import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import pMap from 'p-map';
import type { Problem } from '../../proto/agent-link.ts';
import { RenderFailedError } from './failure.ts';
import type { FfmpegContext } from './ffmpeg.ts';
import type { ResolvedFont } from './fonts.ts';
import type { RenderProblemCode } from './problem-codes.ts';
import type { ProgressMeter } from './progress-meter.ts';
import type { SegmentDone } from './render-hooks.ts';
import type { RenderPlan, SegmentPlan } from './render-plan.ts';
import { renderSegment, scriptFileName, segmentFileName } from './segment.ts';
import type { SegmentCache } from './segment-cache.ts';
import type { CheckedSegment } from './segment-check.ts';
import type { SegmentSettings } from './segment-command.ts';
import { segmentKey } from './segment-key.ts';
import { textAnimation } from './text-animation.ts';

export interface SegmentsRun {
  readonly context: FfmpegContext;
  readonly plan: RenderPlan;
  readonly settings: SegmentSettings;
  readonly concurrency: number;
  readonly cache: SegmentCache | undefined;
  /** Present when any segment has a text. */
  readonly font: ResolvedFont | undefined;
  readonly meter: ProgressMeter;
  readonly onFrame: () => void;
  readonly onSegment: (segment: SegmentDone) => void;
  readonly onWarning: (warning: Problem) => void;
}

/**
 * Renders every segment, in order, some at a time; takes from the cache what is there. When one fails the others are
 * aborted, and the first failure is the one that is thrown.
 */
export async function renderSegments(run: SegmentsRun): Promise<void> {
  const failed = new AbortController();
  const signal = AbortSignal.any([run.context.signal, failed.signal]);
  const context = { ...run.context, signal };
  const job: { joinClass?: string } = {};
  let firstError: unknown;
  const renderOne = async (segment: SegmentPlan): Promise<void> => {
    if (signal.aborted) return;
    try {
      await provideSegment({ ...run, context }, segment, job);
    } catch (error) {
      firstError ??= error;
      failed.abort();
    }
  };
  await pMap(run.plan.segments, renderOne, { concurrency: run.concurrency });
  if (firstError !== undefined) throw firstError as Error;
  run.context.signal.throwIfAborted();
}

/** Its caller passes `job`, which the first segment fills: all others must be joinable with it. */
async function provideSegment(
  run: SegmentsRun,
  segment: SegmentPlan,
  job: { joinClass?: string },
): Promise<void> {
  const { context, settings, cache, font, meter } = run;
  const { workFolder, ffmpeg } = context.request;
  const script = scriptOf(segment, font);
  const target = path.join(workFolder, segmentFileName(segment));
  const key = segmentKey(segment, settings, {
    script,
    fontSha256: font?.sha256,
    ffmpegVersionText: ffmpeg.versionText,
  });

  const cached = await cache?.take(key, target);
  const reused = cached?.joinClass === (job.joinClass ?? cached?.joinClass) ? cached : undefined;
  const isReused = reused !== undefined;
  const done = reused ?? (await makeSegment(run, segment, script));
  if (done === undefined) return;
  job.joinClass ??= done.joinClass;
  if (done.joinClass !== job.joinClass) throw unjoinable(segment);
  if (done.damage !== undefined) run.onWarning(damageOf(segment, done.damage));
  else if (!isReused) await cache?.keep(key, target, done);
  const { position, frames } = segment;
  meter.segment({ position, frames, framesTotal: frames, isReused });
  run.onSegment({ position: segment.position, frames: segment.frames, isReused });
}

async function makeSegment(
  { context, settings, meter, onFrame }: SegmentsRun,
  segment: SegmentPlan,
  script: string | undefined,
): Promise<CheckedSegment | undefined> {
  if (script !== undefined)
    await writeFile(path.join(context.request.workFolder, scriptFileName(segment)), script);
  return await renderSegment(context, segment, settings, (frames) => {
    if (frames > 0) onFrame();
    meter.segment({ position: segment.position, frames, framesTotal: segment.frames });
  });
}

/** The ASS script of a segment with a text. */
export function scriptOf({ frames, text }: SegmentPlan, font: ResolvedFont | undefined): string | undefined {
  if (text === undefined) return undefined;
  return textAnimation({ text, frames, fontFamily: font?.family ?? 'Impact' });
}

function damageOf({ position, name, sourcePath }: SegmentPlan, damage: string): Problem {
  const message = `Damaged: the pictures of ${sourcePath} have flaws: ${damage} (${name})`;
  return { position, subject: sourcePath, code: 'SOURCE_DAMAGED' satisfies RenderProblemCode, message };
}

function unjoinable(segment: SegmentPlan): RenderFailedError {
  return new RenderFailedError({
    failureClass: 'job',
    code: 'SEGMENT_WRONG',
    message: `${segment.name} has other codec parameters than the segments before it`,
    exitCode: undefined,
    stderrTail: [],
    position: segment.position,
  });
}

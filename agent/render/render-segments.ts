import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Problem } from '../../proto/agent-link.ts';
import type { CheckedSegment } from './checked-segment.ts';
import { RenderFailedError } from './failure.ts';
import type { FfmpegContext } from './ffmpeg.ts';
import type { ResolvedFont } from './fonts.ts';
import type { RenderProblemCode } from './problem-codes.ts';
import type { ProgressMeter } from './progress-meter.ts';
import type { SegmentDone } from './render-hooks.ts';
import type { SegmentPlan } from './render-plan.ts';
import { renderSegment, scriptFileName, segmentFileName } from './segment.ts';
import type { SegmentBoard } from './segment-board.ts';
import type { SegmentCache, SegmentOrigin } from './segment-cache.ts';
import type { SegmentSettings } from './segment-command.ts';
import { segmentKey } from './segment-key.ts';
import { nextToRender } from './segment-order.ts';
import { textAnimation } from './text-animation.ts';

export interface SegmentsRun {
  readonly context: FfmpegContext;
  readonly board: SegmentBoard;
  readonly settings: SegmentSettings;
  /** Segments at a time; asked whenever one may begin. */
  readonly concurrency: () => number;
  readonly cache: SegmentCache | undefined;
  /** Asked for the first segment with a text. */
  readonly font: () => Promise<ResolvedFont>;
  readonly meter: ProgressMeter;
  readonly onBegin: () => void;
  /** No segment is rendered until the next `onBegin`: their items are still to come. */
  readonly onIdle: () => void;
  readonly onFrame: () => void;
  readonly onSegment: (segment: SegmentDone) => void;
  readonly onWarning: (warning: Problem) => void;
}

/**
 * Works the board off: every item as soon as it is ready, some at a time, until all are done. When one fails, or the
 * board is stopped, nothing new begins and what runs is aborted; the first failure is the one that is thrown. Rejects
 * with the reason of the signal or of the board's stop.
 */
export async function renderSegments(run: SegmentsRun): Promise<void> {
  const { board, concurrency } = run;
  const failed = new AbortController();
  const signal = AbortSignal.any([run.context.signal, board.stopped, failed.signal]);
  const loop = { ...run, context: { ...run.context, signal } };
  const job: JobClass = { isMade: false, taken: new Set() };
  const running = new Set<Promise<void>>();
  let firstError: unknown;
  let atOnceMax = Number.POSITIVE_INFINITY;
  let news = Promise.withResolvers<undefined>();
  const wake = (): void => news.resolve(undefined);
  const forgetBoard = board.onChange(wake);
  signal.addEventListener('abort', wake);

  const begin = (index: number): void => {
    if (running.size === 0) run.onBegin();
    const isDelivered = board.stages()[index] === 'delivered';
    board.begin(index);
    const one = provideSegment(loop, { index, isDelivered }, job)
      .catch((error: unknown) => {
        if (isOneTooMany(error) && running.size > 1 && !signal.aborted) {
          // Another program may hold a session now: with those that run this job comes to its end as well.
          atOnceMax = running.size - 1;
          board.putBack(index);
          return;
        }
        firstError ??= error;
        failed.abort();
      })
      .finally(() => {
        running.delete(one);
        if (running.size === 0) run.onIdle();
        wake();
      });
    running.add(one);
  };
  const isDone = (): boolean => board.stages().every((stage) => stage === 'done');
  try {
    while (running.size > 0 || !(signal.aborted || isDone())) {
      news = Promise.withResolvers<undefined>();
      const atOnce = Math.min(concurrency(), atOnceMax);
      const next = nextToRender({
        stages: board.stages(),
        concurrency: atOnce,
        isStopped: signal.aborted,
      });
      if (next === undefined) await news.promise;
      else begin(next);
    }
  } finally {
    forgetBoard();
    signal.removeEventListener('abort', wake);
  }
  if (firstError !== undefined) throw firstError as Error;
  signal.throwIfAborted();
}

interface BegunItem {
  readonly index: number;
  /** By another agent: no place was free for it. */
  readonly isDelivered: boolean;
}

/** The encoder gives only so many sessions at once, and this segment was the one too many. */
function isOneTooMany(error: unknown): boolean {
  return error instanceof RenderFailedError && error.failure.code === 'ENCODER_SESSION_LIMIT';
}

/** What the segments of a job have in common: the first one that is made decides, until then the first that is taken. */
interface JobClass {
  joinClass?: string;
  isMade: boolean;
  /** Out of a cache, while none is made. */
  readonly taken: Set<number>;
}

/**
 * The one place that decides who provides an item's segment: the cache, where another job or another agent may have left
 * it, else a render of our own. Nothing is done when it was aborted.
 */
async function provideSegment(
  run: SegmentsRun,
  { index, isDelivered }: BegunItem,
  job: JobClass,
): Promise<void> {
  const { context, board, settings, cache, meter } = run;
  const segment = board.segment(index);
  if (segment === undefined) throw new Error(`item ${index} of the job is ready without a plan`);
  const font = segment.text === undefined ? undefined : await run.font();
  const { workFolder, ffmpeg } = context.request;
  const script = scriptOf(segment, font);
  const target = path.join(workFolder, segmentFileName(segment));
  const key = segmentKey(segment, settings, {
    script,
    fontSha256: font?.sha256,
    ffmpegVersionText: ffmpeg.versionText,
  });

  const { joinClass } = job;
  const cached = await cache?.take({ key, ...(joinClass === undefined ? {} : { joinClass }) }, target);
  const isJoinable = cached?.joinClass === (job.joinClass ?? cached?.joinClass);
  // A record that lies would fail the verification of every job, again and again.
  const isPlanned = cached?.frames === segment.frames && cached.samples === segment.samples;
  const reused = isJoinable && isPlanned ? cached : undefined;
  const isReused = reused !== undefined;
  if (isDelivered && !isReused) {
    // It went again, or cannot be joined: it is rendered when there is a place for it.
    board.putBack(index);
    return;
  }
  const done = reused ?? (await makeSegment(run, segment, script));
  if (done === undefined) return;
  if (done.damage !== undefined) run.onWarning(damageOf(segment, done.damage));
  else if (!isReused) await cache?.keep(key, target, done, originOf(segment));
  const { position, frames } = segment;
  if (isReused) joinTaken(job, done, index);
  else joinMade(job, done, segment, (taken) => board.again(taken));
  meter.segment({ position, frames, framesTotal: frames, isReused });
  run.onSegment({ position, frames, isReused });
  board.done(index);
}

function joinTaken(job: JobClass, { joinClass }: CheckedSegment, index: number): void {
  job.joinClass ??= joinClass;
  if (!job.isMade) job.taken.add(index);
}

/** Segments out of a cache can be made anew, those of this PC's encoder cannot become others: what was taken makes way. */
function joinMade(
  job: JobClass,
  { joinClass }: CheckedSegment,
  segment: SegmentPlan,
  again: (index: number) => void,
): void {
  if (job.isMade && joinClass !== job.joinClass) throw unjoinable(segment);
  const isOther = joinClass !== job.joinClass;
  job.joinClass = joinClass;
  job.isMade = true;
  if (isOther) for (const index of job.taken) again(index);
  job.taken.clear();
}

function originOf({ sourcePath: source, videoId }: SegmentPlan): SegmentOrigin {
  return { source, ...(videoId === undefined ? {} : { videoId }) };
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

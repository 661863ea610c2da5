import { join } from 'node:path';
import type { ClassSpeed } from '../../proto/index.ts';
import { workClassOf } from '../../proto/index.ts';
import type { ExpectedRate } from '../render/eta.ts';
import type { RenderProgress } from '../render/progress-meter.ts';
import { type BoardRequest, renderBoard } from '../render/render-job.ts';
import { framesPerSecond } from '../render/render-plan.ts';
import type { EncoderChoice } from '../render/render-request.ts';
import type { RenderedOutput, RenderResult } from '../render/render-result.ts';
import type { SegmentBoard } from '../render/segment-board.ts';
import type { SegmentCache } from '../render/segment-cache.ts';
import { fileCommandLog } from './file-command-log.ts';
import { AttemptFailedError } from './finished.ts';
import type { LogFolder } from './log-folder.ts';
import { type OwnerPort, openOwnItems } from './own-items.ts';
import type { PrepareOptions } from './prepare-step.ts';
import type { UsageCount } from './usage-count.ts';
import { createWorkClock } from './work-clock.ts';

export interface RenderStepOptions extends Omit<PrepareOptions, 'onFile' | 'onPlanned'> {
  /** Filled while it is worked off, or complete. */
  readonly board: SegmentBoard;
  /** @default all files are here */
  readonly copyLeftMs?: () => number | undefined;
  readonly gpuIndex?: number;
  /** Of the files of an item. @default not known */
  readonly bytesOf?: (position: number) => number;
  /** Who gives items of this job to other agents. @default nobody */
  readonly owner?: OwnerPort;
  readonly folder: LogFolder;
  readonly usage: UsageCount;
  readonly onProgress: (progress: RenderProgress) => void;
  readonly onSegment: (segment: { position: number; frames: number; reused: boolean }) => void;
  /** A segment is worked on from now on; none is any more, or for now. @default nobody hears it */
  readonly onBegin?: () => void;
  readonly onIdle?: () => void;
  /** The last frame is encoded. */
  readonly onEncoded: () => void;
}

/** Steps 3 and 4, and the join. Rejects with AttemptFailedError, the signal's reason, or that of the board's stop. */
export async function renderStep(options: RenderStepOptions): Promise<RenderedOutput> {
  const { assign, services, log, signal, force, board, usage, copyLeftMs } = options;
  const encoder = encoderOf(options);
  const workClass = workClassOf(assign.job);
  const clock = createWorkClock(() => services.speeds.begin(options.gpuIndex), services.nowMs);
  const { jobId, options: wishes } = assign.job;
  const segments = services.segments.open({ jobId, noCache: wishes?.noCache === true });
  const choice = { ...encoder, profile: assign.job.rateProfile };
  const own = openOwnItems(options, choice, segments);
  const reading = { done: (): void => undefined };
  let hasBegun = false;
  const result = await renderBoard(requestOf(options, choice, segments), board, {
    signal,
    ...(force === undefined ? {} : { force }),
    ...(copyLeftMs === undefined ? {} : { copyLeftMs }),
    log: fileCommandLog(options.folder),
    clock,
    onBegin() {
      clock.go();
      if (!hasBegun) reading.done = services.fetchLane.render();
      if (!hasBegun) logBegin(options, encoder.rung);
      hasBegun = true;
      options.onBegin?.();
    },
    onIdle() {
      clock.rest();
      options.onIdle?.();
    },
    onProgress(progress) {
      const { framesDone, framesTotal, doneSeconds } = progress;
      if (framesDone > 0)
        log.progress(Math.floor((100 * framesDone) / Math.max(1, framesTotal)), doneSeconds);
      options.onProgress(progress);
    },
    onFirstFrame: () => usage.firstFrame(),
    onWarning: ({ message }) => log.warn(message),
    onSegment(segment) {
      const helper = own.segmentDone(segment.position, segment.isReused);
      usage.segment({ ...segment, helper });
      if (helper !== undefined) log.info(`Segment ${segment.position} was rendered by agent ${helper}`);
      else if (segment.isReused) log.info(`Segment ${segment.position} comes from the cache`);
      options.onSegment({
        position: segment.position,
        frames: segment.frames,
        reused: segment.isReused,
      });
    },
    onEncoded() {
      usage.encoded();
      const { framesEncoded: frames } = usage.total();
      services.speeds.rendered({ workClass, frames, aloneMs: clock.aloneMs() });
      clock.rest();
      log.info('Encoded; joining and verifying');
      options.onEncoded();
    },
  }).finally(() => {
    own.close();
    options.owner?.opened(undefined);
    reading.done();
    segments.close();
    clock.rest();
  });
  return outputOf(result, AbortSignal.any([signal, board.stopped]));
}

function encoderOf({ assign, services, gpuIndex }: RenderStepOptions): Omit<EncoderChoice, 'profile'> {
  const { enable4k } = assign.job;
  const encoder = services.encoderFor(enable4k, gpuIndex);
  if (encoder !== undefined) return encoder;
  const message = `no encoder of this PC passes the test encode for ${enable4k ? '4K' : 'Full HD'}`;
  throw new AttemptFailedError({
    failureClass: 'environment',
    message,
    problems: [{ code: 'ENCODER_UNAVAILABLE', message }],
  });
}

function requestOf(
  { assign: { job, limits, attemptNumber }, services, workFolder, gpuIndex }: RenderStepOptions,
  encoder: EncoderChoice,
  segmentCache: SegmentCache,
): BoardRequest {
  const { options: wishes } = job;
  const expected = services.speeds.expected(workClassOf(job));
  return {
    ...{ jobId: job.jobId, enable4k: job.enable4k, workFolder, encoder, segmentCache },
    outputFile: join(workFolder, 'result.mp4'),
    ffmpeg: services.ffmpeg,
    concurrency: () => services.speeds.segmentsAtOnce(services.concurrency.segments, gpuIndex),
    stallMs: limits.stallMs,
    startStallMs: limits.startStallMs,
    ...(expected === undefined ? {} : { expected: rateOf(expected) }),
    fullDecode: wishes?.fullDecode === true,
    loudnessReport: wishes?.loudnessReport === true,
    contactSheet: wishes?.contactSheet === true,
    preview: wishes?.preview === true,
    hadAttempts: attemptNumber > 1,
  };
}

/** While files are still copied the steps overlap: the log says so where they begin to. */
function logBegin({ board, log }: RenderStepOptions, rung: string): void {
  const stages = board.stages();
  const missing = stages.filter((stage) => stage === 'expected').length;
  const rest = missing === 0 ? '' : `; ${missing} items are still to come`;
  log.step('3', `Command: ${stages.length} segments with ${rung}${rest}`);
  log.step('4', 'FFmpeg');
}

function rateOf({ speed, runs }: ClassSpeed): ExpectedRate {
  return { framesPerSecond: speed * framesPerSecond, runs };
}

function outputOf(result: RenderResult, signal: AbortSignal): RenderedOutput {
  switch (result.status) {
    case 'rendered':
      return result.output;
    case 'aborted':
      signal.throwIfAborted();
      throw new Error('the render was aborted by nobody');
    case 'rejected':
      throw new AttemptFailedError({
        failureClass: 'input',
        message: result.problems.map((problem) => problem.message).join('; '),
        problems: result.problems,
      });
    case 'failed': {
      const { failureClass, code, message, exitCode, stderrTail, position } = result.failure;
      throw new AttemptFailedError({
        failureClass,
        message,
        problems: [{ code, message, ...(position === undefined ? {} : { position }) }],
        stderrTail,
        ...(exitCode === undefined ? {} : { exitCode }),
      });
    }
  }
}

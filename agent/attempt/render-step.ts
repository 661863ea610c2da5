import { join } from 'node:path';
import type { ClassSpeed } from '../../proto/index.ts';
import { workClassOf } from '../../proto/index.ts';
import type { CommandLog } from '../render/command-log.ts';
import { commandText } from '../render/command-log.ts';
import type { ExpectedRate } from '../render/eta.ts';
import type { RenderProgress } from '../render/progress-meter.ts';
import { renderJob } from '../render/render-job.ts';
import { framesPerSecond } from '../render/render-plan.ts';
import type { RenderedOutput, RenderResult } from '../render/render-result.ts';
import { AttemptFailedError } from './finished.ts';
import type { LogFolder } from './log-folder.ts';
import { logFiles } from './log-folder.ts';
import type { Prepared, PrepareOptions } from './prepare-step.ts';
import type { UsageCount } from './usage-count.ts';

export interface RenderStepOptions extends PrepareOptions {
  readonly prepared: Prepared;
  readonly gpuIndex?: number;
  readonly folder: LogFolder;
  readonly usage: UsageCount;
  readonly onProgress: (progress: RenderProgress) => void;
  readonly onSegment: (segment: { position: number; frames: number; reused: boolean }) => void;
  /** The last frame is encoded. */
  readonly onEncoded: () => void;
}

/** Steps 3 and 4, and the join. Rejects with AttemptFailedError, or the signal's reason. */
export async function renderStep(options: RenderStepOptions): Promise<RenderedOutput> {
  const { assign, services, log, workFolder, signal, force, prepared, usage } = options;
  const encoder = services.encoderFor(assign.job.enable4k, options.gpuIndex);
  if (encoder === undefined) {
    const message = `no encoder of this PC passes the test encode for ${assign.job.enable4k ? '4K' : 'Full HD'}`;
    throw new AttemptFailedError({
      failureClass: 'environment',
      message,
      problems: [{ code: 'ENCODER_UNAVAILABLE', message }],
    });
  }
  log.step('3', `Command: ${prepared.plan.segments.length} segments with ${encoder.rung}`);
  log.step('4', 'FFmpeg');
  const workClass = workClassOf(assign.job);
  const expected = services.speeds.expected(workClass);
  const render = services.speeds.begin(options.gpuIndex);
  const doneReading = services.fetchLane.render();
  const result = await renderJob(
    {
      jobId: assign.job.jobId,
      enable4k: assign.job.enable4k,
      items: prepared.items,
      workFolder,
      outputFile: join(workFolder, 'result.mp4'),
      encoder: { ...encoder, profile: assign.job.rateProfile },
      ffmpeg: services.ffmpeg,
      concurrency: services.concurrency.segments,
      stallMs: assign.limits.stallMs,
      startStallMs: assign.limits.startStallMs,
      ...(expected === undefined ? {} : { expected: rateOf(expected) }),
      ...(services.segmentCache === undefined ? {} : { segmentCache: services.segmentCache }),
    },
    {
      signal,
      ...(force === undefined ? {} : { force }),
      log: commandLog(options.folder),
      clock: render,
      onProgress(progress) {
        log.progress(
          Math.floor((100 * progress.framesDone) / Math.max(1, progress.framesTotal)),
          progress.doneSeconds,
        );
        options.onProgress(progress);
      },
      onFirstFrame: () => usage.firstFrame(),
      onWarning: ({ message }) => log.warn(message),
      onSegment(segment) {
        usage.segment(segment.isReused, segment.frames);
        if (segment.isReused) log.info(`Segment ${segment.position} comes from the cache`);
        options.onSegment({
          position: segment.position,
          frames: segment.frames,
          reused: segment.isReused,
        });
      },
      onEncoded() {
        usage.encoded();
        const { framesEncoded: frames } = usage.total();
        services.speeds.rendered({ workClass, frames, aloneMs: render.aloneMs() });
        render.end();
        log.info('Encoded; joining and verifying');
        options.onEncoded();
      },
    },
  ).finally(() => {
    doneReading();
    render.end();
  });
  return outputOf(result, signal);
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

/** Every command, and all that it says, with the item named. */
function commandLog(folder: LogFolder): CommandLog {
  let speaker: string | undefined;
  return {
    command(entry) {
      folder.write(logFiles.command, `# ${entry.label}\ncd ${entry.cwd}\n${commandText(entry)}\n\n`);
    },
    stderr(label, line) {
      const head = label === speaker ? '' : `# ${label}\n`;
      speaker = label;
      folder.write(logFiles.stderr, `${head}${line}\n`);
    },
  };
}

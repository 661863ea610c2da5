import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Assign, Manifest } from '../../proto/index.ts';
import type { AttemptReport } from '../core/inputs.ts';
import type { RenderProgress } from '../render/progress-meter.ts';
import type { RenderedOutput } from '../render/render-result.ts';
import { finishedOf } from './finished.ts';
import type { JobLog } from './job-log.ts';
import type { LogFolder } from './log-folder.ts';
import { attemptFolderName } from './log-folder.ts';
import { prepare } from './prepare-step.ts';
import { renderStep } from './render-step.ts';
import type { AttemptRoom } from './scratch-room.ts';
import type { AttemptServices } from './services.ts';
import { stageOutput } from './stage-step.ts';
import type { UsageCount } from './usage-count.ts';
import { createUsageCount } from './usage-count.ts';

export interface AttemptRun {
  readonly assign: Assign;
  /** Where it renders, on a PC with several GPUs. */
  readonly gpuIndex?: number;
  readonly services: AttemptServices;
  readonly folder: LogFolder;
  readonly log: JobLog;
  readonly scratch: AttemptRoom;
  /** Stops the attempt; its reason says why. */
  readonly signal: AbortSignal;
  /** Kills what the stop has not ended yet. */
  readonly force: AbortSignal;
  /** Hears `staged` or `ended` last, when nothing of the attempt runs any more. */
  readonly report: (report: AttemptReport) => void;
}

/** The share of the whole that is done when the file is verified; the rest is the upload (rendering.md). */
const verifiedPercent = 95;

/** An attempt from its assignment to the staged file. Never rejects: how it ended is reported. */
export async function runAttempt(run: AttemptRun): Promise<void> {
  const { assign, services, scratch, signal, log } = run;
  const workFolder = join(services.workFolder, attemptFolderName(assign.ref));
  const usage = createUsageCount(services.nowMs);
  const state: { release?: () => void } = {};
  let last: AttemptReport;
  try {
    log.begin(services.agentId);
    signal.throwIfAborted();
    await mkdir(workFolder, { recursive: true });
    // Looked at while the files come: it must not keep the first frame waiting.
    const looking = services.lookAtOutput(assign.output, signal);
    looking.catch(() => undefined);
    const prepared = await prepare({
      ...{ ...run, workFolder, room: scratch },
      onShareWait(totalMs, reason) {
        usage.waitedForSources(totalMs);
        run.report(waitingOf(usage, totalMs, reason));
      },
    });
    state.release = () => prepared.release();
    const room = await looking;
    const result = { enable4k: assign.job.enable4k, frames: prepared.plan.frames };
    room.demand(result);
    await scratch.demandWork(result);
    usage.fetched(prepared.files);
    const { copiedBytes, reusedBytes } = usage.total();
    run.report({ type: 'prepared', copiedBytes, reusedBytes, totalFrames: prepared.plan.frames });
    const output = await renderStep({
      ...run,
      workFolder,
      prepared,
      usage,
      onProgress(progress) {
        scratch.encoded(progress.framesDone, progress.framesTotal);
        run.report(progressOf(progress, usage));
      },
      onSegment: (segment) => run.report({ type: 'segment', ...segment }),
      onEncoded: () => run.report({ type: 'encoded' }),
    });
    scratch.joined();
    const { manifest, shareId } = await stage(run, output, usage);
    const identity = shareId === undefined ? {} : { shareId };
    last = { type: 'staged', manifest, usage: usage.total(), ...identity };
  } catch (error) {
    const stopped = signal.aborted ? reasonOf(signal) : undefined;
    last = { type: 'ended', finished: finishedOf(error, stopped, usage.total()) };
  }
  state.release?.();
  await rm(workFolder, { recursive: true, force: true, maxRetries: 3 }).catch((error: unknown) =>
    services.onTrouble(`${workFolder} could not be removed`, error),
  );
  scratch.close();
  run.report(last);
}

async function stage(
  { assign, services, signal, log, report }: AttemptRun,
  output: RenderedOutput,
  usage: UsageCount,
) {
  const { frames, durationMs, sizeBytes } = output;
  log.step('5', `Output: ${assign.output.finalName}, ${sizeBytes} bytes, to ${assign.output.stagingFolder}`);
  const { shareId, ...staged } = await stageOutput({
    share: services.share,
    output: assign.output,
    localFile: output.file,
    signal,
    lane: services.tailLane,
    nowMs: services.nowMs,
    onWaiting(reason, waitedMs) {
      usage.waitedForOutput(waitedMs);
      log.warn(`${reason}; tried again (waited ${Math.round(waitedMs / 1000)} s so far)`);
      report({
        type: 'progress',
        percent: verifiedPercent,
        framesDone: frames,
        framesTotal: frames,
        waiting: { reason, waitedMs },
        waitedForSharesMs: usage.waitedForSharesMs(),
      });
    },
  });
  log.info(`Uploaded ${staged.sizeBytes} bytes, sha256 ${staged.sha256}`);
  const { features } = output;
  const manifest: Manifest = {
    ...{ fileName: assign.output.finalName, ...staged, durationMs, frames, features },
  };
  return { manifest, shareId };
}

/** An attempt that waits for its sources has nothing else to tell. */
function waitingOf(usage: UsageCount, waitedMs: number, reason: string | undefined): AttemptReport {
  return {
    ...{ type: 'progress', percent: 0, framesDone: 0, framesTotal: 0 },
    ...(reason === undefined ? {} : { waiting: { reason, waitedMs } }),
    waitedForSharesMs: usage.waitedForSharesMs(),
  };
}

function progressOf(
  { percent, framesDone, framesTotal, etaMs }: RenderProgress,
  usage: UsageCount,
): AttemptReport {
  return {
    type: 'progress',
    percent,
    framesDone,
    framesTotal,
    ...(etaMs === undefined ? {} : { etaMs }),
    waitedForSharesMs: usage.waitedForSharesMs(),
  };
}

function reasonOf({ reason }: AbortSignal): string {
  return reason instanceof Error ? reason.message : String(reason);
}

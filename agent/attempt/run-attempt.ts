import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '../../proto/index.ts';
import { loudnessText } from '../../proto/index.ts';
import type { AttemptReport } from '../core/inputs.ts';
import type { RenderedOutput } from '../render/render-result.ts';
import type { AttemptRun } from './attempt-run.ts';
import { finishedOf } from './finished.ts';
import { withKeptPlace } from './kept-work.ts';
import { attemptFolderName } from './log-folder.ts';
import { prepareAndRender } from './prepare-and-render.ts';
import { stageExtras } from './stage-extras.ts';
import { stageOutput } from './stage-step.ts';
import type { UsageCount } from './usage-count.ts';
import { createUsageCount } from './usage-count.ts';

/** The share of the whole that is done when the file is verified; the rest is the upload (rendering.md). */
const verifiedPercent = 95;

/** An attempt from its assignment to the staged file. Never rejects: how it ended is reported. */
export async function runAttempt(run: AttemptRun): Promise<void> {
  const { assign, services, scratch, signal, log } = run;
  const workFolder = join(services.workFolder, attemptFolderName(assign.ref));
  const usage = createUsageCount(services.nowMs);
  const held: { release?: () => void } = {};
  let last: AttemptReport;
  try {
    log.begin(services.agentId);
    signal.throwIfAborted();
    await mkdir(workFolder, { recursive: true });
    const { output, release } = await prepareAndRender({ ...run, workFolder, usage });
    held.release = release;
    scratch.joined();
    const { manifest, shareId } = await stage({ ...run, workFolder }, output, usage);
    const identity = shareId === undefined ? {} : { shareId };
    last = { type: 'staged', manifest, usage: usage.total(), ...identity };
  } catch (error) {
    const stopped = signal.aborted ? reasonOf(signal) : undefined;
    last = { type: 'ended', finished: finishedOf(error, stopped, usage.total()) };
  }
  held.release?.();
  last = await keptIfWished(run, workFolder, last);
  await rm(workFolder, { recursive: true, force: true, maxRetries: 3 }).catch((error: unknown) =>
    services.onTrouble(`${workFolder} could not be removed`, error),
  );
  scratch.close();
  run.report(last);
}

/** A failed attempt leaves its work folder where its job asks for it; its outcome says where. */
async function keptIfWished(
  { assign, services, log }: AttemptRun,
  workFolder: string,
  last: AttemptReport,
): Promise<AttemptReport> {
  const isFailure = last.type === 'ended' && last.finished.outcome === 'failed';
  if (!isFailure || assign.job.options?.keepFailed !== true) return last;
  const place = await services.keptWork?.keep(workFolder, attemptFolderName(assign.ref));
  if (place === undefined) return last;
  log.info(`The work folder is kept: ${place}`);
  return { ...last, finished: withKeptPlace(last.finished, place) };
}

async function stage(
  { assign, services, signal, log, report, workFolder }: AttemptRun & { readonly workFolder: string },
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
  const { features, loudness, extras } = output;
  const extraNames = await stageExtras({
    ...{ share: services.share, output: assign.output, workFolder, extras, signal },
    onLeftOut: (message) => log.warn(message),
  });
  if (loudness !== undefined) log.info(`Loudness: ${loudnessText(loudness)}`);
  const manifest: Manifest = {
    ...{ fileName: assign.output.finalName, ...staged, durationMs, frames, features, ...extraNames },
    ...(loudness === undefined ? {} : { loudness }),
  };
  return { manifest, shareId };
}

function reasonOf({ reason }: AbortSignal): string {
  return reason instanceof Error ? reason.message : String(reason);
}

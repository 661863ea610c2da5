import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Assign, AssignItem, ItemRef } from '../../proto/index.ts';
import { noUsage } from '../core/endings.ts';
import type { ItemReport } from '../core/inputs.ts';
import { orAborted } from '../media/shared-flight.ts';
import { plannedKey } from '../render/planned-key.ts';
import { type RenderedItem, renderItem } from '../render/render-item.ts';
import type { RenderPlan, SegmentPlan } from '../render/render-plan.ts';
import type { EncoderChoice } from '../render/render-request.ts';
import { segmentFileName } from '../render/segment.ts';
import type { JobSegmentCache } from '../render/segment-cache.ts';
import type { SegmentSettings } from '../render/segment-command.ts';
import { finishedOf } from './finished.ts';
import { silentJobLog } from './job-log.ts';
import { attemptFolderName } from './log-folder.ts';
import { type Prepared, prepare } from './prepare-step.ts';
import type { AttemptRoom } from './scratch-room.ts';
import type { AttemptServices } from './services.ts';

export interface ItemRun {
  readonly assign: AssignItem;
  /** Where it renders, on a PC with several GPUs. */
  readonly gpuIndex?: number;
  readonly services: AttemptServices;
  readonly scratch: AttemptRoom;
  /** Ends it at once, with its process tree; its reason says why. */
  readonly signal: AbortSignal;
}

/** Why there is no segment: `declined` where it was not tried, `failed` where it was. */
class ItemEnd extends Error {
  override readonly name = 'ItemEnd';
  readonly result: 'declined' | 'failed';
  readonly code: string;

  constructor(result: 'declined' | 'failed', code: string, message: string) {
    super(message);
    this.result = result;
    this.code = code;
  }
}

/**
 * One item of another agent's job, from its files to its segment in the shared cache. Never rejects: what became of it is
 * the answer. When it resolves nothing of it runs any more, and its folder is gone.
 */
export async function runItem(run: ItemRun): Promise<ItemReport> {
  const { assign, services, scratch, signal } = run;
  const count = { frames: 0, isReused: false };
  let workFolder: string | undefined;
  let report: ItemReport;
  try {
    workFolder = join(services.workFolder, itemFolderName(assign.item));
    signal.throwIfAborted();
    await mkdir(workFolder, { recursive: true });
    await provide(run, workFolder, count);
    report = { result: 'done', reused: count.isReused, framesEncoded: count.frames };
  } catch (error) {
    report = { ...endOf(error, signal), reused: false, framesEncoded: count.frames };
  }
  if (workFolder !== undefined) await remove(workFolder, services);
  scratch.close();
  return report;
}

/** As those of attempts, so that the next process removes what a killed one has left. Throws UnsafeJobIdError. */
export function itemFolderName({ ref, position, right }: ItemRef): string {
  return attemptFolderName({ jobId: `${ref.jobId}-item${position}`, fence: right });
}

async function provide(
  run: ItemRun,
  workFolder: string,
  count: { frames: number; isReused: boolean },
): Promise<void> {
  const { assign, services, scratch, signal } = run;
  const encoder = services.encoderFor(assign.job.enable4k, run.gpuIndex);
  if (encoder === undefined)
    throw new ItemEnd('declined', 'NO_ENCODER', 'no encoder here passes the test encode');
  const prepared = await prepare({
    ...{ services, workFolder, signal, force: signal, room: scratch, log: silentJobLog },
    assign: asAttempt(assign),
    onPlanned: ({ frames }) => scratch.demandWork({ enable4k: assign.job.enable4k, frames }),
  });
  const cache = services.segments.open({ jobId: assign.job.jobId });
  const doneReading = services.fetchLane.render();
  const clock = services.speeds.begin(run.gpuIndex);
  try {
    const settings = settingsOf(assign, prepared.plan, encoder);
    const segment = await expectedSegment(assign, prepared.plan, settings, services);
    const item = await render(run, { workFolder, prepared, settings, cache });
    count.isReused = item.isReused;
    count.frames = item.isReused ? 0 : segment.frames;
    await share(item, segment, join(workFolder, segmentFileName(segment)), cache, run);
  } finally {
    clock.end();
    doneReading();
    cache.close();
    prepared.release();
  }
}

/** The item as a job of one item: what an attempt's steps look at. */
function asAttempt({ item, job, runMs, stallMs, startStallMs }: AssignItem): Assign {
  return {
    kind: 'assign',
    ref: item.ref,
    attemptNumber: 1,
    job,
    resolution: { queryMs: 0, found: 0, missing: [], resolvedAtMs: 0 },
    output: { folder: '', stagingFolder: '', finalName: '' },
    limits: { softRunMs: runMs, hardRunMs: runMs, stallMs, startStallMs },
  };
}

function settingsOf(
  { job: { enable4k, rateProfile: profile } }: AssignItem,
  { frameSize }: RenderPlan,
  encoder: Omit<EncoderChoice, 'profile'>,
): SegmentSettings {
  return { frameSize, enable4k, encoder: { ...encoder, profile } };
}

/** What its owner will look for: anything else would be rendered in vain. */
async function expectedSegment(
  { frames, segmentKey }: AssignItem,
  { segments }: RenderPlan,
  settings: SegmentSettings,
  { ffmpeg }: AttemptServices,
): Promise<SegmentPlan> {
  const [segment] = segments;
  if (segment === undefined) throw new ItemEnd('declined', 'KEY_DIFFERS', 'nothing is planned of it');
  const key = await plannedKey(segment, settings, ffmpeg.versionText);
  if (segment.frames !== frames)
    throw new ItemEnd(
      'failed',
      'FRAMES_DIFFER',
      `${segment.frames} frames are planned here, ${frames} there`,
    );
  if (key !== segmentKey)
    throw new ItemEnd(
      'declined',
      'KEY_DIFFERS',
      'this agent would render another segment than the owner looks for',
    );
  return segment;
}

async function render(
  { assign: { stallMs, startStallMs }, services, signal }: ItemRun,
  {
    workFolder,
    prepared,
    settings,
    cache,
  }: {
    readonly workFolder: string;
    readonly prepared: Prepared;
    readonly settings: SegmentSettings;
    readonly cache: JobSegmentCache;
  },
): Promise<RenderedItem> {
  const result = await renderItem(
    { workFolder, settings, ffmpeg: services.ffmpeg, stallMs, startStallMs, segmentCache: cache },
    prepared.board,
    { signal, force: signal },
  );
  if (result.status === 'rendered') return result.item;
  signal.throwIfAborted();
  if (result.status === 'aborted') throw new Error('the render was aborted by nobody');
  throw new ItemEnd('failed', result.failure.code, result.failure.message);
}

/** Done means that the owner finds it. What only this PC had is offered like a new one. */
async function share(
  { key, joinClass, isReused, isOnlyHere }: RenderedItem,
  { frames, samples, sourcePath: source, videoId }: SegmentPlan,
  file: string,
  cache: JobSegmentCache,
  { services: { segments }, signal }: ItemRun,
): Promise<void> {
  if (isReused && !isOnlyHere) return;
  if (isOnlyHere) {
    const origin = { source, ...(videoId === undefined ? {} : { videoId }) };
    await cache.keep(key, file, { frames, samples, joinClass }, origin);
  }
  // A share may take minutes for it; whoever stops the item, a job that needs the place among them, does not wait so long.
  if (!(await orAborted(segments.offered(key, joinClass), signal)))
    throw new ItemEnd('failed', 'NOT_SHARED', 'the segment did not get into the shared cache');
}

/** In one word and one sentence; a stop is named by whoever asked for it. */
function endOf(error: unknown, signal: AbortSignal): Pick<ItemReport, 'result' | 'code' | 'message'> {
  if (signal.aborted) return { result: 'stopped', message: reasonOf(signal) };
  if (error instanceof ItemEnd) return { result: error.result, code: error.code, message: error.message };
  const { message = 'no reason given', problems } = finishedOf(error, undefined, noUsage);
  return { result: 'failed', code: problems[0]?.code ?? 'AGENT_FAULT', message };
}

function reasonOf({ reason }: AbortSignal): string {
  return reason instanceof Error ? reason.message : String(reason);
}

async function remove(workFolder: string, { onTrouble }: AttemptServices): Promise<void> {
  await rm(workFolder, { recursive: true, force: true, maxRetries: 3 }).catch((error: unknown) =>
    onTrouble(`${workFolder} could not be removed`, error),
  );
}

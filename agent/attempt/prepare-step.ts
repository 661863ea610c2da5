import type { Assign, Problem } from '../../proto/index.ts';
import type { FetchedFile, FetchOptions, FetchResult } from '../media/fetch.ts';
import { fetchItems } from '../media/fetch.ts';
import type { ProbeFilesOptions, ProbeResult } from '../media/probe-files.ts';
import { openFileProber } from '../media/probe-files.ts';
import { resolveUnc } from '../media/unc.ts';
import { planRender } from '../render/plan.ts';
import type { RenderPlan } from '../render/render-plan.ts';
import type { RenderItem } from '../render/render-request.ts';
import type { SegmentBoard } from '../render/segment-board.ts';
import { createSegmentBoard } from '../render/segment-board.ts';
import type { CopyLeft } from './copy-left.ts';
import { createCopyLeft } from './copy-left.ts';
import { fileCommandLog } from './file-command-log.ts';
import { AttemptFailedError } from './finished.ts';
import type { ItemIntake } from './item-intake.ts';
import { expectedItems, openItemIntake } from './item-intake.ts';
import type { ItemLoudnessOptions } from './item-loudness.ts';
import { openItemLoudness } from './item-loudness.ts';
import type { JobLog } from './job-log.ts';
import type { LogFolder } from './log-folder.ts';
import type { AttemptRoom } from './scratch-room.ts';
import type { AttemptServices } from './services.ts';
import { watchShareWait } from './share-wait.ts';

export interface Prepared {
  readonly items: readonly RenderItem[];
  readonly plan: RenderPlan;
  readonly files: readonly FetchedFile[];
  /** Complete: every item is ready on it. */
  readonly board: SegmentBoard;
  /** Lets the cache evict the files again. */
  release(): void;
}

/** A preparation under way. */
export interface Preparing {
  /** Each item is ready on it as soon as its own files are here; stopped when an item is bad. */
  readonly board: SegmentBoard;
  /**
   * Every item is here, measured and planned. Rejects with AttemptFailedError, which names all that is wrong with the
   * items, or with the signal's reason; nothing stays pinned then.
   */
  readonly done: Promise<Prepared>;
  /** How long files will still be copied, in ms; undefined when that cannot be said yet. */
  readonly copyLeftMs: () => number | undefined;
}

export interface PrepareOptions {
  readonly assign: Assign;
  readonly services: AttemptServices;
  readonly log: JobLog;
  readonly workFolder: string;
  readonly signal: AbortSignal;
  /** Kills what a stop has not ended yet. */
  readonly force?: AbortSignal;
  /** The room of the attempt on this PC's disk. @default nobody else writes there */
  readonly room?: AttemptRoom;
  /** Hears how long the shares were waited for; see share-wait.ts. @default nobody */
  readonly onShareWait?: (totalMs: number, reason: string | undefined) => void;
  /** Where commands are written down. @default nowhere */
  readonly folder?: LogFolder;
  /** While true, the job gets on without its shares: such a time is not waited. @default never */
  readonly isBusy?: () => boolean;
  /** Hears of each file that is here. @default nobody */
  readonly onFile?: (file: FetchedFile) => void;
  /** Every item is good: may still refuse the job, before its board is complete. @default refuses none */
  readonly onPlanned?: (plan: RenderPlan) => Promise<void>;
}

/** How long the first item's files may keep the others waiting. */
const headStartMs = 10_000;

/** Steps 0 to 2 of a job whose segments nobody renders meanwhile. Rejects as `Preparing.done`. */
export function prepare(options: PrepareOptions): Promise<Prepared> {
  return startPreparing(options).done;
}

/** Steps 0 to 2: every file here, measured, and planned to the frame; the board is filled meanwhile. */
export function startPreparing(options: PrepareOptions): Preparing {
  const { assign, services } = options;
  const board = createSegmentBoard(expectedItems(assign.job.items));
  const copyLeft = createCopyLeft({
    nowMs: services.nowMs,
    bytesPerSecond: () => services.copyBytesPerSecond?.(),
  });
  const done = prepareAll(options, board, copyLeft).catch((error: unknown) => {
    board.stop();
    throw error;
  });
  // Whoever awaits it hears of it; until then it must not count as unhandled.
  done.catch(() => undefined);
  return { board, done, copyLeftMs: () => copyLeft.leftMs() };
}

async function prepareAll(
  options: PrepareOptions,
  board: SegmentBoard,
  copyLeft: CopyLeft,
): Promise<Prepared> {
  const { assign, services, log } = options;
  const { enable4k } = assign.job;
  const next = services.announcedJob();
  log.step('0', `Next job: ${next === undefined ? 'none announced yet' : `${next} is being prefetched`}`);
  logPaths(assign, log);
  const prober = openFileProber(probeOptions(options));
  const loudnessOf = openItemLoudness(loudnessOptions(options));
  const intake = openItemIntake({ items: assign.job.items, enable4k, prober, board, loudnessOf });
  const fetched = await fetchStep(options, { board, intake, copyLeft }).catch(async (error: unknown) => {
    await intake.settled().catch(() => undefined);
    throw error;
  });
  try {
    await intake.settled();
    const probed = prober.result(fetched.files);
    log.info(`Probed ${probed.probed} files; the others were known`);
    const items = intake.items();
    const planned = planRender({ enable4k, items });
    const planProblems = planned.ok ? [] : planned.problems;
    // A job with a bad file still has its other items planned: people want to hear of everything at once.
    const problems = [...fetched.problems, ...probed.problems, ...newProblems(planProblems, fetched, probed)];
    if (!planned.ok || problems.length > 0) throw refusal(fetched, probed, problems);
    const { plan } = planned;
    log.step(
      '1e',
      `Items: ${items.length} ready, ${items.filter((item) => item.text !== undefined).length} with text`,
    );
    for (const warning of plan.warnings) log.warn(warning.message);
    log.totalDuration(plan.frames / 30);
    await options.onPlanned?.(plan);
    board.complete(plan);
    return { items, plan, files: fetched.files, board, release: () => fetched.release() };
  } catch (error) {
    fetched.release();
    throw error;
  }
}

function logPaths({ job, resolution }: Assign, log: JobLog): void {
  const { found, missing, queryMs } = resolution;
  log.step('1a', `Paths: ${found} found in the catalogue in ${queryMs} ms, ${missing.length} missing`);
  log.step('1b', `File list: ${job.items.length} items`);
  for (const item of job.items) {
    const logo = item.logoPath === undefined ? '' : `, logo ${item.logoPath}`;
    log.info(`${item.itemType}_${item.position}: ${item.path}${logo}`);
  }
}

interface Arrivals {
  readonly board: SegmentBoard;
  readonly intake: ItemIntake;
  readonly copyLeft: CopyLeft;
}

async function fetchStep(options: PrepareOptions, arrivals: Arrivals): Promise<FetchResult> {
  const { assign, services, log, room, isBusy, onShareWait } = options;
  log.step('1c', `Copying files, ${services.concurrency.copy} at a time`);
  log.step('1d', `Durations of files as they come, ${services.concurrency.probe} at a time`);
  const leave = services.fetchLane.enter();
  const startedMs = services.nowMs();
  const endWait = watchShareWait({
    underway: services.underway,
    paths: sourcePaths(assign, services),
    nowMs: services.nowMs,
    onWait: (totalMs, reason) => onShareWait?.(totalMs, reason),
    ...(isBusy === undefined ? {} : { isBusy }),
  });
  try {
    // Before the first file is here, and the first segment begun.
    await room?.demandAhead();
    const fetched = await fetchItems(assign.job.items, fetchOptions(options, arrivals));
    const copied = fetched.files.filter((file) => !file.reused);
    const bytes = copied.reduce((sum, file) => sum + file.sizeBytes, 0);
    const ms = Math.round(services.nowMs() - startedMs);
    log.info(`Copied ${copied.length} of ${fetched.files.length} files, ${bytes} bytes, in ${ms} ms`);
    return fetched;
  } finally {
    arrivals.copyLeft.end();
    endWait();
    leave();
  }
}

function fetchOptions(
  { services, log, workFolder, signal, room, onFile }: PrepareOptions,
  { board, intake, copyLeft }: Arrivals,
): FetchOptions {
  return {
    mounts: services.mounts,
    cache: services.cache,
    workFolder,
    concurrency: services.concurrency.copy,
    headStartMs,
    signal,
    ...(room === undefined ? {} : { hold: room.hold }),
    onMeasured({ totalBytes, missingBytes }) {
      log.info(`${missingBytes} of ${totalBytes} bytes are not here yet`);
      copyLeft.measured(missingBytes);
      return room?.demandSources(missingBytes);
    },
    onFile(file) {
      if (file.reused) log.skipping(file.name);
      else {
        log.info(`Copied ${file.name}: ${file.sizeBytes} bytes in ${file.ms} ms`);
        copyLeft.copied(file.sizeBytes);
      }
      onFile?.(file);
      intake.file(file);
    },
    onFault: () => board.stop(),
  };
}

/** Where the job's files are on this PC; a path that is refused is told of by the fetch. */
function sourcePaths({ job }: Assign, { mounts }: AttemptServices): ReadonlySet<string> {
  const paths = job.items.flatMap(({ path, logoPath }) => (logoPath === undefined ? path : [path, logoPath]));
  const located = paths.flatMap((path) => {
    try {
      return resolveUnc(path, mounts, process.platform).localPath;
    } catch {
      return [];
    }
  });
  return new Set(located);
}

function probeOptions({ services, signal, force }: PrepareOptions): ProbeFilesOptions {
  return {
    cache: services.cache,
    version: services.ffprobeVersion,
    ffprobe: services.ffmpeg.ffprobe,
    ...(services.ffmpeg.book === undefined ? {} : { book: services.ffmpeg.book }),
    concurrency: services.concurrency.probe,
    signal,
    ...(force === undefined ? {} : { force }),
  };
}

function loudnessOptions(options: PrepareOptions): ItemLoudnessOptions {
  const { assign, services, workFolder, signal, force, folder } = options;
  return {
    ...{ cache: services.cache, ffmpeg: services.ffmpeg, workFolder, limits: assign.limits, signal },
    ...(force === undefined ? {} : { force }),
    ...(folder === undefined ? {} : { commands: fileCommandLog(folder) }),
  };
}

/** "No items" is no news when every item has a problem of its own. */
function newProblems(
  problems: readonly Problem[],
  fetched: FetchResult,
  probed: ProbeResult,
): readonly Problem[] {
  const isKnown = fetched.problems.length + probed.problems.length > 0;
  return isKnown ? problems.filter((problem) => problem.position !== undefined) : problems;
}

function refusal(
  fetched: FetchResult,
  probed: ProbeResult,
  problems: readonly Problem[],
): AttemptFailedError {
  const told = [fetched.message, probed.message].filter((text) => text !== undefined);
  const known = new Set([...fetched.problems, ...probed.problems]);
  const planned = problems.filter((problem) => !known.has(problem)).map((problem) => problem.message);
  const classes = [fetched.failureClass, probed.failureClass, planned.length > 0 ? 'input' : undefined];
  return new AttemptFailedError({
    // One item that can never be rendered fails the job, whatever else went wrong today.
    failureClass: classes.includes('input') ? 'input' : 'environment',
    message: [...told, ...planned].join('; '),
    problems,
  });
}

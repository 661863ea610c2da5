import type { Assign, Problem, ResolvedItem } from '../../proto/index.ts';
import type { FetchedFile, FetchResult } from '../media/fetch.ts';
import { fetchItems } from '../media/fetch.ts';
import type { ProbeResult } from '../media/probe-files.ts';
import { probeFiles } from '../media/probe-files.ts';
import { resolveUnc } from '../media/unc.ts';
import { planRender } from '../render/plan.ts';
import type { RenderPlan } from '../render/render-plan.ts';
import type { RenderItem, SourceFile } from '../render/render-request.ts';
import { AttemptFailedError } from './finished.ts';
import type { JobLog } from './job-log.ts';
import { renderItemOf } from './render-items.ts';
import type { AttemptRoom } from './scratch-room.ts';
import type { AttemptServices } from './services.ts';
import { watchShareWait } from './share-wait.ts';

export interface Prepared {
  readonly items: readonly RenderItem[];
  readonly plan: RenderPlan;
  readonly files: readonly FetchedFile[];
  /** Lets the cache evict the files again. */
  release(): void;
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
}

/**
 * Steps 0 to 2: every file here, measured, and planned to the frame. All that is wrong with the items is said in one
 * error, before anything is encoded. Rejects with AttemptFailedError, or the signal's reason.
 */
export async function prepare(options: PrepareOptions): Promise<Prepared> {
  const { assign, services, log } = options;
  const next = services.announcedJob();
  log.step('0', `Next job: ${next === undefined ? 'none announced yet' : `${next} is being prefetched`}`);
  logPaths(assign, log);
  const fetched = await fetchStep(options);
  try {
    const probed = await probeStep(options, fetched);
    const items = itemsOf(assign, fetched, probed);
    const planned = planRender({ enable4k: assign.job.enable4k, items });
    const planProblems = planned.ok ? [] : planned.problems;
    // A job with a bad file still has its other items planned: people want to hear of everything at once.
    const problems = [...fetched.problems, ...probed.problems, ...newProblems(planProblems, fetched, probed)];
    if (!planned.ok || problems.length > 0) throw refusal(fetched, probed, problems);
    log.step(
      '1e',
      `Items: ${items.length} ready, ${items.filter((item) => item.text !== undefined).length} with text`,
    );
    for (const warning of planned.plan.warnings) log.warn(warning.message);
    log.totalDuration(planned.plan.frames / 30);
    return { items, plan: planned.plan, files: fetched.files, release: () => fetched.release() };
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

async function fetchStep({
  assign,
  services,
  log,
  workFolder,
  signal,
  room,
  onShareWait,
}: PrepareOptions): Promise<FetchResult> {
  log.step('1c', `Copying files, ${services.concurrency.copy} at a time`);
  const leave = services.fetchLane.enter();
  const startedMs = services.nowMs();
  const endWait = watchShareWait({
    underway: services.underway,
    paths: sourcePaths(assign, services),
    nowMs: services.nowMs,
    onWait: (totalMs, reason) => onShareWait?.(totalMs, reason),
  });
  try {
    const fetched = await fetchItems(assign.job.items, {
      mounts: services.mounts,
      cache: services.cache,
      workFolder,
      concurrency: services.concurrency.copy,
      signal,
      ...(room === undefined ? {} : { hold: room.hold }),
      onMeasured({ totalBytes, missingBytes }) {
        log.info(`${missingBytes} of ${totalBytes} bytes are not here yet`);
        return room?.demandSources(missingBytes);
      },
      onFile(file) {
        if (file.reused) log.skipping(file.name);
        else log.info(`Copied ${file.name}: ${file.sizeBytes} bytes in ${file.ms} ms`);
      },
    });
    const copied = fetched.files.filter((file) => !file.reused);
    const bytes = copied.reduce((sum, file) => sum + file.sizeBytes, 0);
    const ms = Math.round(services.nowMs() - startedMs);
    log.info(`Copied ${copied.length} of ${fetched.files.length} files, ${bytes} bytes, in ${ms} ms`);
    return fetched;
  } finally {
    endWait();
    leave();
  }
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

async function probeStep(
  { services, log, signal, force }: PrepareOptions,
  { files }: FetchResult,
): Promise<ProbeResult> {
  log.step('1d', `Durations of ${files.length} files, ${services.concurrency.probe} at a time`);
  const probed = await probeFiles(files, {
    cache: services.cache,
    version: services.ffprobeVersion,
    ffprobe: services.ffmpeg.ffprobe,
    ...(services.ffmpeg.book === undefined ? {} : { book: services.ffmpeg.book }),
    concurrency: services.concurrency.probe,
    signal,
    ...(force === undefined ? {} : { force }),
  });
  log.info(`Probed ${probed.probed} files; the others were known`);
  return probed;
}

/** Items whose files are all here and readable; the others have a problem already. */
function itemsOf({ job }: Assign, { files }: FetchResult, { facts }: ProbeResult): readonly RenderItem[] {
  const fileOf = (item: ResolvedItem, role: FetchedFile['role']): SourceFile | undefined => {
    const file = files.find((one) => one.item === item && one.role === role);
    const found = file === undefined ? undefined : facts.get(file.name);
    if (file === undefined || found === undefined) return undefined;
    return { fileName: file.name, sourcePath: file.uncPath, sha256: file.sha256, facts: found };
  };
  return job.items.flatMap((item) => {
    const source = fileOf(item, 'source');
    const logo = fileOf(item, 'logo');
    if (source === undefined || (item.logoPath !== undefined && logo === undefined)) return [];
    return [renderItemOf(item, source, logo)];
  });
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

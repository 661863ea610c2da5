import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type {
  Assign,
  FinishedOutcome,
  ItemAssigned,
  ItemEnded,
  ItemsReclaimed,
  JobRef,
  ReleasedItem,
  ReleaseItems,
} from '../../proto/index.ts';
import { fenceText, shadowReason } from '../../proto/index.ts';
import { noUsage } from '../core/endings.ts';
import type { AttemptReport } from '../core/inputs.ts';
import { keyOf } from '../core/journal-fold.ts';
import type { AttemptRun } from './attempt-run.ts';
import type { JobLog } from './job-log.ts';
import { createJobLog } from './job-log.ts';
import { endLeftovers } from './leftovers.ts';
import type { LogFolder } from './log-folder.ts';
import { isLogOpen, openLogFolder, UnsafeJobIdError } from './log-folder.ts';
import type { ReleasedItems } from './released-items.ts';
import { runAttempt } from './run-attempt.ts';
import type { AttemptServices } from './services.ts';

/** The attempts of this process: started, stopped, and their logs closed. */
export interface Attempts {
  /** Begins at once; what happens is reported. `gpuIndex`: where it renders, on a PC with several GPUs. */
  start(assign: Assign, gpuIndex?: number): void;
  /** The first reason counts; a second stop can only shorten the time to the end. */
  stop(ref: JobRef, stop: AttemptStop): void;
  /** The attempt goes on under another fence: nothing of it stops or moves, and its log is handed in under the new one. */
  adopt(from: JobRef, to: JobRef): void;
  /** Gives up items of an attempt's job (ReleasedItems.release); none of one that does not render here. */
  release(ask: ReleaseItems): Promise<readonly ReleasedItem[] | undefined>;
  /** Items that were given up and are with nobody are their attempts' again. */
  takeLooseBack(): void;
  /** What becomes of an item that was given up. */
  tellOwner(told: ItemAssigned | ItemEnded): void;
  /** The attempt is over: its log gets its last lines, and may be sent. `startedAs` names its folders. */
  cleanUp(assign: Assign, finished: FinishedOutcome, startedAs: JobRef): Promise<void>;
  /** Stops all, and waits until nothing of them runs. Idempotent. */
  stopAll(): Promise<void>;
}

export interface AttemptStop {
  /** `kill` ends the process tree at once, `graceful` after `graceMs` at the latest. */
  readonly mode: 'graceful' | 'kill';
  readonly graceMs: number;
  readonly reason: string;
}

/** Node's timers count no further than 2^31 ms; nobody means that long. */
const graceMaxMs = 3_600_000;

interface Running {
  /** What the attempt is called now. */
  ref: JobRef;
  /** While items of it may be given up. */
  items?: ReleasedItems | undefined;
  readonly abort: AbortController;
  readonly force: AbortController;
  readonly done: Promise<void>;
  readonly opened: Promise<OpenedLog | undefined>;
}

interface OpenedLog {
  readonly folder: LogFolder;
  readonly log: JobLog;
}

export function createAttempts(
  services: AttemptServices,
  report: (ref: JobRef, report: AttemptReport) => void,
  reclaimed: (ref: JobRef, reclaimed: Pick<ItemsReclaimed, 'positions' | 'why'>) => void = () => undefined,
): Attempts {
  const running = new Map<string, Running>();
  const ending = new AbortController();

  const open = async (assign: Assign, startedAs = assign.ref): Promise<OpenedLog> => {
    const folder = await openLogFolder(services.logsFolder, assign.ref, services.onTrouble, { startedAs });
    return { folder, log: createJobLog(assign, folder, services.wallMs) };
  };

  return {
    start(assign, gpuIndex) {
      const abort = new AbortController();
      const force = new AbortController();
      const signal = AbortSignal.any([abort.signal, ending.signal]);
      const opened = open(assign);
      const done = runOpened(opened, {
        ...{ assign, services, signal, force: force.signal },
        ...(gpuIndex === undefined ? {} : { gpuIndex }),
        scratch: services.scratch.open(assign),
        report: (words) => report(known.ref, words),
        owner: {
          opened: (items) => void (known.items = items),
          reclaimed: (words) => reclaimed(known.ref, words),
        },
      });
      const known: Running = {
        ...{ ref: assign.ref, abort, force, done },
        opened: opened.catch(() => undefined),
      };
      running.set(keyOf(assign.ref), known);
    },
    adopt(from, to) {
      const known = running.get(keyOf(from));
      if (known === undefined) return;
      running.delete(keyOf(from));
      running.set(keyOf(to), known);
      known.ref = to;
      known.items?.takeAllBack();
      void known.opened.then((opened) => {
        opened?.log.info(`Adopted: the attempt goes on under fence ${fenceText(to.fence)}`);
        opened?.folder.belongsTo(to);
      });
    },
    stop(ref, stop) {
      const known = running.get(keyOf(ref));
      if (known !== undefined) stopRunning(known, stop);
    },
    release: (ask) => running.get(keyOf(ask.ref))?.items?.release(ask) ?? Promise.resolve([]),
    takeLooseBack: () => [...running.values()].forEach(({ items }) => items?.takeLooseBack()),
    tellOwner: (told) => running.get(keyOf(told.item.ref))?.items?.told(told),
    async cleanUp(assign, finished, startedAs) {
      const known = running.get(keyOf(assign.ref));
      running.delete(keyOf(assign.ref));
      await known?.done;
      try {
        if (known === undefined && !(await isLogOpen(services.logsFolder, startedAs))) return;
        // Without a running attempt it is one of an earlier process: its log goes on where it stopped.
        await closeLog((await known?.opened) ?? (await open(assign, startedAs)), assign, finished);
      } catch (error) {
        services.onTrouble(`the log of ${keyOf(assign.ref)} could not be closed`, error);
      }
    },
    async stopAll() {
      ending.abort(new Error('the agent stops'));
      await Promise.all([...running.values()].map(({ done }) => done));
      for (const { opened } of running.values()) await (await opened)?.folder.flush();
    },
  };
}

function stopRunning({ abort, force, done }: Running, { mode, graceMs, reason }: AttemptStop): void {
  // By force first, so that nobody is asked politely in vain.
  if (mode === 'kill') force.abort();
  abort.abort(new Error(reason));
  if (mode === 'kill') return;
  const timer = setTimeout(() => force.abort(), Math.min(graceMs, graceMaxMs));
  void done.then(() => clearTimeout(timer));
}

function runOpened(opened: Promise<OpenedLog>, run: Omit<AttemptRun, keyof OpenedLog>): Promise<void> {
  return opened.then(
    ({ folder, log }) => runAttempt({ ...run, folder, log }),
    (error: unknown) => {
      run.scratch.close();
      run.report({ type: 'ended', finished: noLog(error) });
    },
  );
}

async function closeLog(
  { folder, log }: OpenedLog,
  assign: Assign,
  finished: FinishedOutcome,
): Promise<void> {
  const isShadow = finished.outcome === 'superseded' && finished.message === shadowReason;
  log.step('6', `Result: ${isShadow ? 'shadow' : finished.outcome}`);
  if (isShadow) log.shadowed();
  else if (finished.outcome === 'published') log.succeeded(finished.publishedPath ?? assign.output.finalName);
  else log.failed(finished);
  await folder.close();
}

/**
 * Empties `work/`: at the start of a process nothing in it belongs to anybody. What `kept` takes away (true) is not
 * removed.
 */
export async function emptyWorkFolder(
  workFolder: string,
  bookFolder: string,
  onTrouble: (message: string) => void,
  kept: (name: string) => Promise<boolean> = () => Promise.resolve(false),
): Promise<void> {
  const leftovers = await endLeftovers(workFolder, bookFolder);
  if (leftovers > 0) onTrouble(`ended ${leftovers} processes that an earlier agent had left running`);
  await mkdir(workFolder, { recursive: true });
  for (const name of await readdir(workFolder)) {
    if (ownName.test(name) && !(await kept(name)))
      await rm(join(workFolder, name), { recursive: true, force: true, maxRetries: 3 });
  }
}

/** As `attemptFolderName` makes them; anything else there is not ours to remove. */
const ownName = /^.+-\d+\.\d+$/u;

function noLog(error: unknown): FinishedOutcome {
  if (error instanceof UnsafeJobIdError) {
    const { code, message } = error;
    const problems = [{ code, message }];
    return {
      ...{ outcome: 'failed', failureClass: 'input', message, problems, stderrTail: [], usage: noUsage },
    };
  }
  const message = `the attempt's log could not be opened: ${error instanceof Error ? error.message : String(error)}`;
  return {
    outcome: 'failed',
    failureClass: 'environment',
    message,
    problems: [{ code: 'LOG_UNWRITABLE', message }],
    stderrTail: [],
    usage: noUsage,
  };
}

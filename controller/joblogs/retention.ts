import { join } from 'node:path';
import { dateInZone } from '../domain/log-date.ts';
import type { Farm } from '../engine/farm.ts';
import { type LogClock, pause } from './log-clock.ts';
import type { LogIndex } from './log-index.ts';
import { removeJobFolder } from './remove-folder.ts';
import { standingOf } from './standing.ts';
import { type FoundFolder, measured, type OnStrange, surveyLogs } from './survey.ts';
import type { Turns } from './turns.ts';

export interface LogRetentionOptions {
  readonly root: string;
  readonly index: LogIndex;
  readonly farm: Pick<Farm, 'logOf' | 'status'>;
  readonly clock: LogClock;
  /** Those of the uploads: what comes while a folder goes begins it anew, and is never the rest of what went. */
  readonly turns: Turns;
  /** Of the dates of the folders. */
  readonly timeZone: string;
  /** Days after its date that a job's log stays. */
  readonly keepDays: number;
  /** All logs together; beyond it the oldest go. */
  readonly keepBytes: number;
  readonly onStrange: OnStrange;
  readonly onTrouble: (message: string, error: unknown) => void;
  readonly onRemoved: (removed: { readonly folders: number; readonly bytes: number }) => void;
  /** @default 3,600,000 */
  readonly everyMs?: number;
}

const dayMs = 86_400_000;
/** The first look comes when the start is over. */
const firstAfterMs = 60_000;
/** So many folders at a time, with a pause between: the disk is there for uploads first. */
const sliceFolders = 20;
const slicePauseMs = 200;
/** One that was written to since then may be written to again. */
const restMs = 3_600_000;

/** Removes old logs now and then while this controller leads, oldest first; never of a job that has not ended. */
export function startLogRetention(options: LogRetentionOptions): { stop(): Promise<void> } {
  const { clock, onTrouble, everyMs = 3_600_000 } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const run = async (): Promise<void> => {
    for (let waitMs = firstAfterMs; !signal.aborted; waitMs = everyMs) {
      await pause(clock, waitMs, signal);
      try {
        await sweep(options, signal);
      } catch (error) {
        onTrouble('Old logs cannot be removed now', error);
      }
    }
  };
  const running = run();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

async function sweep(options: LogRetentionOptions, signal: AbortSignal): Promise<void> {
  const { root, farm, clock, keepDays, keepBytes, timeZone, onStrange, onTrouble, onRemoved } = options;
  const found: FoundFolder[] = [];
  for await (const folder of surveyLogs(root, onStrange)) {
    if (signal.aborted || !farm.status().serving) return;
    found.push(folder);
  }
  const firstKept = dateInZone(clock.nowMs() - keepDays * dayMs, timeZone);
  let bytes = found.reduce((sum, each) => sum + each.bytes, 0);
  const removed = { folders: 0, bytes: 0 };
  const stuck: { folders: number; first?: readonly [folder: string, error: unknown] } = { folders: 0 };
  for (const folder of found.sort(oldestFirst)) {
    if (folder.date >= firstKept && bytes <= keepBytes) break;
    // Another one leads by now, and looks after the logs.
    if (signal.aborted || !farm.status().serving) break;
    if (!isAtRest(clock, folder) || !(await isOver(farm, folder))) continue;
    try {
      if (!(await remove(options, folder))) continue;
    } catch (error) {
      stuck.folders += 1;
      stuck.first ??= [folder.folder, error];
      continue;
    }
    bytes -= folder.bytes;
    removed.bytes += folder.bytes;
    removed.folders += 1;
    if (removed.folders % sliceFolders === 0) await pause(clock, slicePauseMs, signal);
  }
  if (removed.folders > 0) onRemoved(removed);
  // Once a look: a disk that takes nothing refuses all of them.
  if (stuck.first !== undefined) {
    const [folder, error] = stuck.first;
    onTrouble(`${stuck.folders} old log folders cannot be removed, the first of them ${folder}`, error);
  }
}

function isAtRest(clock: LogClock, { changedMs }: Pick<FoundFolder, 'changedMs'>): boolean {
  return clock.nowMs() - changedMs >= restMs;
}

async function isOver(farm: Pick<Farm, 'logOf'>, { jobId }: FoundFolder): Promise<boolean> {
  return (await standingOf(farm, jobId, () => Promise.resolve(true)))?.hasEnded !== false;
}

/** False: it was written to since it was found. @throws what the system says */
function remove(
  { root, index, clock, turns, onStrange }: LogRetentionOptions,
  { folder, jobId }: FoundFolder,
): Promise<boolean> {
  return turns.take(folder, async () => {
    if (!isAtRest(clock, await measured(join(root, folder)))) return false;
    await removeJobFolder(root, folder, onStrange);
    await index.drop(jobId, folder);
    return true;
  });
}

function oldestFirst(a: FoundFolder, b: FoundFolder): number {
  return a.date === b.date ? a.changedMs - b.changedMs : a.date < b.date ? -1 : 1;
}

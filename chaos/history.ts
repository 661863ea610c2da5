import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { JournalRecord } from '../agent/core/journal-records.ts';
import { decodeLine } from '../agent/outbox/record-line.ts';
import { framesIn } from './encoded-frames.ts';
import { layoutOf } from './farm-layout.ts';
import type { SightingLine, ToldLine } from './history-lines.ts';
import { attemptInContent, historyFiles, jobOfResult } from './history-lines.ts';

/** A file under a final name, at the end. */
export interface ResultFile {
  readonly name: string;
  readonly jobId: string;
  readonly sizeBytes: number;
  readonly attempt: string | undefined;
}

/** All that agents wrote down and clients were told, in the order in which it was. */
export interface History {
  readonly told: readonly ToldLine[];
  /** By agent. What a rewritten journal repeats is in it again. */
  readonly journals: ReadonlyMap<string, readonly JournalRecord[]>;
  readonly sightings: readonly SightingLine[];
  readonly results: readonly ResultFile[];
  /** Names of results in folders that stood in for the output share for a while. */
  readonly strayed: readonly string[];
  /** Publications that an agent was asked to finish for another, by the agents' logs. */
  readonly finishRequests: number;
  /**
   * What was encoded, by attempt (its folder's name): time with the fake renderer, which counts it to the end, else
   * frames by the journals, where the segment that a killed renderer was at is missing.
   */
  readonly encoded: ReadonlyMap<string, number>;
  /** What encoding a job once takes, by job, in the same unit. */
  readonly needed: ReadonlyMap<string, number>;
}

const tickMs = 100;

/** Reads the folder that a run has left. */
export function readHistory(folder: string): History {
  const layout = layoutOf(folder);
  const journals = journalsIn(join(folder, historyFiles.journals));
  const ticks = new Map(
    namesIn(layout.ticks).map((name) => [name, statSync(join(layout.ticks, name)).size * tickMs]),
  );
  return {
    told: jsonLines(join(folder, historyFiles.told)) as readonly ToldLine[],
    journals,
    sightings: jsonLines(join(folder, historyFiles.share)) as readonly SightingLine[],
    results: resultsIn(layout.results),
    strayed: namesIn(layout.keep)
      .flatMap((name) => namesIn(join(layout.keep, name)))
      .filter((name) => jobOfResult(name) !== undefined),
    finishRequests: finishRequestsIn(layout.logs),
    ...(ticks.size > 0 ? { encoded: ticks, needed: neededIn(layout.clips) } : framesIn(journals)),
  };
}

/** Its lines are ours: their shape is known. */
function jsonLines(path: string): readonly unknown[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  // The last line may be torn, when the run itself was killed.
  return lines.filter((line) => line.endsWith('}')).map((line) => JSON.parse(line) as unknown);
}

function journalsIn(folder: string): ReadonlyMap<string, readonly JournalRecord[]> {
  return new Map(
    namesIn(folder).map((name) => {
      const lines = readFileSync(join(folder, name), 'utf8').split('\n');
      return [name.replace(/\.jsonl$/u, ''), lines.flatMap((line) => decodeLine(line) ?? [])];
    }),
  );
}

function resultsIn(folder: string): readonly ResultFile[] {
  return namesIn(folder).flatMap((name) => {
    const jobId = jobOfResult(name);
    if (jobId === undefined) return [];
    const content = readFileSync(join(folder, name));
    return [{ name, jobId, sizeBytes: content.length, attempt: attemptInContent(content) }];
  });
}

function finishRequestsIn(folder: string): number {
  return namesIn(folder)
    .filter((name) => name.startsWith('pc'))
    .map((name) => readFileSync(join(folder, name), 'utf8').split('"message":"finish-publish"').length - 1)
    .reduce((sum, count) => sum + count, 0);
}

/** Fake clips say in their first line how many steps they take. */
function neededIn(folder: string): ReadonlyMap<string, number> {
  const needed = new Map<string, number>();
  for (const name of namesIn(folder)) {
    const jobId = /^([0-9a-f-]{36})-\d+\.mp4$/u.exec(name)?.[1];
    const steps = /^chaos kind=clip frames=\d+ steps=(\d+)/u.exec(
      readFileSync(join(folder, name)).subarray(0, 200).toString('latin1'),
    )?.[1];
    if (jobId === undefined || steps === undefined) continue;
    needed.set(jobId, (needed.get(jobId) ?? 0) + Number(steps) * tickMs);
  }
  return needed;
}

function namesIn(folder: string): readonly string[] {
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true ? readdirSync(folder) : [];
}

import { join } from 'node:path';
import { FarmError } from '../domain/errors.ts';
import type { LogNews, LogQuery } from '../domain/log-files.ts';
import { logFolder } from '../domain/names.ts';
import type { LogStanding } from '../engine/farm.ts';
import type { Ear } from './growth.ts';
import { pause } from './log-clock.ts';
import type { LogReadsOptions } from './log-reads-options.ts';
import { type LogSource, logSource } from './log-source.ts';
import { lastAttempt, loadParts } from './parts.ts';
import { standingOf } from './standing.ts';
import { tailStart } from './tail.ts';
import { isMarkedWhole } from './whole-marks.ts';

/** A reader is given at most this at a time, and nothing is read ahead. */
const pieceBytes = 64 * 1024;

/** A file that is being read, and where. */
interface Cursor {
  readonly source: LogSource;
  /** 0: job.log of all attempts. */
  readonly attempt: number;
  offsetBytes: number;
}

type LogEnd = Extract<LogNews, { kind: 'end' }>;

/** Where a job's log is, and how it stands. */
interface Place {
  /** Under the root. */
  readonly folder: string;
  readonly standing: LogStanding | undefined;
}

/** @throws FarmError, and what the disk says */
export async function* followLog(
  options: LogReadsOptions,
  query: LogQuery,
  signal: AbortSignal,
): AsyncGenerator<LogNews, void, undefined> {
  const place = await waitForPlace(options, query, signal);
  if (place === undefined) return;
  using ear = options.growth.listen(place.folder);
  const opened = await waitForFile(options, query, place, ear, signal);
  if (opened === undefined) return;
  const { cursor, sizeBytes } = opened;
  yield { kind: 'begin', attempt: cursor.attempt, offsetBytes: cursor.offsetBytes, sizeBytes };
  if (!query.follow) {
    yield* upTo(cursor, sizeBytes, signal);
    yield await endOf(options, query, place, cursor);
    return;
  }
  yield* followed(options, query, place, cursor, ear, signal);
}

/** Bytes as they come, from one attempt's file to the next one's where no attempt is wanted. */
async function* followed(
  options: LogReadsOptions,
  query: LogQuery,
  place: Place,
  first: Cursor,
  ear: Ear,
  signal: AbortSignal,
): AsyncGenerator<LogNews, void, undefined> {
  const { clock, pollMs = 1_000, quietMs = 30_000 } = options;
  let cursor = first;
  // Of the last bytes, and no earlier than the job's end: the last lines are on their way then.
  let quietSinceMs = clock.nowMs();
  while (!signal.aborted) {
    // Asked before the size is: what came before the end is read before the end is told.
    const standing = await standingNow(options, query);
    if (standing?.hasEnded === false) quietSinceMs = clock.nowMs();
    const end = await endOf(options, query, { ...place, standing }, cursor);
    const sizeBytes = (await cursor.source.size()) ?? 0;
    if (sizeBytes > cursor.offsetBytes) {
      yield* upTo(cursor, sizeBytes, signal);
      quietSinceMs = clock.nowMs();
      continue;
    }
    const later = await nextAttempt(options, query, place, cursor, standing);
    if (later !== undefined) {
      cursor = later;
      yield { kind: 'begin', attempt: cursor.attempt, offsetBytes: 0, sizeBytes: 0 };
      continue;
    }
    // A job that has left the farm has no agent that sends.
    const isOver = standing === undefined || (standing.hasEnded && clock.nowMs() - quietSinceMs >= quietMs);
    if (isOver || end.isWhole) {
      yield end;
      return;
    }
    await ear.next(clock, pollMs, signal);
  }
}

async function* upTo(
  cursor: Cursor,
  endBytes: number,
  signal: AbortSignal,
): AsyncGenerator<LogNews, void, undefined> {
  while (cursor.offsetBytes < endBytes && !signal.aborted) {
    const data = await cursor.source.read(
      cursor.offsetBytes,
      Math.min(pieceBytes, endBytes - cursor.offsetBytes),
    );
    // It was there a moment ago: retention, or a person, has removed it.
    if (data.length === 0) throw new FarmError('LOG_NOT_FOUND', 'The log was removed while it was read');
    yield { kind: 'data', attempt: cursor.attempt, offsetBytes: cursor.offsetBytes, data };
    cursor.offsetBytes += data.length;
  }
}

function standingNow(
  { farm, index }: LogReadsOptions,
  { jobId }: LogQuery,
): Promise<LogStanding | undefined> {
  return standingOf(farm, jobId, async () => (await index.find(jobId)) !== undefined);
}

/** undefined: the reader has left. @throws FarmError JOB_NOT_FOUND, LOG_NOT_FOUND */
async function waitForPlace(
  options: LogReadsOptions,
  query: LogQuery,
  signal: AbortSignal,
): Promise<Place | undefined> {
  const { index, clock, pollMs = 1_000 } = options;
  const { jobId, follow } = query;
  while (!signal.aborted) {
    const standing = await standingNow(options, query);
    const folder = standing?.place === undefined ? await index.find(jobId) : logFolder(standing.place);
    if (folder !== undefined) return { folder, standing };
    if (standing === undefined) {
      const resource = { type: 'job', name: jobId };
      throw new FarmError('JOB_NOT_FOUND', `Job not found: ${jobId}, and no log of it is here`, { resource });
    }
    if (!follow || standing.hasEnded) throw notHere(jobId, 'it has not started');
    await pause(clock, pollMs, signal);
  }
  return undefined;
}

interface Opened {
  readonly cursor: Cursor;
  readonly sizeBytes: number;
}

/** undefined: the reader has left. @throws FarmError LOG_NOT_FOUND, LOG_OFFSET */
async function waitForFile(
  options: LogReadsOptions,
  query: LogQuery,
  place: Place,
  ear: Ear,
  signal: AbortSignal,
): Promise<Opened | undefined> {
  const { clock, pollMs = 1_000 } = options;
  let { standing } = place;
  while (!signal.aborted) {
    const opened = await openCursor(options, query, place, standing);
    if (opened !== undefined) return opened;
    if (!query.follow || standing?.hasEnded !== false) {
      throw notHere(query.jobId, `this controller has no ${query.file} of it`);
    }
    await ear.next(clock, pollMs, signal);
    standing = await standingNow(options, query);
  }
  return undefined;
}

async function openCursor(
  { root }: LogReadsOptions,
  query: LogQuery,
  { folder }: Place,
  standing: LogStanding | undefined,
): Promise<Opened | undefined> {
  const path = join(root, folder);
  for (const attempt of attemptsToTry(query, standing)) {
    const source = logSource(path, query.file, attempt);
    const sizeBytes = await source.size();
    if (sizeBytes === undefined) continue;
    const offsetBytes =
      query.tailLines === undefined ? query.offsetBytes : await tailStart(source, sizeBytes, query.tailLines);
    if (offsetBytes > sizeBytes) {
      const message = `${query.file} of job ${query.jobId} has ${sizeBytes} bytes here, not the ${offsetBytes} to begin behind`;
      throw new FarmError('LOG_OFFSET', message);
    }
    return { cursor: { source, attempt, offsetBytes }, sizeBytes };
  }
  return undefined;
}

/** Attempts of a job are few: at most those that `retries` allows, and those that a person asked for. */
const attemptsMax = 1_000;

/** Whose file it can be, the most wanted first. */
function attemptsToTry(query: LogQuery, standing: LogStanding | undefined): readonly number[] {
  if (query.attempt !== undefined) return [query.attempt];
  if (query.file === 'job.log') return [0];
  if (query.offsetAttempt !== undefined) return [query.offsetAttempt];
  // Of a job that has left the farm nobody knows how many there were; gaps are those that never wrote.
  const newest = Math.min(attemptsMax, standing?.attemptNumber ?? 50);
  return Array.from({ length: Math.max(1, newest) }, (_, index) => Math.max(1, newest) - index);
}

/** The file of a later attempt, where there is one and no attempt is wanted. */
async function nextAttempt(
  { root }: LogReadsOptions,
  query: LogQuery,
  { folder }: Place,
  cursor: Cursor,
  standing: LogStanding | undefined,
): Promise<Cursor | undefined> {
  if (query.attempt !== undefined || query.file === 'job.log' || standing === undefined) return undefined;
  for (let attempt = cursor.attempt + 1; attempt <= standing.attemptNumber; attempt += 1) {
    const source = logSource(join(root, folder), query.file, attempt);
    if ((await source.size()) !== undefined) return { source, attempt, offsetBytes: 0 };
  }
  return undefined;
}

async function endOf(
  { root }: LogReadsOptions,
  query: LogQuery,
  { folder, standing }: Place,
  { attempt, offsetBytes }: Cursor,
): Promise<LogEnd> {
  const path = join(root, folder);
  const newest = query.attempt ?? standing?.attemptNumber ?? (attempt || lastAttempt(await loadParts(path)));
  const isLast = attempt === 0 || attempt >= newest;
  const hasEnded = standing?.hasEnded !== false;
  const isWhole = hasEnded && isLast && (await isMarkedWhole(path, newest, query.file));
  return { kind: 'end', attempt, offsetBytes, isWhole };
}

function notHere(jobId: string, why: string): FarmError {
  const resource = { type: 'job', name: jobId };
  return new FarmError('LOG_NOT_FOUND', `No log of job ${jobId} is here: ${why}`, { resource });
}

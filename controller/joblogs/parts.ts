import { appendFile, readFile, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { orAbsent } from './log-paths.ts';
import { writeWhole } from './small-file.ts';

/**
 * All attempts of a job write into one job.log, each under its header, in the order in which their lines arrive: an
 * attempt that was lost may send its last lines after the next one has begun. This index beside it says whose bytes
 * are where. A job with one attempt has none.
 */
export const partsIndexName = '.job.log.parts.json';

/** Attempts that write at the same time cut each other into pieces; the index is written anew with each. */
const partsMax = 1_000;

/** This attempt's lines stay where they are: on its PC. */
export class TooManyPartsError extends Error {
  constructor(attempt: number) {
    super(`job.log is in ${partsMax} pieces already: attempt ${attempt} cannot add another`);
  }
}

/** A stretch of job.log; it ends where the next one's header begins, or with the file. */
interface Part {
  readonly attempt: number;
  readonly headerStart: number;
  /** Where the attempt's own bytes begin. */
  readonly start: number;
}

interface Parts {
  readonly parts: readonly Part[];
  readonly fileBytes: number;
}

/** What job.log in this folder is made of. */
export async function loadParts(folder: string): Promise<Parts> {
  const fileBytes = (await orAbsent(stat(join(folder, 'job.log'))))?.size ?? 0;
  const index = await orAbsent(readFile(join(folder, partsIndexName), 'utf8'));
  const parts = index === undefined ? [{ attempt: 1, headerStart: 0, start: 0 }] : parseIndex(index);
  return { parts, fileBytes };
}

/** Where in job.log this attempt's bytes are, in order: `from` is the first byte, `to` the one behind the last. */
export function attemptRanges(
  { parts, fileBytes }: Parts,
  attempt: number,
): readonly { readonly from: number; readonly to: number }[] {
  return parts
    .map((part, index) => ({ ...part, to: parts[index + 1]?.headerStart ?? fileBytes }))
    .filter((part) => part.attempt === attempt && part.to > part.start)
    .map(({ start, to }) => ({ from: start, to }));
}

/** How many bytes of job.log are this attempt's. */
export function attemptBytes(parts: Parts, attempt: number): number {
  return attemptRanges(parts, attempt).reduce((sum, { from, to }) => sum + to - from, 0);
}

/** The newest attempt that has written. */
export function lastAttempt({ parts }: Parts): number {
  return Math.max(0, ...parts.map(({ attempt }) => attempt));
}

/** Makes the end of job.log belong to this attempt: writes its header where another one wrote last. */
export async function beginPart(folder: string, attempt: number): Promise<void> {
  const { parts, fileBytes } = await loadParts(folder);
  const last = parts.at(-1);
  if (last?.attempt === attempt && fileBytes >= last.start) return;
  if (parts.length >= partsMax) throw new TooManyPartsError(attempt);
  const path = join(folder, 'job.log');
  // The index is written before the header: a header that is not whole was cut off by a crash and is written again.
  const whole = last === undefined || fileBytes >= last.start;
  const kept = whole ? parts : parts.slice(0, -1);
  const headerStart = whole ? fileBytes : last.headerStart;
  if (!whole) await truncate(path, Math.min(headerStart, fileBytes));
  const again = kept.some((part) => part.attempt === attempt);
  const header = `${headerStart === 0 ? '' : '\n'}=== Attempt ${attempt}${again ? ' (continued)' : ''} ===\n`;
  const part = { attempt, headerStart, start: headerStart + Buffer.byteLength(header) };
  const index = { version: 1, parts: headerStart === 0 ? [part] : [...kept, part] };
  await writeWhole(join(folder, partsIndexName), index);
  await appendFile(path, header);
}

function parseIndex(text: string): Part[] {
  const index: unknown = JSON.parse(text);
  if (!isIndex(index)) throw new Error(`${partsIndexName} is not an index of this version`);
  return [...index.parts];
}

function isIndex(value: unknown): value is { readonly parts: readonly Part[] } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'version' in value &&
    value.version === 1 &&
    'parts' in value &&
    Array.isArray(value.parts)
  );
}

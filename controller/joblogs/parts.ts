import { appendFile, readFile, rename, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * All attempts of a job write into one job.log, each under its header, in the order in which their lines arrive: an
 * attempt that was lost may send its last lines after the next one has begun. This index beside it says whose bytes
 * are where. A job with one attempt has none.
 */
const indexName = '.job.log.parts.json';

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
  const index = await orAbsent(readFile(join(folder, indexName), 'utf8'));
  const parts = index === undefined ? [{ attempt: 1, headerStart: 0, start: 0 }] : parseIndex(index);
  return { parts, fileBytes };
}

/** How many bytes of job.log are this attempt's. */
export function attemptBytes({ parts, fileBytes }: Parts, attempt: number): number {
  const lengths = parts.map((part, index) => {
    const end = parts[index + 1]?.headerStart ?? fileBytes;
    return part.attempt === attempt ? Math.max(0, end - part.start) : 0;
  });
  return lengths.reduce((sum, length) => sum + length, 0);
}

/** Makes the end of job.log belong to this attempt: writes its header where another one wrote last. */
export async function beginPart(folder: string, attempt: number): Promise<void> {
  const { parts, fileBytes } = await loadParts(folder);
  const last = parts.at(-1);
  if (last?.attempt === attempt && fileBytes >= last.start) return;
  const path = join(folder, 'job.log');
  // The index is written before the header: a header that is not whole was cut off by a crash and is written again.
  const whole = last === undefined || fileBytes >= last.start;
  const kept = whole ? parts : parts.slice(0, -1);
  const headerStart = whole ? fileBytes : last.headerStart;
  if (!whole) await truncate(path, Math.min(headerStart, fileBytes));
  const again = kept.some((part) => part.attempt === attempt);
  const header = `${headerStart === 0 ? '' : '\n'}=== Attempt ${attempt}${again ? ' (continued)' : ''} ===\n`;
  const part = { attempt, headerStart, start: headerStart + Buffer.byteLength(header) };
  await writeIndex(folder, headerStart === 0 ? [part] : [...kept, part]);
  await appendFile(path, header);
}

async function writeIndex(folder: string, parts: readonly Part[]): Promise<void> {
  const path = join(folder, indexName);
  await writeFile(`${path}.new`, JSON.stringify({ version: 1, parts }), { flush: true });
  await rename(`${path}.new`, path);
}

function parseIndex(text: string): Part[] {
  const index: unknown = JSON.parse(text);
  if (!isIndex(index)) throw new Error(`${indexName} is not an index of this version`);
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

async function orAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

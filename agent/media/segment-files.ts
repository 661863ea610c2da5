/**
 * How finished segments lie in a folder; the tier on this PC, the one on a share and the verbs use the same shape:
 *
 *     <root>/<kk>/<key>.<class>.json            the record, renamed into place last; its time of change is its last use
 *     <root>/<kk>/<key>.<class>-<hash>.media    the bytes, named by their own hash
 *     <root>/incoming/<owner>~<unique>.part     half written
 *
 * `kk` are the first two letters of the key. Guarantee: writers at the same time do no harm, on any number of PCs: media of
 * different bytes have different names, and the record names one of them, whole. What no record names is garbage.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isLinkedElsewhere } from './file-links.ts';

/** What is known of a finished segment, or of a whole job's sound. */
export interface SegmentRecord {
  /** The content key: SHA-256, in hex. */
  readonly key: string;
  readonly joinClass: string;
  readonly sizeBytes: number;
  /** Of the media, in hex. */
  readonly sha256: string;
  readonly frames: number;
  readonly samples: number;
  /** The agent that rendered it, and for which job. */
  readonly madeBy: string;
  readonly jobId: string;
  /** UNC path of the item's source, and its id in the catalogue, as the first job named them. */
  readonly source?: string;
  readonly videoId?: string;
}

export const incomingName = 'incoming';

/** Entries of one key that are looked at; more classes than this no farm has. */
const classesMax = 32;
const recordBytesMax = 64 * 1024;
const keyShape = /^[0-9a-f]{64}$/u;
const classShape = /^[0-9a-z]{1,64}$/u;
const recordShape = /^(?<key>[0-9a-f]{64})\.(?<joinClass>[0-9a-z]{1,64})\.json$/u;
const mediaShape = /^(?<key>[0-9a-f]{64})\.(?<joinClass>[0-9a-z]{1,64})-[0-9a-f]{16}\.media$/u;

export function segmentFolderOf(root: string, key: string): string {
  if (!keyShape.test(key)) throw new Error(`${JSON.stringify(key.slice(0, 100))} is no key of a segment`);
  return path.join(root, key.slice(0, 2));
}

export function recordPath(
  root: string,
  { key, joinClass }: Pick<SegmentRecord, 'key' | 'joinClass'>,
): string {
  if (!classShape.test(joinClass))
    throw new Error(`${JSON.stringify(joinClass.slice(0, 100))} is no join class`);
  return path.join(segmentFolderOf(root, key), `${key}.${joinClass}.json`);
}

export function mediaPath(
  root: string,
  { key, joinClass, sha256 }: Pick<SegmentRecord, 'key' | 'joinClass' | 'sha256'>,
): string {
  return recordPath(root, { key, joinClass }).replace(/\.json$/u, `-${sha256.slice(0, 16)}.media`);
}

/** The records of a key: all classes, or the one that is asked for. Rejects when the folder does not answer. */
export async function findRecords(
  root: string,
  key: string,
  joinClass?: string,
): Promise<readonly SegmentRecord[]> {
  const folder = segmentFolderOf(root, key);
  const names =
    joinClass === undefined
      ? (await readdir(folder).catch(unlessMissing([]))).filter((name) => name.startsWith(`${key}.`))
      : [path.basename(recordPath(root, { key, joinClass }))];
  const records: SegmentRecord[] = [];
  for (const name of names.filter((one) => recordShape.test(one)).slice(0, classesMax)) {
    const record = await readRecord(path.join(folder, name));
    if (record !== undefined) records.push(record);
  }
  return records;
}

/** The record of that file, when its name and its content say the same. */
export async function readRecord(file: string): Promise<SegmentRecord | undefined> {
  const named = recordShape.exec(path.basename(file))?.groups;
  const text = await readFile(file, 'utf8').catch(unlessMissing(''));
  if (text === '' || text.length > recordBytesMax) return undefined;
  const record = parseRecord(text);
  const isWhole = record?.key === named?.['key'] && record?.joinClass === named?.['joinClass'];
  return isWhole ? record : undefined;
}

function parseRecord(text: string): SegmentRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = value as Partial<Record<string, unknown>>;
  const isGood =
    typeof fields['key'] === 'string' &&
    typeof fields['joinClass'] === 'string' &&
    typeof fields['sha256'] === 'string' &&
    keyShape.test(fields['sha256']) &&
    [fields['sizeBytes'], fields['frames'], fields['samples']].every(isCount) &&
    typeof fields['madeBy'] === 'string' &&
    typeof fields['jobId'] === 'string' &&
    isTextOrNone(fields['source']) &&
    isTextOrNone(fields['videoId']);
  return isGood ? (value as SegmentRecord) : undefined;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isTextOrNone(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}

/**
 * Puts a finished file of `incoming` in its place, then its record: from then on it is there. `part` is the file's name
 * there; the record is written beside it first. Rejects with the file system's error; then neither of them is left.
 */
export async function placeSegment(root: string, part: string, record: SegmentRecord): Promise<void> {
  const from = path.join(root, incomingName, part);
  const recordPart = `${from.replace(/\.part$/u, '')}.json.part`;
  try {
    await mkdir(segmentFolderOf(root, record.key), { recursive: true });
    await placeMedia(from, mediaPath(root, record), record.sizeBytes);
    await writeFile(recordPart, JSON.stringify(record), { flush: true });
    await rename(recordPart, recordPath(root, record));
  } catch (error) {
    await rm(from, { force: true });
    await rm(recordPart, { force: true });
    throw error;
  }
}

/** Windows refuses to replace a file that somebody reads: it has these very bytes, or they would be named otherwise. */
async function placeMedia(from: string, to: string, sizeBytes: number): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    const isThere = (await stat(to).catch(() => undefined))?.size === sizeBytes;
    if (!isThere) throw error;
    await rm(from, { force: true });
  }
}

/** Removes the record first: without it there is no segment. */
export async function dropSegment(
  root: string,
  entry: Pick<SegmentRecord, 'key' | 'joinClass'>,
): Promise<void> {
  await rm(recordPath(root, entry), { force: true });
  for (const file of await mediaOf(root, entry)) await rm(file, { force: true });
}

/** Dropping the segment would free nothing: its bytes have another name, in a work folder. */
export async function isSegmentLinked(
  root: string,
  entry: Pick<SegmentRecord, 'key' | 'joinClass'>,
): Promise<boolean> {
  const files = await mediaOf(root, entry);
  return (await Promise.all(files.map(isLinkedElsewhere))).includes(true);
}

async function mediaOf(
  root: string,
  entry: Pick<SegmentRecord, 'key' | 'joinClass'>,
): Promise<readonly string[]> {
  const file = recordPath(root, entry);
  const prefix = path.basename(file).replace(/\.json$/u, '-');
  const names = await readdir(path.dirname(file)).catch(unlessMissing([]));
  return names.filter((one) => one.startsWith(prefix)).map((one) => path.join(path.dirname(file), one));
}

/** A segment as a look at the names and sizes shows it; its record was not read. */
export interface FoundSegment {
  readonly key: string;
  readonly joinClass: string;
  readonly sizeBytes: number;
  readonly usedAtMs: number;
  /** False: the record is there without its media, or the media without a record. */
  readonly isWhole: boolean;
}

/** Every segment below the folder, two letters at a time: `onFolder` is a sign of life, and may stop it by throwing. */
export async function scanSegments(
  root: string,
  onFolder: () => void = () => undefined,
): Promise<FoundSegment[]> {
  const found: FoundSegment[] = [];
  const folders = (await readdir(root).catch(unlessMissing([]))).filter((name) =>
    /^[0-9a-f]{2}$/u.test(name),
  );
  for (const name of folders.toSorted()) {
    found.push(...(await scanFolder(path.join(root, name), onFolder)));
    onFolder();
  }
  return found;
}

/** 10,000 answers at once held the event loop up for 0.2 to 0.5 s, again and again; so many at a time for 0.015 s. */
const statsAtATime = 16;

async function scanFolder(folder: string, onStats: () => void): Promise<readonly FoundSegment[]> {
  const names = await readdir(folder).catch(unlessMissing([]));
  const entries = new Map<string, { sizeBytes: number; usedAtMs: number; parts: Set<string> }>();
  for (let from = 0; from < names.length; from += statsAtATime) {
    const some = names.slice(from, from + statsAtATime);
    const facts = await Promise.all(some.map((name) => stat(path.join(folder, name)).catch(() => undefined)));
    for (const [index, name] of some.entries()) {
      const shape = (recordShape.exec(name) ?? mediaShape.exec(name))?.groups;
      const fact = facts[index];
      if (shape === undefined || fact === undefined) continue;
      const id = `${shape['key'] ?? ''}.${shape['joinClass'] ?? ''}`;
      const entry = entries.get(id) ?? { sizeBytes: 0, usedAtMs: 0, parts: new Set<string>() };
      entries.set(id, entry);
      const isRecord = name.endsWith('.json');
      if (isRecord || !entry.parts.has('record')) entry.usedAtMs = fact.mtimeMs;
      entry.parts.add(isRecord ? 'record' : 'media');
      entry.sizeBytes += fact.size;
    }
    onStats();
  }
  return [...entries].map(([id, { parts, ...entry }]) => {
    const [key = '', joinClass = ''] = id.split('.');
    return { key, joinClass, ...entry, isWhole: parts.size === 2 };
  });
}

/** SHA-256 and size of a file, in parts that hold the event loop up for a millisecond each. */
export async function hashFile(
  file: string,
): Promise<{ readonly sha256: string; readonly sizeBytes: number }> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const part of createReadStream(file, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
    hash.update(part);
    sizeBytes += part.length;
  }
  return { sha256: hash.digest('hex'), sizeBytes };
}

/** A link where both lie on one file system, else a copy. */
export async function linkOrCopy(from: string, to: string): Promise<void> {
  await rm(to, { force: true });
  await link(from, to).catch(() => copyFile(from, to));
}

/** For what may have gone since: `instead` when it has, every other error passes. */
export function unlessMissing<T>(instead: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return instead;
    throw error;
  };
}

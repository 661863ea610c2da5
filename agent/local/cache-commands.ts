/**
 * `renderfarm-agent cache`: what is in the segment cache of this PC, or in the shared one. It works on the folders
 * themselves, whether an agent runs or not: a running one finds a segment gone and renders it again.
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { AgentConfig } from '../config.ts';
import {
  dropSegment,
  findRecords,
  hashFile,
  mediaPath,
  readRecord,
  recordPath,
  type SegmentRecord,
  scanSegments,
} from '../media/segment-files.ts';
import type { Mounts } from '../media/unc.ts';
import { framesPerSecond } from '../render/render-plan.ts';
import { purgedName } from '../render/segment-cache-local.ts';
import { segmentFolder, segmentStatisticsFile, sharedSegmentFolder } from '../segment-rooms.ts';

/** Which segments are meant: all that is given must hold. */
export interface SegmentFilter {
  /** UNC path of the item, or the beginning of it; without regard to case and kind of slash. */
  readonly source?: string;
  readonly videoId?: string;
  /** The agent that rendered it. */
  readonly host?: string;
  /** Beginning of the key. */
  readonly key?: string;
  /** Needed to mean all of them. */
  readonly all?: boolean;
}

export interface CacheCommandOptions extends SegmentFilter {
  readonly config: AgentConfig;
  /** The shared tier instead of this PC's. */
  readonly shared?: boolean;
  readonly print: (line: string) => void;
}

export const cacheVerbs = ['list', 'stats', 'verify', 'purge'] as const;
export type CacheVerb = (typeof cacheVerbs)[number];

/** Returns the exit code: 0; 1 when something is broken; 2 when it is not said what is meant. */
export async function cacheCommand(verb: CacheVerb, options: CacheCommandOptions): Promise<number> {
  const { config, print, shared = false } = options;
  const root = shared ? sharedSegmentFolder(config, mountsOf(config)) : segmentFolder(config);
  if (root === undefined) {
    print('this agent has no shared segment cache (segmentCache.shared)');
    return 2;
  }
  switch (verb) {
    case 'stats':
      return await stats(root, options);
    case 'list':
      return await list(root, options);
    case 'verify':
      return await verify(root, options);
    case 'purge':
      return await purge(root, options);
  }
}

/** The segments of a folder that the filter means. Reads each record. */
export async function matchingSegments(
  root: string,
  filter: SegmentFilter,
): Promise<readonly SegmentRecord[]> {
  const records: SegmentRecord[] = [];
  for (const found of await scanSegments(root)) {
    const record = found.isWhole ? await readRecord(recordPath(root, found)) : undefined;
    if (record !== undefined && isMeant(record, filter)) records.push(record);
  }
  return records;
}

/** Pure. */
export function isMeant(record: SegmentRecord, { source, videoId, host, key }: SegmentFilter): boolean {
  const plain = (text: string): string => text.replaceAll('/', '\\').toLowerCase();
  return (
    (source === undefined || plain(record.source ?? '').startsWith(plain(source))) &&
    (videoId === undefined || record.videoId === videoId) &&
    (host === undefined || record.madeBy === host) &&
    (key === undefined || record.key.startsWith(key))
  );
}

async function list(root: string, options: CacheCommandOptions): Promise<number> {
  const records = await matchingSegments(root, options);
  for (const { key, joinClass, sizeBytes, frames, madeBy, source, videoId } of records) {
    const seconds = (frames / framesPerSecond).toFixed(1);
    const what = source === undefined ? 'sound of a job' : shown(source);
    const of = videoId === undefined ? '' : ` (${shown(videoId)})`;
    options.print(
      `${key.slice(0, 16)} ${joinClass.slice(0, 8)} ${megabytes(sizeBytes)} ${seconds} s by ${shown(madeBy)}: ${what}${of}`,
    );
  }
  options.print(total(records));
  return 0;
}

async function stats(root: string, { config, print, shared = false }: CacheCommandOptions): Promise<number> {
  const found = (await scanSegments(root)).filter(({ isWhole }) => isWhole);
  const bytes = found.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const max = shared ? config.segmentCache.sharedBytesMax : config.cache.segmentBytesMax;
  print(`${root}: ${found.length} segments, ${megabytes(bytes)} of at most ${megabytes(max)}`);
  const text = await readFile(segmentStatisticsFile(config), 'utf8').catch(() => undefined);
  if (text === undefined) return 0;
  // Written whole by the agent of this folder.
  const told = JSON.parse(text) as Partial<Record<string, Record<string, number>>> & { sinceMs: number };
  const counts = told[shared ? 'shared' : 'local'] ?? {};
  const words = ['hits', 'misses', 'kept', 'evicted', 'corrupt', 'failed'].map(
    (name) => `${name} ${counts[name] ?? 0}`,
  );
  print(`since the agent started (${new Date(told.sinceMs).toISOString()}): ${words.join(', ')}`);
  return 0;
}

async function verify(root: string, options: CacheCommandOptions): Promise<number> {
  const records = await matchingSegments(root, options);
  const broken: SegmentRecord[] = [];
  for (const record of records) {
    const made = await hashFile(mediaPath(root, record)).catch(() => undefined);
    if (made?.sha256 === record.sha256) continue;
    // An agent may have replaced it since its record was read.
    const [now] = await findRecords(root, record.key, record.joinClass);
    if (now?.sha256 !== record.sha256) continue;
    await dropSegment(root, record);
    broken.push(record);
    options.print(`${record.key.slice(0, 16)} ${record.joinClass.slice(0, 8)} was broken, and is removed`);
  }
  if (broken.length > 0) await tellAgent(root);
  options.print(`${total(records)} looked at, ${broken.length} broken`);
  return broken.length > 0 ? 1 : 0;
}

async function purge(root: string, options: CacheCommandOptions): Promise<number> {
  const { source, videoId, host, key, all = false, print } = options;
  if (!all && [source, videoId, host, key].every((one) => one === undefined)) {
    print('say which: --source, --video-id, --host, --key, or --all');
    return 2;
  }
  const records = await matchingSegments(root, options);
  for (const record of records) await dropSegment(root, record);
  await tellAgent(root);
  print(`${total(records)} removed`);
  return 0;
}

/** A running agent counts anew what is there. */
async function tellAgent(root: string): Promise<void> {
  await writeFile(path.join(root, purgedName), '').catch(() => undefined);
}

function total(records: readonly SegmentRecord[]): string {
  return `${records.length} segments, ${megabytes(records.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

/** What other PCs wrote must not reach a terminal as it is. */
function shown(text: string): string {
  return text.replace(/\p{C}/gu, '?').slice(0, 1_000);
}

function mountsOf({ mounts }: AgentConfig): Mounts {
  return Object.fromEntries(
    Object.entries(mounts).map(([name, { roots, localPath }]) => [
      name,
      { roots, ...(localPath === undefined ? {} : { localPath }) },
    ]),
  );
}

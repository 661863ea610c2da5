/**
 * The operations of the segment tier on a share, as the share child does them. Its root is never made: a mount point
 * without its mount would fill this PC's disk.
 */
import { randomUUID } from 'node:crypto';
import { lstat, mkdir, open, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { FoundSegment } from './segment-files.ts';
import {
  dropSegment,
  findRecords,
  incomingName,
  placeSegment,
  recordPath,
  scanSegments,
  unlessMissing,
} from './segment-files.ts';
import type {
  CleanSegmentsRequest,
  Done,
  FindSegmentRequest,
  PrepareSegmentsRequest,
  SegmentShareOp,
  SegmentShareRequest,
  SegmentShareResults,
  SegmentsCleaned,
  SegmentsFound,
  SegmentsPrepared,
} from './segment-share-protocol.ts';
import { readIdentity, writeIdentity } from './share-identity.ts';

const done: Done = {};
const idName = 'cache-id';
const lockName = 'cleaning.lock';
/** Cleaned down to this share of what is allowed, so that the next segment does not call for the next cleaning. */
const cleanedShare = 0.9;

/** `onLife` says that it goes on: cleaning a large folder takes minutes. */
export async function operateSegments(
  request: SegmentShareRequest,
  onLife: () => void,
): Promise<SegmentShareResults[SegmentShareOp]> {
  // Its own ENOENT: the root's, and not that of a segment.
  if (!(await stat(request.root)).isDirectory()) throw new Error(`${request.root} is no folder`);
  switch (request.op) {
    case 'prepare-segments':
      return prepare(request);
    case 'find-segment':
      return find(request);
    case 'place-segment':
      await placeSegment(request.root, request.part, request.record);
      return done;
    case 'drop-segment':
      await dropSegment(request.root, request);
      return done;
    case 'clean-segments':
      return clean(request, onLife);
  }
}

async function prepare({ root, owner }: PrepareSegmentsRequest): Promise<SegmentsPrepared> {
  const folder = path.join(root, incomingName);
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) {
    if (name.startsWith(`${owner}~`)) await rm(path.join(folder, name), { force: true });
  }
  const file = path.join(root, idName);
  await writeIdentity(file, randomUUID());
  const { identity } = await readIdentity({ op: 'read-identity', path: file });
  if (identity === undefined) throw new Error(`${file} says nothing`);
  return { id: identity };
}

async function find({ root, key, joinClass, isUse }: FindSegmentRequest): Promise<SegmentsFound> {
  const records = await findRecords(root, key, joinClass);
  const now = new Date();
  // Best effort: on a share that may only be read there are hits all the same.
  if (isUse) for (const one of records) await utimes(recordPath(root, one), now, now).catch(() => undefined);
  return { records };
}

async function clean(request: CleanSegmentsRequest, onLife: () => void): Promise<SegmentsCleaned> {
  const { root, owner, bytesMax, idleMs, abandonedMs } = request;
  const nowMs = await shareNowMs(root, owner);
  const lock = path.join(root, lockName);
  if (!(await takeLock(lock, request, nowMs))) return { isOther: true, entries: 0, bytes: 0, evicted: 0 };
  try {
    const found = await scanSegments(root, onLife);
    const abandoned = found.filter(({ isWhole, usedAtMs }) => !isWhole && nowMs - usedAtMs > abandonedMs);
    for (const entry of abandoned) await dropSegment(root, entry);
    await removeOldParts(path.join(root, incomingName), nowMs - abandonedMs);
    const whole = found.filter(({ isWhole }) => isWhole);
    const gone = await evict(root, whole, { bytesMax, usedBeforeMs: nowMs - idleMs, onLife });
    const bytes = sum(whole) - sum(gone);
    return { isOther: false, entries: whole.length - gone.length, bytes, evicted: gone.length };
  } finally {
    await rm(lock, { force: true });
  }
}

/** The clock of the share: those of PCs differ. */
async function shareNowMs(root: string, owner: string): Promise<number> {
  const file = path.join(root, incomingName, `${owner}~clock.part`);
  await writeFile(file, '');
  const { mtimeMs } = await stat(file);
  await rm(file, { force: true });
  return mtimeMs;
}

/** A lock of somebody who died is moved away first: only one can do that. */
async function takeLock(
  lock: string,
  { root, owner, abandonedMs }: CleanSegmentsRequest,
  nowMs: number,
): Promise<boolean> {
  if (await makeLock(lock, owner)) return true;
  const facts = await stat(lock).catch(unlessMissing(undefined));
  if (facts !== undefined && nowMs - facts.mtimeMs < abandonedMs) return false;
  const away = path.join(root, incomingName, `${owner}~lock.part`);
  await rename(lock, away).catch(unlessMissing(undefined));
  await rm(away, { force: true });
  return makeLock(lock, owner);
}

async function makeLock(lock: string, owner: string): Promise<boolean> {
  try {
    const file = await open(lock, 'wx');
    await file.writeFile(`${owner}\n`);
    await file.close();
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function removeOldParts(folder: string, beforeMs: number): Promise<void> {
  for (const name of await readdir(folder).catch(unlessMissing([]))) {
    const file = path.join(folder, name);
    const facts = await lstat(file).catch(unlessMissing(undefined));
    if (facts !== undefined && facts.mtimeMs < beforeMs) await rm(file, { force: true });
  }
}

async function evict(
  root: string,
  whole: readonly FoundSegment[],
  limits: { readonly bytesMax: number; readonly usedBeforeMs: number; readonly onLife: () => void },
): Promise<readonly FoundSegment[]> {
  const gone: FoundSegment[] = [];
  let bytes = sum(whole);
  if (bytes <= limits.bytesMax) return gone;
  for (const entry of whole.toSorted((a, b) => a.usedAtMs - b.usedAtMs)) {
    if (bytes <= limits.bytesMax * cleanedShare) break;
    // Somebody may have used it since it was looked at.
    const { mtimeMs = 0 } = (await stat(recordPath(root, entry)).catch(unlessMissing(undefined))) ?? {};
    if (mtimeMs >= limits.usedBeforeMs) continue;
    await dropSegment(root, entry);
    gone.push(entry);
    bytes -= entry.sizeBytes;
    limits.onLife();
  }
  return gone;
}

function sum(entries: readonly FoundSegment[]): number {
  return entries.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
}

import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CacheIndex } from './cache-index.ts';
import type { CacheObjects, Keeper } from './cache-objects.ts';
import type { CopyMeter } from './copy-meter.ts';
import type { DiskRoom, RoomHold } from './disk-room.ts';
import type { Pace } from './pace.ts';
import { explainShareFailure } from './share-failure.ts';
import type { ShareOperations } from './share-operations.ts';
import type { Examined, SourceVersion } from './share-protocol.ts';
import type { MountedPath } from './unc.ts';

export interface FetchContentContext {
  /** Folder of files that are being copied. */
  readonly incoming: string;
  readonly rehashBelowBytes: number;
  readonly operations: ShareOperations;
  readonly index: CacheIndex;
  readonly objects: CacheObjects;
  readonly room: DiskRoom;
  readonly meter?: Pick<CopyMeter, 'begin'>;
}

/** A content that is in the cache, and pinned until `release`. */
export interface FoundContent {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly reused: boolean;
  release(): void;
}

/** What one copy is to go by. */
export interface CopyOrder {
  readonly source: MountedPath;
  /** What a look has seen a moment ago; left out, it is looked at. */
  readonly seen?: Examined;
  /** The room that the copy is made in. @default what is free */
  readonly hold?: RoomHold;
  readonly pace: Pace;
  /** Begun for a hint: it waits for no copy of a job, its pace tells it when it may go. */
  readonly isAhead: boolean;
}

/** Looks at a source, and pins its content where it is in the cache. Rejects as `fetchContent`. */
export async function lookAtContent(
  context: FetchContentContext,
  source: MountedPath,
  keeper: Keeper,
  signal: AbortSignal,
): Promise<{ readonly seen: Examined; readonly found?: FoundContent }> {
  try {
    const seen = await examine(context, source, signal);
    const found = await reuse(context, source, seen, keeper);
    return found === undefined ? { seen } : { seen, found };
  } catch (error) {
    throw await explainShareFailure(error, source, context.operations, signal);
  }
}

/** Finds the source's content in the cache, or copies it there. Leaves no `.part` behind, however it ends. */
export async function fetchContent(
  context: FetchContentContext,
  order: CopyOrder,
  signal: AbortSignal,
): Promise<FoundContent> {
  const { source } = order;
  try {
    const seen = order.seen ?? (await examine(context, source, signal));
    return (await reuse(context, source, seen, 'job')) ?? (await copy(context, order, seen, signal));
  } catch (error) {
    throw await explainShareFailure(error, source, context.operations, signal);
  }
}

/** The content that a source of this version is known to have had. */
export function knownContent(index: CacheIndex, path: string, seen: SourceVersion): string | undefined {
  const known = index.source(path);
  const isSame = known?.sizeBytes === seen.sizeBytes && known.changedAtNs === seen.changedAtNs;
  return isSame ? known.sha256 : undefined;
}

async function examine(
  { index, operations, rehashBelowBytes }: FetchContentContext,
  { localPath: path, mountPath }: MountedPath,
  signal: AbortSignal,
): Promise<Examined> {
  const hashBelowBytes = index.source(path) === undefined ? 0 : rehashBelowBytes;
  return operations.call({ op: 'examine', path, mountPath, hashBelowBytes }, { signal });
}

async function reuse(
  { index, objects }: FetchContentContext,
  { localPath: path }: MountedPath,
  seen: Examined,
  keeper: Keeper,
): Promise<FoundContent | undefined> {
  const known = knownContent(index, path, seen);
  // A small file was hashed again: its own word counts, whatever its size and time of change say.
  const sha256 = seen.sha256 ?? known;
  if (sha256 === undefined) return undefined;
  const { sizeBytes } = seen;
  const release = await objects.pinWhole(sha256, sizeBytes, keeper);
  if (release === undefined) return undefined;
  if (known === undefined) index.setSource(path, { ...seen, sha256 });
  return { sha256, sizeBytes, reused: true, release };
}

async function copy(
  { incoming, operations, index, objects, room, meter }: FetchContentContext,
  { source, hold, pace, isAhead }: CopyOrder,
  { sizeBytes }: SourceVersion,
  signal: AbortSignal,
): Promise<FoundContent> {
  const giveBack = await room.reserve(sizeBytes, hold);
  const target = join(incoming, `${randomUUID()}.part`);
  const ended = meter?.begin(pace);
  let bytes = 0;
  try {
    const { localPath: path, mountPath } = source;
    const copied = await operations.call(
      { op: 'copy', path, mountPath, target },
      { signal, pace, ...(isAhead ? { isAhead } : {}) },
    );
    bytes = copied.sizeBytes;
    giveBack();
    const release = await objects.adopt(target, copied.sha256, copied.sizeBytes);
    index.setSource(path, copied);
    return { sha256: copied.sha256, sizeBytes: copied.sizeBytes, reused: false, release };
  } finally {
    ended?.(bytes);
    giveBack();
    // Gone already when it was adopted.
    await rm(target, { force: true });
  }
}

import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CacheIndex } from './cache-index.ts';
import type { CacheObjects } from './cache-objects.ts';
import type { CopyMeter } from './copy-meter.ts';
import type { CopyPlace } from './copy-place.ts';
import type { DiskRoom, RoomHold } from './disk-room.ts';
import { type GrowthLimits, type GrowthWaits, isFresh } from './growth.ts';
import type { Pace } from './pace.ts';
import type { ShareOperations } from './share-operations.ts';
import { ShareOperationError } from './share-process.ts';
import type { Examined, SourceVersion } from './share-protocol.ts';
import { changeOf } from './source-change.ts';
import type { MountedPath } from './unc.ts';

/** What a copy is made with. */
export interface CopyContext {
  /** Folder of files that are being copied. */
  readonly incoming: string;
  readonly operations: ShareOperations;
  readonly index: CacheIndex;
  readonly objects: CacheObjects;
  readonly room: DiskRoom;
  readonly meter?: Pick<CopyMeter, 'begin'>;
  readonly growth: GrowthLimits;
  readonly waits: GrowthWaits;
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
  /** What a look has seen before; left out, it is looked at. */
  readonly seen?: Seen;
  /** The room that the copy is made in. @default what is free */
  readonly hold?: RoomHold;
  readonly pace: Pace;
  /** Begun for a hint: it waits for no copy of a job, its pace tells it when it may go. */
  readonly isAhead: boolean;
  /** A job waits for it now, whoever began it. */
  readonly isForJob: () => boolean;
  /** Where it counts among the copies of whoever began it. @default it counts nowhere */
  readonly place?: Pick<CopyPlace, 'enter'>;
}

/** What a look found, and when it began; steady, in ms. */
export interface Seen extends Examined {
  readonly atMs: number;
}

/**
 * Copies a source whole: one that still grows, or that somebody wrote a moment ago and may write on, is waited for and
 * copied again. Rejects with ShareOperationError, or the signal's reason. Leaves no `.part` behind, however it ends.
 */
export async function copyContent(
  context: CopyContext,
  order: CopyOrder,
  first: Seen,
  signal: AbortSignal,
): Promise<FoundContent> {
  const { operations, waits } = context;
  const { localPath: path, mountPath } = order.source;
  const look = (): Promise<SourceVersion> =>
    operations.call({ op: 'examine', path, mountPath, hashBelowBytes: 0 }, { signal });
  let sinceMs: number | undefined;
  for (let seen = first; ; ) {
    try {
      return await copyOnce(context, { ...order, seen }, look, signal);
    } catch (error) {
      if (!isGrowth(error)) throw error;
      sinceMs ??= performance.now();
      const growing = { path, sinceMs, firstBytes: first.sizeBytes, look, isWanted: order.isForJob };
      const quiet = await waits.untilQuiet(growing, signal);
      await order.place?.enter(signal);
      seen = { ...quiet, atMs: Number.NEGATIVE_INFINITY };
    }
  }
}

/** It is larger or newer than a moment ago. */
export function isGrowth(error: unknown): boolean {
  return error instanceof ShareOperationError && error.code === 'SOURCE_GROWS';
}

type Look = () => Promise<SourceVersion>;

async function copyOnce(
  context: CopyContext,
  { source, seen, hold, pace, isAhead }: CopyOrder & { readonly seen: Seen },
  look: Look,
  signal: AbortSignal,
): Promise<FoundContent> {
  const { incoming, operations, index, objects, room, meter } = context;
  const giveBack = await room.reserve(seen.sizeBytes, hold);
  const target = join(incoming, `${randomUUID()}.part`);
  const ended = meter?.begin(pace);
  let bytes = 0;
  try {
    const { localPath: path, mountPath } = source;
    const copied = await operations
      .call({ op: 'copy', path, mountPath, target }, { signal, pace, ...(isAhead ? { isAhead } : {}) })
      .then((answer) => {
        bytes = answer.sizeBytes;
        return answer;
      })
      .finally(() => ended?.(bytes));
    await demandSettled(path, { context, seen, copied, look, signal });
    giveBack();
    const release = await objects.adopt(target, copied.sha256, copied.sizeBytes);
    index.setSource(path, copied);
    return { sha256: copied.sha256, sizeBytes: copied.sizeBytes, reused: false, release };
  } finally {
    giveBack();
    // Gone already when it was adopted.
    await rm(target, { force: true });
  }
}

interface Copied {
  readonly context: CopyContext;
  readonly seen: Seen;
  readonly copied: SourceVersion;
  readonly look: Look;
  readonly signal: AbortSignal;
}

/** A slow writer between two writes looks like none: what is fresh must have been left alone for a while. */
async function demandSettled(path: string, { context, seen, copied, look, signal }: Copied): Promise<void> {
  const change = changeOf(seen, copied);
  if (change === 'none' && !isFresh(copied, Date.now())) return;
  // The copy itself was a look: whatever is the same at its end has been so since the first one.
  const sinceMs = change === 'none' ? seen.atMs : performance.now();
  const waitMs = sinceMs + context.growth.settleMs - performance.now();
  if (waitMs <= 0) return;
  await delay(waitMs, undefined, { signal });
  const later = await look();
  const behind = changeOf(copied, later);
  if (behind === 'none') return;
  const sizes = `${copied.sizeBytes} bytes before, ${later.sizeBytes} after`;
  const code = behind === 'grows' ? 'SOURCE_GROWS' : 'SOURCE_CHANGED';
  throw new ShareOperationError(code, `${path} changed behind its copy (${sizes})`);
}

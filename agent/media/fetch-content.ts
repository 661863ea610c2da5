import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CacheIndex } from './cache-index.ts';
import type { CacheObjects } from './cache-objects.ts';
import { explainShareFailure } from './share-failure.ts';
import type { ShareOperations } from './share-operations.ts';
import type { MountedPath } from './unc.ts';

export interface FetchContentContext {
  /** Folder of files that are being copied. */
  readonly incoming: string;
  readonly rehashBelowBytes: number;
  readonly operations: ShareOperations;
  readonly index: CacheIndex;
  readonly objects: CacheObjects;
}

/** A content that is in the cache, and pinned until `release`. */
export interface FoundContent {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly reused: boolean;
  release(): void;
}

/** Finds the source's content in the cache, or copies it there. Leaves no `.part` behind, however it ends. */
export async function fetchContent(
  context: FetchContentContext,
  source: MountedPath,
  signal: AbortSignal,
): Promise<FoundContent> {
  try {
    const { index, operations, rehashBelowBytes } = context;
    const known = index.source(source.localPath);
    const { localPath: path, mountPath } = source;
    const hashBelowBytes = known === undefined ? 0 : rehashBelowBytes;
    const seen = await operations.call({ op: 'examine', path, mountPath, hashBelowBytes }, { signal });
    const isSame = known?.sizeBytes === seen.sizeBytes && known.changedAtNs === seen.changedAtNs;
    // A small file was hashed again: its own word counts, whatever its size and time of change say.
    const sha256 = seen.sha256 ?? (isSame ? known.sha256 : undefined);
    const reused = sha256 === undefined ? undefined : await reuse(context, sha256, seen.sizeBytes);
    if (reused === undefined) return await copy(context, source, seen.sizeBytes, signal);
    if (!isSame) index.setSource(path, { ...seen, sha256: reused.sha256 });
    return reused;
  } catch (error) {
    throw await explainShareFailure(error, source, context.operations, signal);
  }
}

async function reuse(
  { objects }: FetchContentContext,
  sha256: string,
  sizeBytes: number,
): Promise<FoundContent | undefined> {
  const release = await objects.pinWhole(sha256, sizeBytes);
  return release === undefined ? undefined : { sha256, sizeBytes, reused: true, release };
}

async function copy(
  { incoming, operations, index, objects }: FetchContentContext,
  source: MountedPath,
  sizeBytes: number,
  signal: AbortSignal,
): Promise<FoundContent> {
  const giveBack = await objects.reserve(sizeBytes);
  const target = join(incoming, `${randomUUID()}.part`);
  try {
    const { localPath: path, mountPath } = source;
    const copied = await operations.call({ op: 'copy', path, mountPath, target }, { signal });
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

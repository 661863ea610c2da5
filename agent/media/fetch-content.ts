import type { CacheIndex } from './cache-index.ts';
import type { Keeper } from './cache-objects.ts';
import type { CopyContext, CopyOrder, FoundContent, Seen } from './copy-content.ts';
import { copyContent, isGrowth } from './copy-content.ts';
import { explainShareFailure } from './share-failure.ts';
import type { SourceVersion } from './share-protocol.ts';
import type { MountedPath } from './unc.ts';

export interface FetchContentContext extends CopyContext {
  readonly rehashBelowBytes: number;
}

/** Looks at a source, and pins its content where it is in the cache. Rejects as `fetchContent`. */
export async function lookAtContent(
  context: FetchContentContext,
  source: MountedPath,
  keeper: Keeper,
  signal: AbortSignal,
): Promise<{ readonly seen: Seen; readonly found?: FoundContent }> {
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
    return (await reuse(context, source, seen, 'job')) ?? (await copyContent(context, order, seen, signal));
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
): Promise<Seen> {
  const hashBelowBytes = index.source(path) === undefined ? 0 : rehashBelowBytes;
  const look = async (below: number): Promise<Seen> => {
    const atMs = performance.now();
    return {
      ...(await operations.call({ op: 'examine', path, mountPath, hashBelowBytes: below }, { signal })),
      atMs,
    };
  };
  try {
    return await look(hashBelowBytes);
  } catch (error) {
    // What grows while it is hashed has no hash yet; its copy waits for it.
    if (isGrowth(error)) return await look(0);
    throw error;
  }
}

async function reuse(
  { index, objects }: FetchContentContext,
  { localPath: path }: MountedPath,
  seen: Seen,
  keeper: Keeper,
): Promise<FoundContent | undefined> {
  const known = knownContent(index, path, seen);
  // A small file was hashed again: its own word counts, whatever its size and time of change say.
  const sha256 = seen.sha256 ?? known;
  if (sha256 === undefined) return undefined;
  const { sizeBytes } = seen;
  const release = await objects.pinWhole(sha256, sizeBytes, keeper);
  if (release === undefined) return undefined;
  if (known === undefined) index.setSource(path, { sizeBytes, changedAtNs: seen.changedAtNs, sha256 });
  return { sha256, sizeBytes, reused: true, release };
}

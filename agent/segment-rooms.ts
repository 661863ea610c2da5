import { join } from 'node:path';
import type { AgentLogger } from './agent-logger.ts';
import type { AgentConfig } from './config.ts';
import { openKeptFile } from './kept-file.ts';
import { createShareOperations } from './media/share-operations.ts';
import { type Mounts, resolveUnc } from './media/unc.ts';
import type { SegmentStore } from './render/segment-cache.ts';
import { openSharedTier, type SharedTier } from './render/segment-cache-shared.ts';
import { openSegmentStore } from './render/segment-store.ts';

type OnClose = (closer: () => Promise<unknown> | undefined) => void;

/** Where finished segments are kept. */
export function segmentFolder({ dataDir }: Pick<AgentConfig, 'dataDir'>): string {
  return join(dataDir, 'cache', 'segments');
}

/** What the running agent counts, for `cache stats`. */
export function segmentStatisticsFile({ dataDir }: Pick<AgentConfig, 'dataDir'>): string {
  return join(dataDir, 'cache', 'segment-statistics.json');
}

/**
 * Where the shared segments are on this PC; undefined when there are none. A share itself is refused: what it is mounted
 * on is there without it too. Throws UncError, or Error.
 */
export function sharedSegmentFolder(
  { segmentCache: { shared } }: Pick<AgentConfig, 'segmentCache'>,
  mounts: Mounts,
): string | undefined {
  if (shared === undefined || !/^[\\/]{2}[^\\/]/u.test(shared)) return shared;
  const { localPath, mountPath } = resolveUnc(shared.replace(/[\\/]+$/u, ''), mounts, process.platform);
  if (localPath !== mountPath) return localPath;
  throw new Error(`segmentCache.shared: ${shared} is a whole share; name a folder in it`);
}

/** Opens both tiers; they are closed by `onClose`. Throws as sharedSegmentFolder. */
export function openAgentSegments(
  config: AgentConfig,
  mounts: Mounts,
  logger: AgentLogger,
  onClose: OnClose,
): SegmentStore {
  const onTrouble = (message: string, err?: unknown): void => logger.warn({ err }, message);
  const kept = openKeptFile(segmentStatisticsFile(config), onTrouble);
  onClose(() => kept.settled());
  const sinceMs = Date.now();
  const shared = openShared(config, mounts, onTrouble, onClose);
  const store = openSegmentStore({
    folder: segmentFolder(config),
    bytesMax: config.cache.segmentBytesMax,
    madeBy: config.agentId,
    ...(shared === undefined ? {} : { shared }),
    onTrouble,
    onStatistics: (statistics) => kept.write(`${JSON.stringify({ sinceMs, ...statistics })}\n`),
  });
  onClose(() => store.close());
  return store;
}

function openShared(
  config: AgentConfig,
  mounts: Mounts,
  onTrouble: (message: string, error?: unknown) => void,
  onClose: OnClose,
): SharedTier | undefined {
  const root = sharedSegmentFolder(config, mounts);
  if (root === undefined) return undefined;
  const silenceMs = config.segmentCache.silenceMs * config.timeScale;
  const operations = createShareOperations({ silenceMs, concurrency: 4, warm: 1 });
  onClose(() => operations.stop());
  return openSharedTier({
    ...{ root, operations, onTrouble, silenceMs },
    bytesMax: config.segmentCache.sharedBytesMax,
    owner: config.agentId,
  });
}

import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  type ContentCache,
  type ContentCacheOptions,
  openContentCache,
} from '../../../agent/media/content-cache.ts';
import { growthLimitsDefault } from '../../../agent/media/growth.ts';
import { createShareOperations, type ShareOperations } from '../../../agent/media/share-operations.ts';
import type { MountedPath, Mounts } from '../../../agent/media/unc.ts';
import { resolveUnc } from '../../../agent/media/unc.ts';

/** A share and a cache in a temporary folder, and the children that copy between them. */
export interface CacheRoom extends AsyncDisposable {
  readonly folder: string;
  readonly sharePath: string;
  readonly cachePath: string;
  readonly mounts: Mounts;
  readonly operations: ShareOperations;
  /** Writes a file of the share and says where it is. */
  put(name: string, content: string | Uint8Array): Promise<MountedPath>;
  locate(name: string): MountedPath;
  /** Opens the cache; it is closed with the room. */
  open(options?: Partial<ContentCacheOptions>): Promise<ContentCache>;
  /** Names of files that were left half copied. */
  parts(): Promise<readonly string[]>;
}

export async function makeCacheRoom(): Promise<CacheRoom> {
  const folder = await mkdtemp(join(tmpdir(), 'renderfarm-cache-'));
  const sharePath = join(folder, 'share');
  const cachePath = join(folder, 'cache');
  await mkdir(sharePath);
  const mounts: Mounts = { assets: { roots: ['\\\\nas\\Share'], localPath: sharePath } };
  const operations = createShareOperations();
  const caches: ContentCache[] = [];
  const locate = (name: string): MountedPath => resolveUnc(`\\\\nas\\Share\\${name}`, mounts, 'linux');
  return {
    folder,
    sharePath,
    cachePath,
    mounts,
    operations,
    locate,
    async put(name, content) {
      await mkdir(dirname(join(sharePath, name)), { recursive: true });
      await writeFile(join(sharePath, name), content);
      return locate(name);
    },
    async open(options = {}) {
      const cache = await openContentCache({
        folder: cachePath,
        bytesMax: 1024 ** 3,
        freeBytesMin: 0,
        operations,
        // Sources are written just before they are copied: nobody here writes on.
        growth: { ...growthLimitsDefault, settleMs: 0 },
        ...options,
      });
      caches.push(cache);
      return cache;
    },
    parts: async () => readdir(join(cachePath, 'incoming')),
    async [Symbol.asyncDispose]() {
      for (const cache of caches) await cache.close();
      await operations.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The same operations; something happens to a source after the first bytes of its first copy. */
export function whileCopied(operations: ShareOperations, change: () => Promise<void>): ShareOperations {
  let changed: Promise<void> | undefined;
  return {
    ...operations,
    call: async (request, options) => {
      if (request.op !== 'copy') return await operations.call(request, options);
      try {
        return await operations.call(request, { ...options, onBytes: () => void (changed ??= change()) });
      } finally {
        await changed;
      }
    },
  };
}

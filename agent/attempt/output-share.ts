/**
 * The few things that publishing does on an output share. Guarantee: nothing outside `<output folder>/.renderfarm/`
 * is ever removed. Limit: the small operations (make, rename, remove) run in this process, only bytes are moved by
 * the share children; a hung mount therefore holds one of Node's file threads per attempt.
 */

import { randomUUID } from 'node:crypto';
import { lstat, mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ShareOperations } from '../media/share-operations.ts';
import type { MountedPath, Mounts } from '../media/unc.ts';
import { resolveUnc } from '../media/unc.ts';

/** The folder of an output folder that holds all staging folders, and the share's identity. */
export const stagingRoot = '.renderfarm';
const shareIdFile = 'share-id';

export interface FileFacts {
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface OutputShare {
  /** Where a UNC path is on this PC. Throws UncError. */
  locate(uncPath: string): MountedPath;
  /** Makes a staging folder, and the share's identity at its first use. */
  makeStaging(folder: MountedPath): Promise<void>;
  /** Copies a file of ours there, fsynced and closed; what lay there is replaced. */
  upload(from: string, to: string, signal: AbortSignal): Promise<FileFacts>;
  exists(path: string): Promise<boolean>;
  /** Reads the whole file. */
  examine(path: string, mountPath: string): Promise<FileFacts>;
  /** Within one volume; replaces what has that name: look first. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a staging folder; nothing else. */
  removeStaging(folder: string): Promise<void>;
  /** Whether the share proves to be the one that was staged to: its identity is there. */
  isReachable(outputFolder: string): Promise<boolean>;
}

export function createOutputShare(
  mounts: Mounts,
  operations: ShareOperations,
  platform: string = process.platform,
): OutputShare {
  return {
    locate: (uncPath) => resolveUnc(uncPath, mounts, platform),
    async makeStaging({ localPath, mountPath }) {
      // A mount point that is not there is never made: it would fill the local disk.
      await lstat(mountPath);
      await mkdir(localPath, { recursive: true });
      const id = join(dirname(localPath), shareIdFile);
      await writeFile(id, `${randomUUID()}\n`, { flag: 'wx' }).catch(unless('EEXIST'));
    },
    async upload(from, to, signal) {
      await rm(to, { force: true });
      const { sizeBytes, sha256 } = await operations.call({ op: 'copy', path: from, target: to }, { signal });
      await syncFolder(dirname(to));
      return { sizeBytes, sha256 };
    },
    exists: async (path) =>
      lstat(path).then(
        () => true,
        (error: unknown) => {
          if (codeOf(error) === 'ENOENT') return false;
          throw error;
        },
      ),
    async examine(path, mountPath) {
      const { sizeBytes, sha256 = '' } = await operations.call({
        op: 'examine',
        path,
        mountPath,
        hashBelowBytes: Number.MAX_SAFE_INTEGER,
      });
      return { sizeBytes, sha256 };
    },
    async rename(from, to) {
      await rename(from, to);
      await syncFolder(dirname(to));
    },
    async removeStaging(folder) {
      if (basename(dirname(folder)) !== stagingRoot) {
        throw new Error(`${folder} is no staging folder and is not removed`);
      }
      await rm(folder, { recursive: true, force: true });
    },
    isReachable: async (outputFolder) =>
      lstat(join(outputFolder, stagingRoot, shareIdFile)).then(
        () => true,
        () => false,
      ),
  };
}

/** The system's code of an error, e.g. `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

function unless(code: string): (error: unknown) => void {
  return (error) => {
    if (codeOf(error) !== code) throw error;
  };
}

/** Best effort: network file systems and Windows have no fsync of folders. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

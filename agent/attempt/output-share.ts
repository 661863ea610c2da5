/**
 * The few things that publishing does on an output share, all of them in share children: a hung mount holds nothing of
 * the agent. Guarantee: nothing outside `<output folder>/.renderfarm/` is ever removed.
 */

import { randomUUID } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { shareIdFile, shareIdPath, stagingRoot } from '../media/share-identity.ts';
import type { ShareOperations } from '../media/share-operations.ts';
import type { MountedPath, Mounts } from '../media/unc.ts';
import { parseUnc, resolveUnc, UncError } from '../media/unc.ts';

/** What was set aside keeps its place in the staging root under such a name. */
export const setAsidePrefix = '.dead-';
/** As many finished files of an output folder are kept for people to look at; the oldest go first. */
export const setAsideMax = 20;

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
  /** What `.renderfarm/share-id` of an output folder says: which share this is. Undefined: nobody has used it yet. */
  identity(outputFolder: string): Promise<string | undefined>;
  /** Removes all but the newest of what was set aside in an output folder. */
  thinSetAside(outputFolder: string): Promise<void>;
}

export function createOutputShare(
  mounts: Mounts,
  operations: ShareOperations,
  platform: string = process.platform,
): OutputShare {
  const isThere = async (path: string): Promise<boolean> =>
    (await operations.call({ op: 'look', path })).isThere;
  return {
    locate: (uncPath) => resolveUnc(uncPath, mounts, platform),
    async makeStaging({ localPath: path, mountPath }) {
      const shareId = randomUUID();
      await operations.call({ op: 'make-staging', path, mountPath, shareIdFile, shareId });
    },
    async upload(path, target, signal) {
      const request = { op: 'copy', path, target, replace: true } as const;
      const { sizeBytes, sha256 } = await operations.call(request, { signal });
      return { sizeBytes, sha256 };
    },
    exists: isThere,
    async examine(path, mountPath) {
      const hashBelowBytes = Number.MAX_SAFE_INTEGER;
      const request = { op: 'examine', path, mountPath, hashBelowBytes } as const;
      const { sizeBytes, sha256 = '' } = await operations.call(request);
      return { sizeBytes, sha256 };
    },
    async rename(from, to) {
      await operations.call({ op: 'rename', from, to });
    },
    async removeStaging(folder) {
      if (basename(dirname(folder)) !== stagingRoot) {
        throw new Error(`${folder} is no staging folder and is not removed`);
      }
      await operations.call({ op: 'remove', path: folder, parentName: stagingRoot });
    },
    async identity(outputFolder) {
      const path = shareIdPath(outputFolder);
      return (await operations.call({ op: 'read-identity', path })).identity;
    },
    async thinSetAside(outputFolder) {
      const folder = join(outputFolder, stagingRoot);
      await operations.call({ op: 'thin', folder, prefix: setAsidePrefix, keep: setAsideMax });
    },
  };
}

/** A name from a message, when it is one file's name and nothing else. Throws UncError: it would leave its folder. */
export function plainFileName(name: string): string {
  if (parseUnc(`\\\\share\\folder\\${name}`).length === 3) return name;
  throw new UncError('PATH_MALFORMED', name, 'is not the name of one file');
}

/** The system's code of an error, e.g. `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

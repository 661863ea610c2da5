import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import type { JobRef } from '../../proto/index.ts';
import { fenceText } from '../../proto/index.ts';
import type { MountedPath } from '../media/unc.ts';
import type { OutputShare } from './output-share.ts';
import { codeOf, setAsidePrefix } from './output-share.ts';

/** Where a staging folder goes that may no longer be published from: beside it, under a name that says so. */
export function deadFolderOf(staging: MountedPath, { jobId, fence }: JobRef): string {
  return join(dirname(staging.localPath), `${setAsidePrefix}${jobId}-${fenceText(fence)}`);
}

/**
 * Renames the staging folder; whoever still holds its old name gets ENOENT from then on. Returns its new path. Rejects
 * with the file system's error: ENOENT when there is none.
 */
export async function setAside(share: OutputShare, staging: MountedPath, ref: JobRef): Promise<string> {
  const dead = deadFolderOf(staging, ref);
  try {
    await share.rename(staging.localPath, dead);
    return dead;
  } catch (error) {
    if (!isTaken(error)) throw error;
    // Set aside once before, and staged again since.
    const another = `${dead}-${randomUUID()}`;
    await share.rename(staging.localPath, another);
    return another;
  }
}

function isTaken(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOTEMPTY' || code === 'EEXIST';
}

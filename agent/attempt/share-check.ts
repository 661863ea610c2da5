import type { MountedPath } from '../media/unc.ts';
import type { OutputShare } from './output-share.ts';

/**
 * Why what is (not) on a share proves nothing: it has no identity, or not the one that it must have. Undefined when it
 * is the right one, or when nobody knows which it must be. Rejects with the file system's error.
 */
export async function identityFault(
  share: OutputShare,
  folder: MountedPath,
  wanted: string | undefined,
): Promise<string | undefined> {
  if (wanted === undefined) return undefined;
  const found = await share.identity(folder.localPath);
  if (found === wanted) return undefined;
  const says = found === undefined ? 'has no share-id' : `says share-id ${found}`;
  return `${folder.uncPath} ${says}, and ${wanted} is meant: another share is mounted, or none`;
}

import { basename, join } from 'node:path';
import type { AnnulPublish, AnnulPublishReply } from '../../proto/index.ts';
import type { MountedPath } from '../media/unc.ts';
import type { OutputShare } from './output-share.ts';
import { codeOf, plainFileName } from './output-share.ts';
import { publishedPathOf } from './publish.ts';
import { takeBackExtras } from './publish-extras.ts';
import { deadFolderOf, setAside } from './set-aside.ts';
import { identityFault } from './share-check.ts';

type Annulled = Omit<AnnulPublishReply, 'kind' | 'ref'>;

/**
 * Takes a grant back (protocol.md rule 8d). The order is what makes it safe: the staging folder gets another name, so
 * that a frozen owner can no longer rename out of it, and only then the target is looked at. Never throws; may be called
 * any number of times, by anyone, at the same time.
 */
export async function annulPublish(share: OutputShare, request: AnnulPublish): Promise<Annulled> {
  try {
    return await annul(share, request);
  } catch (error) {
    return unreachable(`share of ${request.output.folder}: ${text(error)}`);
  }
}

async function annul(share: OutputShare, request: AnnulPublish): Promise<Annulled> {
  const { ref, output, manifest, shareId } = request;
  const staging = share.locate(output.stagingFolder);
  const folder = share.locate(output.folder);
  const target = join(folder.localPath, plainFileName(output.finalName));
  const before = await identityFault(share, folder, shareId);
  if (before !== undefined) return unreachable(before);
  const isGone = await moveAway(share, staging, ref);
  // A share that nobody can tell from another one proves nothing by what is not on it.
  if (isGone && shareId === undefined && !(await share.exists(deadFolderOf(staging, ref)))) {
    return unreachable(`${output.stagingFolder} is not there, and nothing proves that this is its share`);
  }
  const found = await lookAtTarget(share, target, folder, request);
  if (found !== undefined) return found;
  await takeBackExtras({ share, output, manifest, outputPath: folder.localPath }, deadFolderOf(staging, ref));
  // Mounts change under us: what was absent must have been absent on that very share.
  const after = await identityFault(share, folder, shareId);
  if (after !== undefined) return unreachable(after);
  await share.thinSetAside(folder.localPath).catch(() => undefined);
  const where = isGone ? 'was not there' : `is in ${basename(deadFolderOf(staging, ref))}`;
  return { result: 'annulled', detail: `the staged file of ${manifest.fileName} ${where}` };
}

/** Whether there was nothing to move. */
async function moveAway(
  share: OutputShare,
  staging: MountedPath,
  ref: AnnulPublish['ref'],
): Promise<boolean> {
  try {
    await setAside(share, staging, ref);
    return false;
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return true;
  }
}

async function lookAtTarget(
  share: OutputShare,
  target: string,
  folder: MountedPath,
  { output, manifest }: AnnulPublish,
): Promise<Annulled | undefined> {
  if (!(await share.exists(target))) return undefined;
  const publishedPath = publishedPathOf(output);
  const { sizeBytes, sha256 } = await share.examine(target, folder.mountPath);
  if (sizeBytes === manifest.sizeBytes && sha256 === manifest.sha256) {
    return { result: 'published', publishedPath };
  }
  const detail = `${publishedPath} is another file: ${sizeBytes} bytes, sha256 ${sha256}`;
  return { result: 'mismatch', publishedPath, detail };
}

function unreachable(detail: string): Annulled {
  return { result: 'unreachable', detail };
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

import { basename, join } from 'node:path';
import type { FinishPublishReply, JobRef, Manifest, OutputTarget } from '../../proto/index.ts';
import type { PublishResult } from '../core/inputs.ts';
import type { MountedPath } from '../media/unc.ts';
import type { OutputShare } from './output-share.ts';
import { codeOf, plainFileName } from './output-share.ts';
import { publishExtras } from './publish-extras.ts';
import { setAside } from './set-aside.ts';
import { identityFault } from './share-check.ts';

/** What may be published, and where: the same for the owner and for whoever finishes it. */
export interface Publication {
  readonly ref: JobRef;
  readonly output: OutputTarget;
  readonly manifest: Manifest;
  /** The identity of the share that it was staged on, as far as it is known. */
  readonly shareId?: string;
}

/** Somebody may be faster than we are, once; whoever sees that looks again. */
const looksMax = 3;

/**
 * Publishes what was granted (protocol.md rule 8c): looks first, then renames. Never throws: a share that is away is
 * a reason to try again. May be called any number of times, by anyone, at the same time.
 */
export async function publish(share: OutputShare, publication: Publication): Promise<PublishResult> {
  try {
    for (let look = 1; look <= looksMax; look += 1) {
      const result = await lookAndRename(share, publication);
      if (result !== undefined) return result;
    }
    return { type: 'retry', detail: 'the staged file comes and goes' };
  } catch (error) {
    return { type: 'retry', detail: `share of ${publication.output.folder}: ${text(error)}` };
  }
}

/** The same for an owner that is gone: the controller is told what was found. */
export async function finishPublish(
  share: OutputShare,
  publication: Publication,
): Promise<Omit<FinishPublishReply, 'kind' | 'ref'>> {
  const result = await publish(share, publication);
  switch (result.type) {
    case 'published':
      return { result: 'published', publishedPath: result.publishedPath };
    case 'earlier-result':
      return { result: 'mismatch', publishedPath: result.publishedPath, detail: result.detail };
    case 'staging-gone':
      return { result: 'absent', detail: result.detail };
    case 'retry':
      return { result: 'unreachable', detail: result.detail };
  }
}

/** The UNC path that a result gets. */
export function publishedPathOf({ folder, finalName }: OutputTarget): string {
  return `${folder.replace(/[\\/]+$/u, '')}\\${finalName}`;
}

/** Undefined: the staged file vanished between the look and the rename. */
async function lookAndRename(
  share: OutputShare,
  { ref, output, manifest, shareId }: Publication,
): Promise<PublishResult | undefined> {
  const staging = share.locate(output.stagingFolder);
  const folder = share.locate(output.folder);
  const staged = join(staging.localPath, plainFileName(manifest.fileName));
  const target = join(folder.localPath, plainFileName(output.finalName));
  const publishedPath = publishedPathOf(output);
  const fault = await identityFault(share, folder, shareId);
  if (fault !== undefined) return { type: 'retry', detail: fault };
  const [isStaged, isThere] = [await share.exists(staged), await share.exists(target)];

  if (isStaged && isThere) return refuseSecond(share, staging, folder, ref, publishedPath);
  if (isThere) return matchTarget(share, target, folder, manifest, publishedPath);
  if (!isStaged) {
    // Looked at again: the mount may have changed since, and an absent file proves nothing on another share.
    const identity = await share.identity(folder.localPath);
    if (identity !== undefined && (shareId === undefined || identity === shareId)) {
      return { type: 'staging-gone', detail: `the staged file of ${output.finalName} is gone` };
    }
    return { type: 'retry', detail: `the share of ${output.folder} is not reachable, or is another one` };
  }
  const place = { share, output, manifest, outputPath: folder.localPath };
  await publishExtras(place, staging.localPath);
  try {
    await share.rename(staged, target);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  // The file is published; an empty folder that stays is no reason to say otherwise.
  await share.removeStaging(staging.localPath).catch(() => undefined);
  return { type: 'published', publishedPath };
}

/** The target bears this job's name, so that it is an earlier result; ours can no longer replace it. */
async function refuseSecond(
  share: OutputShare,
  staging: MountedPath,
  folder: MountedPath,
  ref: JobRef,
  publishedPath: string,
): Promise<PublishResult> {
  const dead = await setAside(share, staging, ref);
  await share.thinSetAside(folder.localPath).catch(() => undefined);
  return {
    type: 'earlier-result',
    publishedPath,
    detail: `${publishedPath} was there already; this attempt's file is in ${basename(dead)}`,
  };
}

async function matchTarget(
  share: OutputShare,
  target: string,
  folder: MountedPath,
  manifest: Manifest,
  publishedPath: string,
): Promise<PublishResult> {
  const found = await share.examine(target, folder.mountPath);
  if (found.sizeBytes === manifest.sizeBytes && found.sha256 === manifest.sha256) {
    return { type: 'published', publishedPath };
  }
  return { type: 'staging-gone', detail: `${publishedPath} is another file, and the staged one is gone` };
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

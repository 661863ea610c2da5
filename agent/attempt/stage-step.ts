import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { OutputTarget } from '../../proto/index.ts';
import type { Gate } from '../media/gate.ts';
import type { MountedPath } from '../media/unc.ts';
import type { FileFacts, OutputShare } from './output-share.ts';
import { plainFileName } from './output-share.ts';
import { identityFault } from './share-check.ts';

export interface StageOptions {
  readonly share: OutputShare;
  readonly output: OutputTarget;
  /** The verified file in the work folder. */
  readonly localFile: string;
  readonly signal: AbortSignal;
  /** Told before each wait: why, and how long the upload has been tried so far, in ms. */
  readonly onWaiting: (reason: string, waitedMs: number) => void;
  /** @default 24 h (scheduling.md, Time) */
  readonly giveUpMs?: number;
  /** @default 1,000 */
  readonly retryMinMs?: number;
  /** Uploads at a time on this PC. @default any number */
  readonly lane?: Gate;
  /** Steady, in ms. @default performance.now */
  readonly nowMs?: () => number;
}

/** What is staged, and on which share. */
export interface StagedFile extends FileFacts {
  readonly shareId?: string;
}

/** An upload that could not be made within its time, or whose file is lost. */
export class StageError extends Error {
  override readonly name = 'StageError';
  readonly code: 'UPLOAD_FAILED' | 'RESULT_LOST';

  constructor(code: StageError['code'], message: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

const retryMaxMs = 60_000;

/**
 * Step 5: puts the file into its staging folder on the target's volume, fsynced and closed, and says what is there.
 * The share may be away: the finished file is kept and tried again; only its loss ends the attempt sooner. Rejects with
 * StageError or the signal's reason.
 */
export async function stageOutput(options: StageOptions): Promise<StagedFile> {
  const { output, localFile, signal, onWaiting } = options;
  const { giveUpMs = 24 * 3_600_000, retryMinMs = 1_000, nowMs = () => performance.now() } = options;
  plainFileName(output.finalName);
  let failedSinceMs: number | undefined;
  for (let retryMs = retryMinMs; ; retryMs = Math.min(retryMaxMs, retryMs * 2)) {
    const startedMs = nowMs();
    try {
      return await tryOnce(options);
    } catch (error) {
      signal.throwIfAborted();
      failedSinceMs ??= startedMs;
      const reason = `upload to ${output.stagingFolder}: ${error instanceof Error ? error.message : String(error)}`;
      if (!(await isThere(localFile)))
        throw new StageError('RESULT_LOST', `${localFile} is gone: ${reason}`, error);
      const waitedMs = nowMs() - failedSinceMs;
      if (waitedMs >= giveUpMs) throw new StageError('UPLOAD_FAILED', reason, error);
      onWaiting(reason, Math.round(waitedMs));
      await delay(retryMs, undefined, { signal });
    }
  }
}

/** The lane is left between two tries: a share that is away must not keep uploads to others waiting. */
async function tryOnce({ share, output, localFile, signal, lane }: StageOptions): Promise<StagedFile> {
  const staging = share.locate(output.stagingFolder);
  const folder = share.locate(output.folder);
  const leave = await lane?.enter(signal);
  try {
    await requireShare(share, folder, output.shareId);
    await share.makeStaging(staging);
    const facts = await share.upload(localFile, join(staging.localPath, output.finalName), signal);
    // Mounts change under us: what was put there must be on that very share.
    await requireShare(share, folder, output.shareId);
    const shareId = await share.identity(folder.localPath);
    return { ...facts, ...(shareId === undefined ? {} : { shareId }) };
  } finally {
    leave?.();
  }
}

/** Another share under the same name is as good as one that is away: nobody would find the result there. */
async function requireShare(
  share: OutputShare,
  folder: MountedPath,
  wanted: string | undefined,
): Promise<void> {
  const fault = await identityFault(share, folder, wanted);
  if (fault !== undefined) throw new Error(fault);
}

async function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

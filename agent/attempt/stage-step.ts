import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { OutputTarget } from '../../proto/index.ts';
import type { FileFacts, OutputShare } from './output-share.ts';
import { plainFileName } from './output-share.ts';

export interface StageOptions {
  readonly share: OutputShare;
  readonly output: OutputTarget;
  /** The verified file in the work folder. */
  readonly localFile: string;
  readonly signal: AbortSignal;
  /** Told before each wait: why, and how long the upload has waited so far. */
  readonly onWaiting: (reason: string, waitedMs: number) => void;
  /** @default 24 h (scheduling.md, Time) */
  readonly giveUpMs?: number;
  /** @default 1,000 */
  readonly retryMinMs?: number;
}

/** What is staged, and on which share. */
export interface StagedFile extends FileFacts {
  readonly shareId?: string;
}

/** An upload that could not be made within its time. */
export class StageError extends Error {
  override readonly name = 'StageError';
  readonly code = 'UPLOAD_FAILED';
}

const retryMaxMs = 60_000;

/**
 * Step 5: puts the file into its staging folder on the target's volume, fsynced and closed, and says what is there.
 * The share may be away: the finished file is kept and tried again. Rejects with StageError or the signal's reason.
 */
export async function stageOutput(options: StageOptions): Promise<StagedFile> {
  const { share, output, localFile, signal, onWaiting } = options;
  const { giveUpMs = 24 * 3_600_000, retryMinMs = 1_000 } = options;
  const staging = share.locate(output.stagingFolder);
  const target = join(staging.localPath, plainFileName(output.finalName));
  let waitedMs = 0;
  for (let retryMs = retryMinMs; ; retryMs = Math.min(retryMaxMs, retryMs * 2)) {
    try {
      await share.makeStaging(staging);
      const facts = await share.upload(localFile, target, signal);
      const shareId = await share.identity(share.locate(output.folder).localPath);
      return { ...facts, ...(shareId === undefined ? {} : { shareId }) };
    } catch (error) {
      signal.throwIfAborted();
      const reason = `upload to ${output.stagingFolder}: ${error instanceof Error ? error.message : String(error)}`;
      if (waitedMs >= giveUpMs) throw new StageError(reason, { cause: error });
      onWaiting(reason, waitedMs);
      await delay(retryMs, undefined, { signal });
      waitedMs += retryMs;
    }
  }
}

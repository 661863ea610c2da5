import { join } from 'node:path';
import type { Manifest, OutputTarget } from '../../proto/index.ts';
import { extraNames } from '../../proto/index.ts';
import type { ExtraFiles } from '../render/extras.ts';
import type { OutputShare } from './output-share.ts';

export interface StageExtrasOptions {
  readonly share: Pick<OutputShare, 'locate' | 'upload'>;
  readonly output: OutputTarget;
  readonly workFolder: string;
  readonly extras: ExtraFiles;
  readonly signal: AbortSignal;
  /** Hears why one is not staged. */
  readonly onLeftOut: (message: string) => void;
}

/**
 * Puts what was made beside a staged result into the same staging folder, under the names that it will have. It is tried once:
 * the result waits for a share, these do not. Rejects with the signal's reason only.
 */
export async function stageExtras(
  options: StageExtrasOptions,
): Promise<Pick<Manifest, 'contactSheetName' | 'previewName'>> {
  const { output, extras } = options;
  const names = extraNames(output.finalName);
  const hasSheet = await isStaged(options, extras.contactSheet, names.contactSheet);
  const hasPreview = await isStaged(options, extras.preview, names.preview);
  return {
    ...(hasSheet ? { contactSheetName: names.contactSheet } : {}),
    ...(hasPreview ? { previewName: names.preview } : {}),
  };
}

async function isStaged(
  { share, output, workFolder, signal, onLeftOut }: StageExtrasOptions,
  file: string | undefined,
  name: string,
): Promise<boolean> {
  if (file === undefined) return false;
  try {
    const { localPath } = share.locate(output.stagingFolder);
    await share.upload(join(workFolder, file), join(localPath, name), signal);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    onLeftOut(`${name} could not be staged, and is left out: ${reason}`);
    return false;
  }
}

import { join } from 'node:path';
import type { Manifest, OutputTarget } from '../../proto/index.ts';
import { extraNames } from '../../proto/index.ts';
import type { OutputShare } from './output-share.ts';
import { plainFileName } from './output-share.ts';

/** What lies in an output folder under a result's grant, beside the result. */
export interface ExtrasPlace {
  readonly share: Pick<OutputShare, 'exists' | 'rename'>;
  readonly output: OutputTarget;
  readonly manifest: Manifest;
  /** Where the output folder is on this PC. */
  readonly outputPath: string;
}

/**
 * Renames what was staged beside a result out of the staging folder, before the result itself: whoever sees the result sees
 * them too. What cannot be renamed stays behind and goes with the folder: a result is never kept waiting for its picture.
 * Never rejects; may be called any number of times, by anyone.
 */
export async function publishExtras(
  { share, output, manifest, outputPath }: ExtrasPlace,
  stagingPath: string,
): Promise<void> {
  for (const name of stagedNames(output, manifest)) {
    const staged = join(stagingPath, name);
    try {
      if (await share.exists(staged)) await share.rename(staged, join(outputPath, name));
    } catch {
      // Somebody was faster, or the share is away: then the result's own rename says so.
    }
  }
}

/**
 * Takes back what an owner had published before the result that it never published, and no more: what is still among the files
 * that were set aside was never published by it, so that a file of that name is another attempt's. Never rejects: a picture
 * that somebody looks at just now must not keep an annulment waiting.
 */
export async function takeBackExtras(
  { share, output, manifest, outputPath }: ExtrasPlace,
  deadPath: string,
): Promise<void> {
  for (const name of stagedNames(output, manifest)) {
    const [dead, published] = [join(deadPath, name), join(outputPath, name)];
    try {
      if (!(await share.exists(deadPath)) || (await share.exists(dead))) continue;
      if (await share.exists(published)) await share.rename(published, dead);
    } catch {
      // It stays: the next attempt that publishes one of this name replaces it.
    }
  }
}

/** A manifest is an agent's word: names that are not those of this very result are nobody's. */
function stagedNames(
  { finalName }: OutputTarget,
  { contactSheetName, previewName }: Manifest,
): readonly string[] {
  const names = extraNames(plainFileName(finalName));
  return [
    ...(contactSheetName === names.contactSheet ? [contactSheetName] : []),
    ...(previewName === names.preview ? [previewName] : []),
  ];
}

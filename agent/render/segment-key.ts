import { createHash } from 'node:crypto';
import type { SegmentPlan } from './render-plan.ts';
import { type SegmentSettings, segmentArguments } from './segment-command.ts';

/** Raise it when a segment of the same command would have to look different. */
const pipelineVersion = 1;

export interface KeyIngredients {
  /** The ASS script, when there is a text. */
  readonly script: string | undefined;
  readonly fontSha256: string | undefined;
  readonly ffmpegVersionText: string;
}

/**
 * The content key of a segment: a hash of its whole command with each file replaced by its content's hash. It is made by
 * the function that makes the command, so no option can be forgotten.
 */
export function segmentKey(
  segment: SegmentPlan,
  settings: SegmentSettings,
  ingredients: KeyIngredients,
): string {
  const { script, fontSha256, ffmpegVersionText } = ingredients;
  const command = segmentArguments(segment, settings, {
    source: `content-${segment.sha256}`,
    logo: `content-${segment.logo?.sha256 ?? 'none'}`,
    script: `content-${script === undefined ? 'none' : sha256(script)}`,
    output: 'segment',
  });
  const font = segment.text === undefined ? null : fontSha256;
  return sha256(JSON.stringify({ pipelineVersion, ffmpegVersionText, font, command }));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

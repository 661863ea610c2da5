import { createHash } from 'node:crypto';
import { without } from '../core/without.ts';
import { soundFilters } from './filters.ts';
import { soundArguments } from './join-command.ts';
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
  // Which of its cards renders it is the PC's own business: what comes out is joined by its parameters, not by its maker.
  const encoder = without(settings.encoder, 'gpuIndex');
  const command = segmentArguments(
    segment,
    { ...settings, encoder },
    {
      source: `content-${segment.sha256}`,
      logo: `content-${segment.logo?.sha256 ?? 'none'}`,
      script: `content-${script === undefined ? 'none' : sha256(script)}`,
      output: 'segment',
    },
  );
  const font = segment.text === undefined ? null : fontSha256;
  return sha256(JSON.stringify({ pipelineVersion, ffmpegVersionText, font, command }));
}

/** The content key of a whole job's sound: what is drawn over the pictures does not change it. */
export function soundKey(segments: readonly SegmentPlan[], ffmpegVersionText: string): string {
  const sounds = segments.map(({ sound, samples, sha256: content }) =>
    sound.kind === 'silence'
      ? [samples]
      : [samples, content, sound.streamIndex, soundFilters({ samples, sound })],
  );
  return sha256(
    JSON.stringify({ pipelineVersion, ffmpegVersionText, sounds, command: soundArguments('sound') }),
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

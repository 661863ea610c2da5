import { resolveFont } from './fonts.ts';
import type { SegmentPlan } from './render-plan.ts';
import { scriptOf } from './render-segments.ts';
import type { SegmentSettings } from './segment-command.ts';
import { segmentKey } from './segment-key.ts';

/** The key that a segment's render looks for, with the font that this PC draws texts with. Rejects when there is none. */
export async function plannedKey(
  segment: SegmentPlan,
  settings: SegmentSettings,
  ffmpegVersionText: string,
): Promise<string> {
  const font = segment.text === undefined ? undefined : await resolveFont();
  return segmentKey(segment, settings, {
    script: scriptOf(segment, font),
    fontSha256: font?.sha256,
    ffmpegVersionText,
  });
}

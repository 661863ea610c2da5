import type { EncoderRung } from './encoder.ts';
import {
  type FilterChain,
  finalFilters,
  logoFilters,
  logoOverlay,
  pictureFilters,
  silenceFilters,
  soundFilters,
  textFilters,
} from './filters.ts';
import type { SegmentPlan, Size } from './render-plan.ts';

/** Where a segment's streams come from and where they go, as labels of one filter graph. */
export interface GraphPorts {
  /** Number of the source's input; the logo's is the next one. */
  readonly input: number;
  /** Name of the ASS script, when there is a text. */
  readonly scriptName: string;
  /** Added to every label, so that many segments fit into one graph. */
  readonly suffix: string;
}

/** Folder of the resolved fonts inside a work folder. */
export const fontsFolderName = 'fonts';

/**
 * One segment's part of a filter graph; its outputs are `[v<suffix>]` and `[a<suffix>]`. Nothing of a request is in it:
 * only numbers and names that we made.
 */
export function segmentGraph(
  segment: SegmentPlan,
  frame: Size,
  rung: EncoderRung,
  ports: GraphPorts,
): string {
  const { input, scriptName, suffix } = ports;
  const picture = `[${input}:${segment.picture.streamIndex}]`;
  const fitted = pictureFilters(segment.picture, frame, segment.frames);
  const drawn = segment.text === undefined ? [] : textFilters(scriptName, fontsFolderName);
  const last = [...drawn, ...finalFilters(rung.uploadFilters)];
  const parts: string[] = [];
  if (segment.logo === undefined) {
    parts.push(`${picture}${chain([...fitted, ...last])}[v${suffix}]`);
  } else {
    parts.push(`[${input + 1}:v:0]${chain(logoFilters(segment.logo))}[logo${suffix}]`);
    parts.push(`${picture}${chain(fitted)}[fit${suffix}]`);
    parts.push(`[fit${suffix}][logo${suffix}]${chain([logoOverlay(), ...last])}[v${suffix}]`);
  }
  parts.push(
    segment.sound.kind === 'silence'
      ? `${chain(silenceFilters(segment))}[a${suffix}]`
      : `[${input}:${segment.sound.streamIndex}]${chain(soundFilters(segment))}[a${suffix}]`,
  );
  return parts.join(';');
}

function chain(filters: FilterChain): string {
  return filters.join(',');
}

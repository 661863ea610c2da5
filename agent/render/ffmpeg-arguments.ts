import { formatWhitelist } from '../media/media-formats.ts';

/**
 * What every FFmpeg of ours begins with: no terminal, no overwrite question, progress on stdout, and on stderr each line with
 * its level, because the table of fatal lines needs it. `verbose` tells how many frames the fps filter made, and which font
 * was drawn.
 */
export const commonArguments: readonly string[] = [
  '-hide_banner',
  '-nostdin',
  '-y',
  '-nostats',
  ...['-loglevel', 'repeat+level+verbose'],
  ...['-progress', 'pipe:1', '-stats_period', '0.5'],
];

/**
 * What a source or a logo may be: the probe's list, and `image2`, which FFmpeg takes for a still by its extension. Our
 * names hold no pattern, so that it reads the one file.
 */
const sourceFormats = `${formatWhitelist},image2`;

/**
 * Before an input: only local files, of the formats that the probe takes. What changed behind the probe's back, or what
 * FFmpeg takes for something else by its extension, reaches neither the network nor another file of this PC.
 */
export function inputArguments(name: string, threads?: number, formats = sourceFormats): readonly string[] {
  return [
    ...(threads === undefined ? [] : ['-threads', `${threads}`]),
    ...['-protocol_whitelist', 'file', '-format_whitelist', formats],
    ...['-i', name],
  ];
}

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

/** Before an input: only local files, so that a source which is a playlist in disguise reaches no network. */
export function inputArguments(name: string, threads?: number): readonly string[] {
  return [
    ...(threads === undefined ? [] : ['-threads', `${threads}`]),
    '-protocol_whitelist',
    'file',
    '-i',
    name,
  ];
}

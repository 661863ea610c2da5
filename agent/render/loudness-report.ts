import type { Loudness } from '../../proto/render-options.ts';

/** Measures by EBU R128 what passes through it; its summary comes when the sound ends. */
export const ebur128Filter = 'ebur128=peak=true:framelog=verbose';

/** Below this nothing was measured: the absolute gate of EBU R128, which FFmpeg shows for silence. */
const gateLufs = -70;

const rows: readonly { readonly name: keyof Loudness; readonly pattern: RegExp }[] = [
  { name: 'integrated', pattern: /^\s*I:\s+(-?[\d.]+) LUFS\s*$/u },
  { name: 'range', pattern: /^\s*LRA:\s+(-?[\d.]+) LU\s*$/u },
  { name: 'truePeak', pattern: /^\s*Peak:\s+(-?[\d.]+) dBFS\s*$/u },
];

/**
 * Reads FFmpeg's summary line by line: what was known before, with what this line adds. The figures of silence, and of
 * sound that is too short for a measurement, stay absent.
 */
export function readLoudnessLine(known: Loudness | undefined, line: string): Loudness | undefined {
  if (/ebur128.*Summary:/u.test(line)) return {};
  if (known === undefined) return undefined;
  for (const { name, pattern } of rows) {
    const figure = pattern.exec(line)?.[1];
    if (figure !== undefined) return withFigure(known, name, Number(figure));
  }
  return known;
}

function withFigure(known: Loudness, name: keyof Loudness, figure: number): Loudness {
  if (name === 'integrated') return figure > gateLufs ? { ...known, integrated: figure } : known;
  // A range of nothing is no range.
  if (name === 'range' && known.integrated === undefined) return known;
  return { ...known, [name]: figure };
}

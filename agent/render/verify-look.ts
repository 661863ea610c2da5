import type { Loudness } from '../../proto/render-options.ts';
import { commonArguments, inputArguments } from './ffmpeg-arguments.ts';
import { ebur128Filter, readLoudnessLine } from './loudness-report.ts';
import type { Stretch, StretchKind } from './stretches.ts';

/** What of a result is decoded, all of it in one FFmpeg and once. */
export interface LookOptions {
  /** Every frame, not only the first of each two seconds. */
  readonly allFrames: boolean;
  readonly loudness: boolean;
}

/**
 * A stretch is told when it is longer, in seconds. Key frames are two seconds apart, so that it takes two of them to be
 * alike: a fade from black, or one still moment, is no news.
 */
const stretchSecondsMin = 3;

/** Pictures without a key frame in two seconds do not exist here: `-g 60`. */
const filters = {
  picture: [
    `blackdetect=d=${stretchSecondsMin}:pix_th=0.10`,
    `freezedetect=n=-60dB:d=${stretchSecondsMin}`,
  ].join(','),
  sound: `silencedetect=n=-60dB:d=${stretchSecondsMin}`,
} as const;

/** Decodes a result to nowhere: its whole sound, and of its picture the key frames or all. */
export function lookArguments(file: string, { allFrames, loudness }: LookOptions): readonly string[] {
  return [
    ...commonArguments,
    // Verbose would have a line for every 0.1 s of sound.
    ...['-loglevel', 'repeat+level+info'],
    ...(allFrames ? [] : ['-skip_frame', 'nokey']),
    // Key frames depend on nothing: more threads for them took a quarter more time.
    ...inputArguments(file, allFrames ? undefined : 1, 'mov'),
    ...['-map', '0:v:0', '-vf', filters.picture, '-fps_mode', 'passthrough'],
    ...['-map', '0:a:0', '-af', loudness ? `${filters.sound},${ebur128Filter}` : filters.sound],
    ...['-f', 'null', '-'],
  ];
}

/** What the filters say while they look; `stretches` is asked when FFmpeg has ended. */
export interface LookListener {
  line(line: string): void;
  /** A stretch that had no end lasts to the end of the file. */
  stretches(endSeconds: number): readonly Stretch[];
  /** Undefined where nothing was measured. */
  loudness(): Loudness | undefined;
}

/** More stretches than this are counted, not kept. */
const stretchesMax = 10_000;

const rules: readonly { readonly kind: StretchKind; readonly from: RegExp; readonly to: RegExp }[] = [
  { kind: 'black', from: /black_start:\s*(-?[\d.]+)/u, to: /black_end:\s*(-?[\d.]+)/u },
  { kind: 'frozen', from: /freeze_start:\s*(-?[\d.]+)/u, to: /freeze_end:\s*(-?[\d.]+)/u },
  { kind: 'silent', from: /silence_start:\s*(-?[\d.]+)/u, to: /silence_end:\s*(-?[\d.]+)/u },
];

export function listenToLook(): LookListener {
  const found: Stretch[] = [];
  const open = new Map<StretchKind, number>();
  let loudness: Loudness | undefined;
  const close = (kind: StretchKind, toSeconds: number): void => {
    const fromSeconds = open.get(kind);
    open.delete(kind);
    if (fromSeconds !== undefined && found.length < stretchesMax)
      found.push({ kind, fromSeconds, toSeconds });
  };
  return {
    line(line) {
      loudness = readLoudnessLine(loudness, line);
      for (const { kind, from, to } of rules) {
        const [begin, end] = [from.exec(line)?.[1], to.exec(line)?.[1]];
        if (begin !== undefined) open.set(kind, Math.max(0, Number(begin)));
        if (end !== undefined) close(kind, Number(end));
      }
    },
    stretches(endSeconds) {
      for (const kind of [...open.keys()]) close(kind, endSeconds);
      return found;
    },
    loudness: () => loudness,
  };
}

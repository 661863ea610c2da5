import { createHash } from 'node:crypto';
import type { Loudness } from '../../proto/render-options.ts';
import { readNote, writeNote } from '../media/content-note.ts';
import type { MediaFacts } from './facts.ts';
import { type FfmpegContext, runFfmpeg } from './ffmpeg.ts';
import { commonArguments, inputArguments } from './ffmpeg-arguments.ts';
import { ebur128Filter, readLoudnessLine } from './loudness-report.ts';
import { sampleRate } from './render-plan.ts';
import { chooseSound } from './streams.ts';

/** A source whose sound is measured. */
export interface MeasuredSource {
  /** Plain name of the file in the work folder. */
  readonly fileName: string;
  readonly facts: MediaFacts;
  /** Where the figures are kept with the content that they are about. */
  readonly notePath: string;
}

/** The measurement's own version: of the same sound it gives the same figures. */
const measureVersion = 1;

/**
 * Loudness of the sound that a segment would have of this source: the first of two passes. Every content is measured
 * once on a PC. Without figures where there is no sound, silence, less than 0.4 s, or what FFmpeg cannot read: then the
 * sound stays as it is. Rejects with the signal's reason only.
 */
export async function measureLoudness(context: FfmpegContext, source: MeasuredSource): Promise<Loudness> {
  const args = measureArguments(source);
  if (args === undefined) return {};
  const key = keyOf(args, context.request.ffmpeg.versionText);
  const known = await readNote<Loudness>(source.notePath, key);
  if (known !== undefined) return known;
  let figures: Loudness | undefined;
  const result = await runFfmpeg(context, `${source.fileName} loudness`, args, {
    onStderrLine: (line) => (figures = readLoudnessLine(figures, line)),
  });
  context.signal.throwIfAborted();
  if (!result.succeeded || figures === undefined) return {};
  await writeNote(source.notePath, key, figures);
  return figures;
}

/** What was measured here of this source; undefined where it was not. Runs nothing. */
export async function notedLoudness(
  source: MeasuredSource,
  ffmpegVersionText: string,
): Promise<Loudness | undefined> {
  const args = measureArguments(source);
  return args === undefined ? {} : await readNote(source.notePath, keyOf(args, ffmpegVersionText));
}

/** Mixed to two channels first, as it will be heard: that alone changes its level. */
function measureArguments({ fileName, facts }: MeasuredSource): readonly string[] | undefined {
  const stream = chooseSound(facts);
  if (stream === undefined) return undefined;
  return [
    ...commonArguments,
    ...['-loglevel', 'repeat+level+info'],
    ...inputArguments(fileName),
    ...['-map', `0:${stream.index}`],
    ...['-af', `aresample=${sampleRate},aformat=sample_fmts=fltp:channel_layouts=stereo,${ebur128Filter}`],
    ...['-f', 'null', '-'],
  ];
}

/** The file's name is the item's: the note lies with its content. */
function keyOf(args: readonly string[], ffmpegVersionText: string): string {
  const without = args.filter((_, index) => args[index - 1] !== '-i');
  const text = JSON.stringify([measureVersion, ffmpegVersionText, without]);
  return createHash('sha256').update(text).digest('hex');
}

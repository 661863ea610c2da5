import { encoderArguments, encoderRung } from './encoder.ts';
import { commonArguments, inputArguments } from './ffmpeg-arguments.ts';
import { segmentGraph } from './graph.ts';
import { type SegmentPlan, type Size, sampleRate } from './render-plan.ts';
import type { EncoderChoice } from './render-request.ts';

/** The names that a segment's command uses: files of the work folder, or their hashes where the command is a key. */
export interface SegmentNames {
  readonly source: string;
  readonly logo: string;
  readonly script: string;
  readonly output: string;
}

export interface SegmentSettings {
  readonly frameSize: Size;
  readonly enable4k: boolean;
  readonly encoder: EncoderChoice;
}

/**
 * Ticks a second of every segment's picture: one tick is one frame, so that the join's sums in microseconds round back
 * to whole frames. Segments of different timescales made 46.9 s out of 8 s, with exit code 0.
 */
export const segmentTimescale = 30;

/** FFmpeg's arguments for one item: a MOV with H.264 and PCM, of exactly the planned length. */
export function segmentArguments(
  segment: SegmentPlan,
  { frameSize, enable4k, encoder }: SegmentSettings,
  names: SegmentNames,
): readonly string[] {
  const rung = encoderRung(encoder.rung);
  const { threads, gpuIndex, profile } = encoder;
  const graph = segmentGraph(segment, frameSize, rung, { input: 0, scriptName: names.script, suffix: '' });
  return [
    ...commonArguments,
    ...rung.deviceArguments,
    ...(threads === undefined ? [] : ['-filter_complex_threads', `${threads}`]),
    // Left to itself, FFmpeg would begin the graph anew at each change: the frames so far, cloned to the end, and then the rest.
    ...(segment.picture.isChanging === true ? ['-reinit_filter:v', '0'] : []),
    ...inputArguments(names.source, threads),
    ...(segment.logo === undefined ? [] : inputArguments(names.logo, threads)),
    ...['-filter_complex', graph, '-map', '[v]', '-map', '[a]'],
    ...['-map_metadata', '-1', '-map_chapters', '-1'],
    ...encoderArguments(rung, {
      enable4k,
      profile,
      ...(gpuIndex === undefined ? {} : { gpuIndex }),
      ...(threads === undefined ? {} : { threads }),
    }),
    ...['-c:a', 'pcm_s16le', '-ar', `${sampleRate}`, '-ac', '2'],
    ...['-video_track_timescale', `${segmentTimescale}`, '-f', 'mov', names.output],
  ];
}

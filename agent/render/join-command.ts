import { commonArguments, inputArguments } from './ffmpeg-arguments.ts';
import { sampleRate } from './render-plan.ts';

/** Files that a join uses, all in the work folder. */
export const joinFiles = { list: 'segments.txt', sound: 'sound.m4a', chapters: 'chapters.txt' } as const;

/** Ticks a second of the result's picture: 512 to a frame, FFmpeg's own choice for 30 fps. */
const resultTimescale = 15_360;

/** Segments and sound are MOV and MP4 of our own. */
const madeFormats = 'mov';

const concatInput = [
  ...['-f', 'concat', '-safe', '0'],
  ...inputArguments(joinFiles.list, undefined, `concat,${madeFormats}`),
];

/** The concat demuxer's list. Its names are ours, so nothing needs escaping. */
export function concatList(segmentNames: readonly string[]): string {
  return `ffconcat version 1.0\n${segmentNames.map((name) => `file ${name}\n`).join('')}`;
}

/**
 * Encodes the sound of the whole job once: AAC for each segment would add 33 ms of priming and padding per joint, three
 * seconds at a hundred items. The fast coder has half of the default's cost, and 320 kbit/s to spare.
 */
export function soundArguments(output: string): readonly string[] {
  return [...commonArguments, ...concatInput, ...soundOutput(output)];
}

/** The same of samples that come through standard input: 16 bits, two channels, 48 kHz. */
export function soundFromPipeArguments(output: string): readonly string[] {
  return [
    ...commonArguments,
    ...['-f', 's16le', '-ar', `${sampleRate}`, '-ac', '2'],
    ...['-protocol_whitelist', 'pipe', '-i', 'pipe:0'],
    ...soundOutput(output),
  ];
}

/** The sound of some segments, as it is in them. */
export function samplesArguments(list: string, output: string): readonly string[] {
  return [
    ...commonArguments,
    ...['-f', 'concat', '-safe', '0', ...inputArguments(list, undefined, `concat,${madeFormats}`)],
    ...['-map', '0:a:0', '-map_metadata', '-1', '-c:a', 'pcm_s16le', '-f', 's16le', output],
  ];
}

function soundOutput(output: string): readonly string[] {
  return [
    ...['-map', '0:a:0', '-map_metadata', '-1'],
    // By the samples themselves: the concat demuxer puts a gap of up to a millisecond into the times at each joint.
    ...['-af', 'asetpts=N/SR/TB'],
    ...['-c:a', 'aac', '-aac_coder', 'fast', '-b:a', '320k', '-ar', `${sampleRate}`, '-ac', '2'],
    ...['-f', 'mp4', output],
  ];
}

/** Puts the segments' pictures and the sound together, without encoding, index first (faststart). */
export function joinArguments(outputPath: string, hasChapters: boolean): readonly string[] {
  return [
    ...commonArguments,
    ...concatInput,
    ...inputArguments(joinFiles.sound, undefined, madeFormats),
    ...(hasChapters
      ? ['-f', 'ffmetadata', ...inputArguments(joinFiles.chapters, undefined, 'ffmetadata')]
      : []),
    ...['-map', '0:v:0', '-map', '1:a:0', '-map_metadata:g', '-1', '-map_chapters', hasChapters ? '2' : '-1'],
    ...['-c', 'copy', '-video_track_timescale', `${resultTimescale}`, '-movflags', '+faststart'],
    ...['-f', 'mp4', outputPath],
  ];
}

/**
 * Decodes a moment around each joint, all in one FFmpeg, to nowhere. A thread for each joint's decoder, because each takes
 * memory: eight decoders with FFmpeg's own choice took 1.1 GB on 16 cores (4K: 3.6 GB), and 0.26 GB so.
 */
export function decodeArguments(file: string, jointsSeconds: readonly number[]): readonly string[] {
  const aroundSeconds = 0.1;
  const inputs = jointsSeconds.flatMap((joint) => {
    const from = Math.max(0, joint - aroundSeconds).toFixed(3);
    return ['-ss', from, '-t', `${2 * aroundSeconds}`, ...inputArguments(file, 1, madeFormats)];
  });
  const maps = jointsSeconds.flatMap((_, index) => ['-map', `${index}:v:0`, '-map', `${index}:a:0`]);
  return [...commonArguments, ...inputs, ...maps, '-f', 'null', '-'];
}

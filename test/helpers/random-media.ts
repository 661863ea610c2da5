import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Random } from '../../chaos/random.ts';
import { ffmpeg } from './media.ts';
import { clockPicture, clockSound } from './media-clock.ts';

/** A clip drawn from a grammar of what studios bring, and what happened to it on its way. */
export interface RandomClip {
  /** Every choice, for the message of a test that fails. */
  readonly name: string;
  readonly file: string;
  readonly seconds: number;
  /** Frames of the result that one frame of the source may stay. */
  readonly heldFrames: number;
  /** Undefined: it is whole. */
  readonly damage: string | undefined;
  readonly beeps: readonly number[];
}

const beepSeconds = [0.3, 0.8];

/** Of each container what can be in it: extension, picture, sound. */
const forms: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['mp4', ['x264', 'x264-b', 'mpeg4'], ['aac', 'mp3']],
  ['mov', ['x264', 'prores', 'mjpeg'], ['pcm', 'aac']],
  ['mkv', ['x264', 'x264-b', 'ffv1', 'vp8'], ['aac', 'opus', 'flac', 'pcm']],
  ['webm', ['vp8', 'vp9'], ['opus']],
  ['ts', ['x264', 'x264-b', 'mpeg2'], ['aac', 'mp2']],
  ['avi', ['mpeg4', 'mjpeg'], ['mp3', 'pcm']],
  ['flv', ['x264', 'flv1'], ['aac']],
  ['mpg', ['mpeg2'], ['mp2']],
  ['mxf', ['mpeg2'], ['pcm']],
];
const pictures: Readonly<Record<string, readonly string[]>> = {
  x264: ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'],
  'x264-b': ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '3', '-pix_fmt', 'yuv420p'],
  mpeg4: ['-c:v', 'mpeg4', '-qscale:v', '2', '-bf', '1'],
  mpeg2: ['-c:v', 'mpeg2video', '-qscale:v', '2', '-bf', '2'],
  flv1: ['-c:v', 'flv', '-qscale:v', '2'],
  mjpeg: ['-c:v', 'mjpeg', '-qscale:v', '2', '-pix_fmt', 'yuvj420p'],
  prores: ['-c:v', 'prores_ks', '-profile:v', '0'],
  ffv1: ['-c:v', 'ffv1', '-pix_fmt', 'yuv420p'],
  vp8: ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8'],
  vp9: ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8'],
};
const sounds: Readonly<Record<string, readonly string[]>> = {
  aac: ['-c:a', 'aac'],
  mp3: ['-c:a', 'libmp3lame'],
  mp2: ['-c:a', 'mp2'],
  opus: ['-c:a', 'libopus'],
  flac: ['-c:a', 'flac'],
  pcm: ['-c:a', 'pcm_s16le'],
};
const rates = ['24000/1001', '24', '25', '30000/1001', '30', '50', '60'];
/** All of 16:9, so that the clock fills the frame. */
const sizes = ['160x90', '320x180', '256x144'];
/** MPEG-2 knows no other rates than film's and television's, MXF fewer. */
const mxfRates = ['25', '30000/1001'];

/** Makes one clip in a folder; the same random numbers make the same clip. */
export async function randomClip(random: Random, folder: string, index: number): Promise<RandomClip> {
  const [extension, codecs, tracks] = oneOf(random, forms);
  const codec = oneOf(random, codecs);
  const rate = oneOf(random, extension === 'mxf' ? mxfRates : rates);
  const seconds = oneOf(random, [1, 1.2, 1.6]);
  const isSilent = extension !== 'mxf' && random.chance(0.15);
  const track = oneOf(random, tracks);
  const channels = oneOf(random, [1, 2]);
  const keyEvery = oneOf(random, [1, 12, 25, 250]);
  const size = oneOf(random, sizes);
  const whole = path.join(folder, `whole-${index}.${extension}`);
  await ffmpeg([
    ...['-f', 'lavfi', '-i', clockPicture(seconds, rate, size)],
    ...(isSilent ? [] : ['-f', 'lavfi', '-i', clockSound(seconds, beepSeconds)]),
    ...(pictures[codec] ?? []),
    ...['-g', `${keyEvery}`],
    ...(isSilent ? [] : [...(sounds[track] ?? []), '-ac', `${channels}`]),
    ...(extension === 'flv' ? ['-ar', '44100'] : []),
    whole,
  ]);
  const content = await readFile(whole);
  const [damage, spoilt] = random.chance(0.5) ? [undefined, content] : spoil(random, content);
  const file = path.join(folder, `clip-${index}.${extension}`);
  await writeFile(file, spoilt);
  const sound = isSilent ? 'silent' : `${track} of ${channels}`;
  const name = `${extension} ${codec} g${keyEvery} ${rate} ${size} ${seconds} s, ${sound}, ${damage ?? 'whole'}`;
  const [over = 25, under = 1] = rate.split('/').map(Number);
  return {
    ...{ name, file, seconds, damage },
    heldFrames: Math.ceil((30 * under) / over) + 1,
    beeps: isSilent ? [] : beepSeconds,
  };
}

/** What cables, disks and people do to a file. */
function spoil(random: Random, content: Buffer): readonly [string, Buffer] {
  const at = Math.floor(content.length * (0.1 + 0.85 * random.next()));
  const length = Math.max(16, Math.floor(content.length * oneOf(random, [0.005, 0.03, 0.1])));
  const head = content.subarray(0, at);
  const told = `at ${at} of ${content.length}`;
  switch (oneOf(random, ['cut', 'flip', 'flips', 'zeros', 'hole', 'twice', 'tail', 'noise'])) {
    case 'cut':
      return [`cut ${told}`, head];
    case 'flip':
      return [`a bit turned ${told}`, flipped(content, [at])];
    case 'flips': {
      const places = Array.from({ length: 12 }, () => Math.floor(content.length * random.next()));
      return [`bits turned at ${places.join(' ')}`, flipped(content, places)];
    }
    case 'zeros':
      return [`${length} zeros ${told}`, Buffer.from(content).fill(0, at, at + length)];
    case 'noise': {
      const noise = Buffer.from(Array.from({ length }, () => Math.floor(256 * random.next())));
      return [`${length} of noise ${told}`, Buffer.concat([head, noise, content.subarray(at + length)])];
    }
    case 'hole':
      return [`${length} bytes lost ${told}`, Buffer.concat([head, content.subarray(at + length)])];
    case 'twice':
      return [
        `${length} bytes twice ${told}`,
        Buffer.concat([content.subarray(0, at + length), content.subarray(at)]),
      ];
    default:
      return ['noise behind its end', Buffer.concat([content, Buffer.alloc(4096, 'garbage ')])];
  }
}

function flipped(content: Buffer, places: readonly number[]): Buffer {
  const copy = Buffer.from(content);
  for (const place of places) copy[place] = (copy[place] ?? 0) ^ 0x20;
  return copy;
}

function oneOf<T>(random: Random, from: readonly T[]): T {
  const found = from[random.between(0, from.length - 1)];
  if (found === undefined) throw new Error('nothing to choose from');
  return found;
}

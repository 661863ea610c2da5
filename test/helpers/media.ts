import { createHash } from 'node:crypto';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { runProcess } from '../../agent/process/run.ts';

/** Generated media that several test files use: made once, then kept under out/ by the hash of its arguments. */
const mediaFolder = path.join(import.meta.dirname, '..', '..', 'out', 'test-media');

let parts = 0;

/** Makes a file with FFmpeg's own generators; the same arguments give the same file again at no cost. */
export async function makeMedia(extension: string, args: readonly string[]): Promise<string> {
  const name = createHash('sha256')
    .update(JSON.stringify([extension, args]))
    .digest('hex')
    .slice(0, 20);
  const file = path.join(mediaFolder, `${name}.${extension}`);
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  if (isThere) return file;
  await mkdir(mediaFolder, { recursive: true });
  // Tests run at the same time: each makes its own, and the last rename wins with the same content.
  const part = path.join(mediaFolder, `${name}.${process.pid}-${(parts += 1)}.${extension}`);
  try {
    await ffmpeg([...args, part]);
    await rename(part, file);
  } finally {
    await rm(part, { force: true });
  }
  return file;
}

/** Runs FFmpeg, quietly, and demands that it succeeds. */
export async function ffmpeg(args: readonly string[]): Promise<void> {
  const result = await runProcess({
    file: 'ffmpeg',
    args: ['-hide_banner', '-nostdin', '-y', '-v', 'error', ...args],
    priority: 'normal',
  });
  if (!result.succeeded) throw new Error(`ffmpeg ${args.join(' ')}\n${result.stderrTail.join('\n')}`);
}

export interface ClipOptions {
  readonly size?: string;
  /** FFmpeg's words: `25`, `30000/1001`. */
  readonly rate?: string;
  readonly seconds?: number;
  /** When the picture turns white, and the beep begins, for 0.2 s. */
  readonly signalAtSeconds?: number;
  /** `none`, or how many channels at which rate. */
  readonly sound?: 'none' | { readonly channels: number; readonly rate: number };
  /** The sound stream begins so much later than the picture, and its beep with it. */
  readonly soundLaterSeconds?: number;
  /** How long the sound lasts, when it is not as long as the picture. */
  readonly soundSeconds?: number;
  /** Filters after the generated picture. */
  readonly filters?: string;
  readonly extension?: string;
  readonly encoder?: readonly string[];
}

/** A dark clip with a flash and a beep at the same moment: what is in step in the source must be so in the result. */
export async function makeSignalClip(options: ClipOptions = {}): Promise<string> {
  const { size = '320x180', rate = '25', seconds = 1.4, signalAtSeconds: at = 1 } = options;
  const { sound = { channels: 2, rate: 48_000 }, soundLaterSeconds = 0, soundSeconds = seconds } = options;
  const flash = `drawbox=t=fill:color=white:enable='between(t,${at - 0.0005},${at + 0.2})'`;
  const filters = options.filters === undefined ? '' : `,${options.filters}`;
  const picture = `color=c=0x202020:s=${size}:r=${rate}:d=${seconds},${flash}${filters}`;
  const beepAt = at - soundLaterSeconds;
  const beep = `if(between(t,${beepAt},${beepAt + 0.2}),0.8*sin(2*PI*1000*(t-${beepAt})),0)`;
  const inputs = ['-f', 'lavfi', '-i', picture];
  if (sound !== 'none') {
    const tone = Array.from({ length: sound.channels }, () => beep).join('|');
    const layout = { 1: 'mono', 2: 'stereo', 6: '5.1' }[sound.channels] ?? 'stereo';
    if (soundLaterSeconds > 0) inputs.push('-itsoffset', `${soundLaterSeconds}`);
    inputs.push(
      '-f',
      'lavfi',
      '-i',
      `aevalsrc='${tone}':s=${sound.rate}:c=${layout}:d=${soundSeconds - soundLaterSeconds}`,
    );
  }
  const encoder = options.encoder ?? [
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-pix_fmt',
    'yuv420p',
    '-c:a',
    'aac',
  ];
  const isVariable = filters.includes('select');
  const mode = ['-fps_mode', isVariable ? 'vfr' : 'cfr'];
  return await makeMedia(options.extension ?? 'mp4', [
    ...inputs,
    '-map',
    '0',
    ...(sound === 'none' ? [] : ['-map', '1']),
    ...mode,
    ...encoder,
  ]);
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { runProcess } from '../../agent/process/run.ts';

/** Raw bytes of a decoded file. */
export async function decode(args: readonly string[]): Promise<Buffer> {
  const child = spawn('ffmpeg', ['-v', 'error', '-nostdin', ...args, 'pipe:1'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pieces: Buffer[] = [];
  child.stdout.on('data', (piece: Buffer) => pieces.push(piece));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`ffmpeg ${args.join(' ')} exited with ${code ?? 'a signal'}`);
  return Buffer.concat(pieces);
}

/** Seconds at which the picture turns white, one for each flash. */
export async function findFlashes(file: string, framesPerSecond = 30): Promise<number[]> {
  const luma = await decode([
    '-i',
    file,
    '-map',
    '0:v:0',
    '-vf',
    'scale=1:1:flags=area,format=gray',
    '-fps_mode',
    'passthrough',
    '-f',
    'rawvideo',
  ]);
  return risingEdges(luma.length, (index) => (luma[index] ?? 0) > 100).map(
    (frame) => frame / framesPerSecond,
  );
}

/** Seconds at which a beep begins, one for each. */
export async function findBeeps(file: string): Promise<number[]> {
  const rate = 48_000;
  const bytes = await decode(['-i', file, '-map', '0:a:0', '-ac', '1', '-ar', `${rate}`, '-f', 's16le']);
  const samples = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1);
  const isLoud = (index: number): boolean => Math.abs(samples[index] ?? 0) > 3000;
  // A sine is quiet twice in each period: only 20 ms of quiet end a beep.
  let lastLoud = Number.NEGATIVE_INFINITY;
  const starts: number[] = [];
  for (const index of samples.keys()) {
    if (!isLoud(index)) continue;
    if (index - lastLoud > rate * 0.02) starts.push(index / rate);
    lastLoud = index;
  }
  return starts;
}

/** One frame as RGB, in bt709 as players read it. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  at(x: number, y: number): readonly [number, number, number];
}

export async function readFrame(file: string, seconds: number, width = 1920, height = 1080): Promise<Pixels> {
  const filter =
    'scale=iw:ih:in_color_matrix=bt709:in_range=tv:flags=neighbor+accurate_rnd+full_chroma_int,format=rgb24';
  const bytes = await decode([
    '-ss',
    `${seconds}`,
    '-i',
    file,
    '-frames:v',
    '1',
    '-vf',
    filter,
    '-f',
    'rawvideo',
  ]);
  return {
    width,
    height,
    at: (x, y) => {
      const index = (y * width + x) * 3;
      return [bytes[index] ?? -1, bytes[index + 1] ?? -1, bytes[index + 2] ?? -1];
    },
  };
}

/** The smallest rectangle that holds all pixels of a kind; undefined when there are none. */
export function boundingBox(pixels: Pixels, isMeant: (rgb: readonly [number, number, number]) => boolean) {
  let box: { left: number; top: number; right: number; bottom: number } | undefined;
  for (let y = 0; y < pixels.height; y += 1) {
    for (let x = 0; x < pixels.width; x += 1) {
      if (!isMeant(pixels.at(x, y))) continue;
      box ??= { left: x, top: y, right: x, bottom: y };
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x);
      box.bottom = y;
    }
  }
  return box;
}

/** ffprobe's answer about streams, format and chapters. */
export interface ProbeAnswer {
  readonly streams: readonly Record<string, string | number>[];
  readonly format: Record<string, string>;
  readonly chapters: readonly { readonly start_time: string; readonly tags?: { readonly title?: string } }[];
}

export async function ffprobe(file: string): Promise<ProbeAnswer> {
  const result = await runProcess({
    file: 'ffprobe',
    args: [
      '-v',
      'error',
      '-show_streams',
      '-show_format',
      '-show_chapters',
      '-count_packets',
      '-of',
      'json',
      file,
    ],
    stdoutCharsMax: 1_000_000,
  });
  return JSON.parse(result.stdout) as ProbeAnswer;
}

function risingEdges(length: number, isHigh: (index: number) => boolean): number[] {
  const edges: number[] = [];
  for (let index = 0; index < length; index += 1) {
    if (isHigh(index) && (index === 0 || !isHigh(index - 1))) edges.push(index);
  }
  return edges;
}

import { stat } from 'node:fs/promises';
import pMap from 'p-map';
import { type Mounts, resolveUnc } from '../agent/media/unc.ts';
import { runProcess } from '../agent/process/run.ts';
import { topLevelBoxes } from '../agent/render/mp4-boxes.ts';
import type { ItemInput } from '../client/job-input.ts';
import type { DemoJob } from './jobs.ts';

/** What ffprobe says about a published file. */
export interface Inspection {
  readonly frames: number;
  readonly seconds: number;
  readonly bytes: number;
  /** `1920x1080 H.264 Main 4.1`, for the table. */
  readonly summary: string;
  /** Everything that is not as it has to be; empty for a good file. */
  readonly problems: readonly string[];
}

const framesPerSecond = 30;
/** AAC packs 1,024 samples: the sound may end that much beside the picture, the container by as much. */
const aacFrameSeconds = 1024 / 48_000;
const imageSeconds = 5;

/**
 * Asks ffprobe, which knows nothing of us, whether a result is what the job asked for: its frames are counted, and
 * compared with those that its sources have.
 */
export async function inspectResult(file: string, job: DemoJob, mounts: Mounts): Promise<Inspection> {
  const [expected, probed, boxes, { size }] = await Promise.all([
    expectedFrames(job.input.items, mounts),
    ffprobe(['-show_streams', '-show_format', '-count_packets', file]),
    topLevelBoxes(file),
    stat(file),
  ]);
  const picture = streamsOf(probed).find((stream) => stream['codec_type'] === 'video') ?? {};
  const frames = Number(picture['nb_read_packets']);
  const seconds = Number(record(probed['format'])['duration']);
  const wrong = [
    ...differences(picture, wantedPicture(job.input.enable4k === true)),
    ...soundProblems(streamsOf(probed)),
    ...lengthProblems({ frames, seconds }, expected, job.framesOffMax),
  ];
  const isFast = boxes.includes('moov') && boxes.indexOf('moov') < boxes.indexOf('mdat');
  if (!isFast) wrong.push('its index is behind its pictures (no faststart)');
  const level = (Number(picture['level']) / 10).toFixed(1);
  const what = `H.264 ${text(picture['profile'])} ${level}`;
  return {
    frames,
    seconds,
    bytes: size,
    summary: `${text(picture['width'])}x${text(picture['height'])} ${what}, ${frames} frames`,
    problems: wrong,
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** mission.md's encoding table, in ffprobe's words. */
function wantedPicture(enable4k: boolean): Fields {
  return {
    codec_name: 'h264',
    width: enable4k ? 3840 : 1920,
    height: enable4k ? 2160 : 1080,
    profile: enable4k ? 'High' : 'Main',
    level: enable4k ? 51 : 41,
    pix_fmt: 'yuv420p',
    r_frame_rate: '30/1',
    avg_frame_rate: '30/1',
    sample_aspect_ratio: '1:1',
    color_space: 'bt709',
    color_transfer: 'bt709',
    color_primaries: 'bt709',
    color_range: 'tv',
  };
}

function soundProblems(streams: readonly Fields[]): readonly string[] {
  const sounds = streams.filter((stream) => stream['codec_type'] === 'audio');
  if (sounds.length !== 1) return [`it has ${sounds.length} sounds`];
  return differences(sounds[0] ?? {}, { codec_name: 'aac', sample_rate: '48000', channels: 2 });
}

function differences(found: Fields, wanted: Fields): readonly string[] {
  return Object.entries(wanted)
    .filter(([name, value]) => found[name] !== value)
    .map(([name, value]) => `${name} is ${text(found[name])}, not ${text(value)}`);
}

function lengthProblems(
  { frames, seconds }: { readonly frames: number; readonly seconds: number },
  expected: number,
  framesOffMax: number,
): readonly string[] {
  const problems: string[] = [];
  if (!(Math.abs(frames - expected) <= framesOffMax)) problems.push(`${frames} frames, not ${expected}`);
  if (!(Math.abs(seconds - frames / framesPerSecond) <= 2 * aacFrameSeconds)) {
    problems.push(`it lasts ${seconds} s with ${frames} frames`);
  }
  return problems;
}

/** Frames that a job's film must have: each item's length, rounded to whole frames at 30 a second. */
async function expectedFrames(items: readonly ItemInput[], mounts: Mounts): Promise<number> {
  const counts = await pMap(items, (item) => framesOf(item, mounts), { concurrency: 2 });
  return counts.reduce((sum, count) => sum + count, 0);
}

async function framesOf(item: ItemInput, mounts: Mounts): Promise<number> {
  const isImage = item.itemType === 'image';
  const seconds = isImage ? (item.durationMs ?? imageSeconds * 1000) / 1000 : await clipSeconds(item, mounts);
  return Math.max(1, Math.round(seconds * framesPerSecond));
}

/** From the container's start to the end of the last picture, by the packets: not every container says it. */
async function clipSeconds({ path = '' }: ItemInput, mounts: Mounts): Promise<number> {
  const { localPath } = resolveUnc(path, mounts, process.platform);
  const entries = 'format=start_time:packet=pts_time,duration_time,flags';
  const probed = await ffprobe(['-select_streams', 'V:0', '-show_entries', entries, localPath]);
  const packets = Array.isArray(probed['packets']) ? probed['packets'].map(record) : [];
  let end = -Infinity;
  for (const packet of packets) {
    // Marked D: read so that others can be decoded, never shown.
    if (text(packet['flags']).includes('D')) continue;
    end = Math.max(end, Number(packet['pts_time']) + Number(packet['duration_time'] ?? 0));
  }
  return end - Number(record(probed['format'])['start_time']);
}

/** A minute of packets is about a megabyte of JSON. */
const answerCharsMax = 200_000_000;

async function ffprobe(args: readonly string[]): Promise<Fields> {
  const result = await runProcess({
    file: 'ffprobe',
    args: ['-v', 'error', '-of', 'json', ...args],
    stdoutCharsMax: answerCharsMax,
    priority: 'normal',
  });
  if (!result.succeeded) throw new Error(`ffprobe ${args.join(' ')}: ${result.stderrTail.join(' ')}`);
  return record(JSON.parse(result.stdout) as unknown);
}

function streamsOf(probed: Fields): readonly Fields[] {
  return Array.isArray(probed['streams']) ? probed['streams'].map(record) : [];
}

function record(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? `${value}` : 'unknown';
}

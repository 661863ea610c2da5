import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { makeMedia } from '../helpers/media.ts';
import {
  beepsOf,
  clockOf,
  clockPicture,
  clockSound,
  type ItemOutcome,
  renderItem,
} from '../helpers/media-clock.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

const seconds = 1;
const beeps = [0.3, 0.7];
const picture = (rate = '25', size = '160x90'): string[] => [
  '-f',
  'lavfi',
  '-i',
  clockPicture(seconds, rate, size),
];
const sound = (rate = 48_000): string[] => ['-f', 'lavfi', '-i', clockSound(seconds, beeps, rate)];
const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-qp', '8'];
const withB = ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '3', '-pix_fmt', 'yuv420p', '-g', '50'];
const aac = ['-c:a', 'aac'];
const pcm = ['-c:a', 'pcm_s16le'];
const channels = (count: number): string[] => [
  ...pcm,
  ...['-af', `pan=${count}c|${Array.from({ length: count }, (_, index) => `c${index}=c0`).join('|')}`],
];

/** What a clip must come to; times in seconds. */
interface Expected {
  /** @default 30: a frame more where the sound is what begins first */
  readonly frames?: readonly [number, number];
  /** The moment of the source that is shown at zero. @default 0 */
  readonly from?: number;
  /** Where the beeps are. @default those of the source, from the same zero as the picture */
  readonly beeps?: readonly number[];
  /** @default one of the source and one of the result */
  readonly apart?: number;
}

function wrongWith(outcome: ItemOutcome, expected: Expected): readonly string[] {
  if (outcome.kind !== 'rendered') return [JSON.stringify(outcome)];
  const { rows, samples, plan } = outcome;
  const { frames: [least, most] = [30, 31], from = 0, apart = 0.045 } = expected;
  const wrong: string[] = [];
  if (rows.length !== plan.frames || rows.length < least || rows.length > most)
    wrong.push(`${rows.length} frames`);
  if (samples.length !== plan.frames * 1600 * 2) wrong.push(`${samples.length / 2} samples`);
  const late = rows.map((row, index) => clockOf(row, seconds) - index / 30 - from);
  const steady = late.slice(1, Math.floor((seconds - from) * 30) - 2);
  const off = Math.max(...steady.map(Math.abs));
  if (off > apart)
    wrong.push(`the picture is ${off} s off: ${steady.map((one) => one.toFixed(3)).join(' ')}`);
  const meant = expected.beeps ?? beeps.map((at) => at - from);
  const heard = beepsOf(samples);
  const isInStep =
    heard.length === meant.length && meant.every((at, index) => Math.abs(at - (heard[index] ?? 9)) <= 0.03);
  return isInStep ? wrong : [...wrong, `beeps at ${heard.join(' ')}`];
}

async function assertAll(
  clips: Readonly<Record<string, readonly [Promise<string>, Expected?]>>,
): Promise<void> {
  const wrong: string[] = [];
  for (const [name, [file, expected = {}]] of Object.entries(clips)) {
    for (const fault of wrongWith(await renderItem(await file), expected)) wrong.push(`${name}: ${fault}`);
  }
  assert.deepEqual(wrong, []);
}

test('Clips whose zero, order or edges are odd are in step from their first frame on', async () => {
  const source = makeMedia('mp4', [...picture(), ...sound(), ...withB, ...aac]);
  const cut = async (extension: string, ...more: string[]) =>
    await makeMedia(extension, ['-ss', '0.4', '-i', await source, '-c', 'copy', ...more]);
  await assertAll({
    'B-frames behind an edit list': [source],
    'B-frames with negative offsets': [
      makeMedia('mp4', [...picture(), ...sound(), ...withB, ...aac, '-movflags', '+negative_cts_offsets']),
    ],
    // What lies before the cut is there to be decoded, and not to be shown.
    'cut by an edit list': [cut('mp4'), { from: 0.4, frames: [17, 20], beeps: [0.3], apart: 0.05 }],
    'cut, with times before zero': [cut('mkv', '-avoid_negative_ts', 'disabled'), { frames: [30, 32] }],
    'beginning at ten seconds, MP4': [
      makeMedia('mp4', [...picture(), ...sound(), ...x264, ...aac, '-output_ts_offset', '10']),
    ],
    'beginning at ten seconds, Matroska': [
      makeMedia('mkv', [...picture(), ...sound(), ...x264, ...aac, '-output_ts_offset', '10']),
    ],
    'beginning near the wrap of a transport stream': [
      makeMedia('ts', [...picture(), ...sound(), ...x264, ...aac, '-output_ts_offset', '95443']),
    ],
    'sound later': [
      makeMedia('ts', [...picture(), '-itsoffset', '0.2', ...sound(), ...x264, ...aac]),
      { beeps: beeps.map((at) => at + 0.2) },
    ],
  });
});

test('A picture that begins after its sound is shown from the beginning, and keeps step', async () => {
  const file = await makeMedia('mp4', ['-itsoffset', '0.3', ...picture(), ...sound(), ...x264, ...aac]);
  const outcome = await renderItem(file);
  assert.ok(outcome.kind === 'rendered');
  assert.ok(outcome.rows.length === 39 || outcome.rows.length === 40, `${outcome.rows.length} frames`);
  const late = outcome.rows.map((row, index) => clockOf(row, seconds) + 0.3 - index / 30).slice(10, 36);
  assert.ok(Math.max(...late.map(Math.abs)) <= 0.045, late.join(' '));
  assert.deepEqual(
    beepsOf(outcome.samples).map((at) => at.toFixed(2)),
    ['0.30', '0.70'],
  );
});

test('Sound of every rate and layout keeps its step and its length', async () => {
  await assertAll({
    '8 kHz': [makeMedia('mov', [...picture(), ...sound(8000), ...x264, ...pcm])],
    '192 kHz': [makeMedia('mov', [...picture(), ...sound(192_000), ...x264, ...pcm])],
    ...Object.fromEntries(
      [3, 8, 16].map((count) => [
        `${count} channels`,
        [makeMedia('mkv', [...picture(), ...sound(), ...x264, ...channels(count)])],
      ]),
    ),
    'six channels that nobody has named': [
      makeMedia('avi', [...picture(), ...sound(), '-c:v', 'mpeg4', '-qscale:v', '2', ...channels(6)]),
    ],
  });
});

test('Pictures of every kind of pixel tell the same time', async () => {
  const raw = (pixels: string, extension = 'avi') =>
    makeMedia(extension, [...picture(), ...sound(), '-c:v', 'rawvideo', '-pix_fmt', pixels, ...pcm]);
  const ffv1 = (pixels: string) =>
    makeMedia('mkv', [...picture(), ...sound(), '-c:v', 'ffv1', '-pix_fmt', pixels, '-c:a', 'flac']);
  await assertAll({
    gray: [ffv1('gray')],
    gray16le: [ffv1('gray16le')],
    yuv422p12le: [ffv1('yuv422p12le')],
    yuv444p: [ffv1('yuv444p')],
    yuv420p10le: [ffv1('yuv420p10le')],
    gbrp: [ffv1('gbrp')],
    bgr24: [raw('bgr24')],
    pal8: [raw('pal8')],
    monow: [raw('monow', 'nut')],
    yuv411p: [ffv1('yuv411p')],
  });
});

test('Of several pictures and sounds those are taken that the file marks as its own', async () => {
  const wrongPicture = ['-f', 'lavfi', '-i', `color=c=white:s=320x180:r=25:d=${seconds}`];
  const silence = ['-f', 'lavfi', '-i', `anullsrc=d=${seconds}`];
  const streams = [...wrongPicture, ...picture(), ...silence, ...sound()].concat(
    ...['0', '1', '2', '3'].map((index) => ['-map', index]),
    x264,
    aac,
  );
  const marked = (index: number) => [
    ...[0, 1].flatMap((at) => [`-disposition:v:${at}`, at === index ? 'default' : '0']),
    ...[0, 1].flatMap((at) => [`-disposition:a:${at}`, at === index ? 'default' : '0']),
  ];
  await assertAll({
    'the second ones': [makeMedia('mkv', [...streams, ...marked(1)])],
    'beside a timecode': [
      makeMedia('mov', [...picture(), ...sound(), ...x264, ...aac, '-timecode', '10:00:00:00']),
    ],
    'beside an attached font and chapters': [
      (async () =>
        await makeMedia('mkv', [
          ...['-i', await makeMedia('mp4', [...picture(), ...sound(), ...x264, ...aac]), '-c', 'copy'],
          ...['-attach', path.join(import.meta.dirname, '..', '..', 'package.json')],
          ...['-metadata:s:t', 'mimetype=application/x-truetype-font'],
        ]))(),
    ],
  });
  // Nothing is marked: the first ones.
  const first = await renderItem(await makeMedia('mkv', [...streams, ...marked(9)]));
  assert.ok(first.kind === 'rendered');
  assert.equal(beepsOf(first.samples).length, 0);
  assert.ok(first.rows.every((row) => row.every((value) => value > 200)));
});

test('Clips of one frame, of less, and of a frame in seconds have exactly their frames', async () => {
  const slow = (rate: string) => ['-f', 'lavfi', '-i', `testsrc2=s=160x90:r=${rate}:d=4`];
  const cases: readonly (readonly [string, number, string, readonly string[]])[] = [
    ['one frame, MP4', 1, 'mp4', [...picture(), '-frames:v', '1', ...x264]],
    ['one frame, Matroska', 1, 'mkv', [...picture(), '-frames:v', '1', ...x264]],
    ['one frame, TS', 1, 'ts', [...picture(), '-frames:v', '1', ...x264]],
    ['0.01 s', 1, 'mp4', ['-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=100:d=0.01', ...x264]],
    ['0.05 s', 2, 'mp4', ['-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=20:d=0.05', ...x264]],
    ['a frame in two seconds', 120, 'mp4', [...slow('1/2'), ...x264]],
    ['1000 frames a second', 30, 'mp4', [...picture('1000'), ...x264]],
    [
      'nothing new for 0.6 s',
      30,
      'mp4',
      [...picture('30'), '-vf', "select='lt(t,0.2)+gt(t,0.8)'", '-fps_mode', 'vfr', ...x264],
    ],
  ];
  for (const [name, frames, extension, args] of cases) {
    const outcome = await renderItem(await makeMedia(extension, args));
    assert.ok(outcome.kind === 'rendered', `${name}: ${JSON.stringify(outcome)}`);
    assert.deepEqual([outcome.rows.length, outcome.samples.length], [frames, frames * 3200], name);
  }
});

test('A duration that is a lie is refused where frames are missing, and does not count where they are not', async (t) => {
  const folder = await tempFolder(t);
  const clip = [...picture(), ...sound(), ...x264, ...aac];
  const [matroska, mp4] = await Promise.all(
    ['mkv', 'mp4'].map(async (extension) => await readFile(await makeMedia(extension, clip))),
  );
  assert.ok(matroska !== undefined && mp4 !== undefined);
  const day = 86_400;
  const cases: readonly (readonly [string, string, Buffer])[] = [
    [
      'Matroska that says a day',
      'SOURCE_TRUNCATED',
      edited(matroska, (copy) => copy.writeDoubleBE(day * 1000, durationAt(copy))),
    ],
    [
      'Matroska that says 0.1 s',
      'rendered',
      edited(matroska, (copy) => copy.writeDoubleBE(100, durationAt(copy))),
    ],
    [
      'Matroska that says no number',
      'rendered',
      edited(matroska, (copy) => copy.writeDoubleBE(Number.NaN, durationAt(copy))),
    ],
    ['MP4 that says a day', 'SOURCE_TRUNCATED', edited(mp4, (copy) => writeMovieSeconds(copy, day))],
    ['MP4 that says nothing', 'rendered', edited(mp4, (copy) => writeMovieSeconds(copy, 0))],
  ];
  for (const [name, expected, content] of cases) {
    const file = path.join(folder, 'lie');
    await writeFile(file, content);
    const outcome = await renderItem(file);
    assert.equal(outcome.kind === 'refused' ? outcome.codes.join() : outcome.kind, expected, name);
    if (outcome.kind === 'rendered')
      assert.ok(outcome.rows.length === 30 || outcome.rows.length === 31, name);
  }
});

function edited(content: Buffer, edit: (copy: Buffer) => unknown): Buffer {
  const copy = Buffer.from(content);
  edit(copy);
  return copy;
}

/** EBML's Duration: its id, a length of eight, and the number. */
function durationAt(content: Buffer): number {
  const at = content.indexOf(Buffer.from('448988', 'hex'));
  assert.ok(at > 0);
  return at + 3;
}

function writeMovieSeconds(content: Buffer, value: number): void {
  const at = content.indexOf('mvhd');
  content.writeUInt32BE(content.readUInt32BE(at + 16) * value, at + 20);
}

test('Animations are clips, and no images; one that FFmpeg cannot read is refused with its name', async () => {
  const gif = await makeMedia('gif', picture('10'));
  const apng = await makeMedia('png', [...picture('10'), '-f', 'apng', '-plays', '0']);
  const webp = await makeMedia('webp', [...picture('10'), '-c:v', 'libwebp_anim', '-loop', '0']);
  for (const file of [gif, apng]) {
    const outcome = await renderItem(file);
    assert.ok(outcome.kind === 'rendered');
    assert.equal(outcome.rows.length, 30);
    const late = outcome.rows.map((row, index) => clockOf(row, seconds) - index / 30);
    assert.ok(Math.max(...late.slice(0, 27).map(Math.abs)) <= 0.1, late.join(' '));
    const shown = await renderItem(file, { itemType: 'image', durationMs: 500 });
    assert.deepEqual(shown.kind === 'refused' && shown.codes, ['IMAGE_EXPECTED']);
  }
  for (const itemType of ['video', 'image'] as const) {
    const outcome = await renderItem(webp, { itemType, durationMs: 500 });
    assert.ok(outcome.kind === 'refused', JSON.stringify(outcome));
    assert.deepEqual(outcome.codes, ['DURATION_UNKNOWN']);
    assert.match(outcome.message, /an animated WebP/u);
  }
});

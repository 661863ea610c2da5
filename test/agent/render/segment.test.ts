import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { resolveFont } from '../../../agent/render/fonts.ts';
import type { MadeFile } from '../../../agent/render/made-file.ts';
import { planRender } from '../../../agent/render/plan.ts';
import type { SegmentPlan } from '../../../agent/render/render-plan.ts';
import type { RenderItem } from '../../../agent/render/render-request.ts';
import { checkSegment } from '../../../agent/render/segment-check.ts';
import { segmentArguments } from '../../../agent/render/segment-command.ts';
import { segmentKey, soundKey } from '../../../agent/render/segment-key.ts';
import { tempFolder } from '../../helpers/temp-folder.ts';
import { clipItem } from './facts-of.ts';

function segment(item: Partial<RenderItem> = {}): SegmentPlan {
  const result = planRender({ enable4k: false, items: [clipItem(item)] });
  assert.ok(result.ok);
  const [only] = result.plan.segments;
  assert.ok(only !== undefined);
  return only;
}

const settings = {
  frameSize: { width: 1920, height: 1080 },
  enable4k: false,
  encoder: { rung: 'libx264', profile: 'studio' },
} as const;
const ingredients = { script: undefined, fontSha256: undefined, ffmpegVersionText: 'ffmpeg version 5.1' };

test('A key is the same for the same content at another position, and another one for anything that changes the result', () => {
  const key = (item: Partial<RenderItem> = {}, more: object = {}, other: object = {}) =>
    segmentKey(segment(item), { ...settings, ...other }, { ...ingredients, ...more });
  const plain = key();
  assert.equal(key({ position: 7, title: 'Another', sourcePath: 'elsewhere' }), plain);
  const onCard = { encoder: { rung: 'h264_nvenc', profile: 'studio', gpuIndex: 1 } };
  const anywhere = { encoder: { rung: 'h264_nvenc', profile: 'studio' } };
  assert.equal(
    key({}, {}, onCard),
    key({}, {}, anywhere),
    'which card of a PC renders it changes no segment',
  );
  const others = [
    key({ sha256: 'b'.repeat(64) }),
    key({}, { ffmpegVersionText: 'ffmpeg version 7.1' }),
    key({}, {}, { encoder: { ...settings.encoder, profile: 'quality' } }),
    key({}, {}, { encoder: { ...settings.encoder, threads: 1 } }),
    key({ text: 'Hi' }, { script: 'a', fontSha256: 'f' }),
    key({ text: 'Hi' }, { script: 'b', fontSha256: 'f' }),
    key({ text: 'Hi' }, { script: 'b', fontSha256: 'g' }),
  ];
  assert.equal(new Set([plain, ...others]).size, others.length + 1);
});

test('The sound of a job is the same as long as its sounds are, whatever is drawn over them', () => {
  const key = (...items: Partial<RenderItem>[]) =>
    soundKey(
      items.map((item) => segment(item)),
      'ffmpeg version 5.1',
    );
  const plain = key({}, { sha256: 'b' });
  assert.equal(key({ text: 'Hi', title: 'Another', position: 4 }, { sha256: 'b' }), plain);
  const others = [key({ sha256: 'b' }, {}), key({}), key({}, { sha256: 'c' })];
  assert.equal(new Set([plain, ...others]).size, 4);
});

test('A segment has one timescale, and threads where they are limited', () => {
  const names = { source: 'video_0.mp4', logo: '', script: '', output: 'segment_0.mov.part' };
  const args = segmentArguments(
    segment(),
    { ...settings, encoder: { ...settings.encoder, threads: 1 } },
    names,
  ).join(' ');
  assert.match(args, /-threads 1 -protocol_whitelist file -format_whitelist \S+ -i video_0\.mp4/u);
  assert.match(
    args,
    /-c:a pcm_s16le -ar 48000 -ac 2 -video_track_timescale 30 -f mov segment_0\.mov\.part$/u,
  );
});

const made = (frames: number, seconds: number): MadeFile => ({
  streams: [
    { codec_type: 'video', codec_name: 'h264', nb_frames: frames, extradata_hash: 'x' },
    { codec_type: 'audio', duration: seconds },
  ],
  format: { size: 1 },
});

test('A segment with other frames or samples, or from a source that broke, is refused', () => {
  const plan = segment();
  const evidence = {
    made: made(60, 2),
    framesFromSource: 60,
    fatalLine: undefined,
    encoder: settings.encoder,
  };
  assert.equal(checkSegment(plan, evidence).ok, true);
  assert.equal(checkSegment(plan, { ...evidence, framesFromSource: 45 }).ok, true);
  const bad = [
    { ...evidence, framesFromSource: 44 },
    { ...evidence, fatalLine: '[error] partial file' },
    { ...evidence, made: made(59, 2) },
    { ...evidence, made: made(60, 1.99) },
    { ...evidence, made: undefined },
  ].map((changed) => checkSegment(plan, changed));
  assert.deepEqual(
    bad.map((verdict) => !verdict.ok && verdict.isSourceAtFault),
    [true, true, false, false, false],
  );
});

test('Without Impact on the PC the font is Anton, and its style must say so', async (t) => {
  const folder = await tempFolder(t);
  const anton = await resolveFont([folder]);
  assert.deepEqual([anton.family, anton.fileName], ['Anton', 'Anton.ttf']);
  assert.equal(Buffer.from(anton.content.subarray(0, 4)).toString('hex'), '00010000');
  await writeFile(path.join(folder, 'IMPACT.TTF'), 'font');
  const impact = await resolveFont([folder]);
  assert.deepEqual([impact.family, Buffer.from(impact.content).toString()], ['Impact', 'font']);
});

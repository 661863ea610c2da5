import assert from 'node:assert/strict';
import { readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { resolveFont } from '../../../agent/render/fonts.ts';
import type { MadeFile } from '../../../agent/render/made-file.ts';
import { planRender } from '../../../agent/render/plan.ts';
import type { SegmentPlan } from '../../../agent/render/render-plan.ts';
import type { RenderItem } from '../../../agent/render/render-request.ts';
import { hasSegment, openSegmentCache, openSegmentSpace } from '../../../agent/render/segment-cache.ts';
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
  const evidence = { made: made(60, 2), framesFromSource: 60, fatalLine: undefined };
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

test('A kept segment is found again, and one that was cut short is none', async (t) => {
  const folder = await tempFolder(t);
  const cache = openSegmentCache({ folder: path.join(folder, 'cache'), bytesMax: 1000 });
  const source = path.join(folder, 'source');
  const target = path.join(folder, 'target');
  await writeFile(source, 'content');
  const checked = { frames: 60, samples: 96_000, joinClass: 'c' };
  assert.equal(await cache.take('key', target), undefined);
  await cache.keep('key', source, checked);
  assert.deepEqual(await cache.take('key', target), checked);
  assert.equal(await readFile(target, 'utf8'), 'content');
  assert.deepEqual((await readdir(path.join(folder, 'cache'))).sort(), ['key.json', 'key.media']);
  await truncate(path.join(folder, 'cache', 'key.media'), 3);
  assert.equal(await cache.take('key', target), undefined);
});

test('The least recently used segments go when there are too many bytes', async (t) => {
  const folder = await tempFolder(t);
  const cache = openSegmentCache({ folder, bytesMax: 25 });
  const source = path.join(await tempFolder(t), 'source');
  const checked = { frames: 1, samples: 1600, joinClass: 'c' };
  for (const [index, key] of ['a', 'b', 'c'].entries()) {
    await writeFile(`${source}-${key}`, '0123456789');
    await utimes(`${source}-${key}`, index, index);
    if (key === 'c') await cache.take('a', `${source}-taken`);
    await cache.keep(key, `${source}-${key}`, checked);
  }
  assert.deepEqual((await readdir(folder)).sort(), ['a.json', 'a.media', 'c.json', 'c.media']);
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

test('Segments that no job uses are given up for one, the oldest first, and those in use are not', async (t) => {
  const folder = await tempFolder(t);
  const cache = openSegmentCache({ folder, bytesMax: 1e9 });
  const space = openSegmentSpace(folder);
  const source = path.join(folder, 'source');
  await writeFile(source, '0123456789');
  await cache.keep('used', source, { frames: 1, samples: 1600, joinClass: 'c' });
  assert.equal(await space.giveUp(), false, 'a work folder has a link to it');
  const other = path.join(await tempFolder(t), 'other');
  await writeFile(other, '01234');
  await cache.keep('idle', other, { frames: 1, samples: 1600, joinClass: 'c' });
  await rm(other);
  assert.equal(await space.spareBytes(), 5);
  assert.equal(await space.giveUp(), true);
  assert.deepEqual([await hasSegment(folder, 'used'), await hasSegment(folder, 'idle')], [true, false]);
  assert.equal(await space.giveUp(), false);
  assert.equal(await openSegmentSpace(path.join(folder, 'none')).spareBytes(), 0);
});

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { probeMedia } from '../../agent/media/probe.ts';
import { ffmpeg, makeMedia } from '../helpers/media.ts';
import { clockFrame, renderItem } from '../helpers/media-clock.ts';
import { decode } from '../helpers/media-measure.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

const { width, height } = clockFrame;
const bar = (rate: number, step: number): string =>
  `color=black:s=${width}x${height}:r=${rate}:d=0.5[b];color=white:s=40x${height}:r=${rate}:d=0.5[w];[b][w]overlay=x=10+n*${step}`;
const h264 = ['-c:v', 'libx264', '-qp', '4', '-pix_fmt', 'yuv420p'];

/** A bar that moves with every field, as large as the frame, so that no scaling hides its teeth. */
const interlaced = (extension: string, order: 'tff' | 'bff', encoder: readonly string[]) =>
  makeMedia(extension, [
    ...['-f', 'lavfi', '-i', `${bar(50, 6)},interlace=scan=${order}:lowpass=0`, ...encoder],
  ]);
const progressive = (extension: string) =>
  makeMedia(extension, ['-f', 'lavfi', '-i', bar(25, 12), ...h264, '-preset', 'ultrafast']);

/** Pixels of a segment that differ from the lines above and below them. */
async function teethOf(segment: string): Promise<number> {
  const luma = await decode(['-i', segment, '-map', '0:v', '-f', 'rawvideo', '-pix_fmt', 'gray']);
  let teeth = 0;
  for (let at = width; at < luma.length - width; at += 1) {
    const line = Math.floor(at / width) % height;
    if (line === 0 || line === height - 1) continue;
    const here = luma[at] ?? 0;
    const [above, below] = [luma[at - width] ?? 0, luma[at + width] ?? 0];
    if (Math.abs(here - above) > 60 && Math.abs(here - below) > 60) teeth += 1;
  }
  return teeth;
}

/** The bar's left edge in each frame: a wrong order of the fields makes it go back and forth. */
async function edgesOf(segment: string): Promise<readonly number[]> {
  const luma = await decode(['-i', segment, '-map', '0:v', '-f', 'rawvideo', '-pix_fmt', 'gray']);
  const line = Math.floor(height / 2) * width;
  return Array.from({ length: luma.length / (width * height) }, (_, frame) =>
    luma
      .subarray(frame * width * height + line, frame * width * height + line + width)
      .findIndex((value) => value > 128),
  );
}

test('Fields of either order, in every codec that has them, become frames without teeth that go only forward', async () => {
  const mpeg2 = (top: string) => [
    '-c:v',
    'mpeg2video',
    '-qscale:v',
    '1',
    '-pix_fmt',
    'yuv420p',
    '-flags',
    '+ildct+ilme',
    '-top',
    top,
  ];
  const clips: Readonly<Record<string, readonly [Promise<string>, string]>> = {
    'H.264, top first': [interlaced('mp4', 'tff', [...h264, '-x264-params', 'tff=1']), 'tt'],
    'H.264, bottom first': [interlaced('mp4', 'bff', [...h264, '-x264-params', 'bff=1']), 'bb'],
    'MPEG-2, top first': [interlaced('mpg', 'tff', mpeg2('1')), 'tt'],
    'MPEG-2, bottom first': [interlaced('ts', 'bff', mpeg2('0')), 'bb'],
    'ProRes, bottom first': [
      interlaced('mov', 'bff', [
        '-c:v',
        'prores_ks',
        '-flags',
        '+ildct',
        '-field_order',
        'bb',
        '-vf',
        'setfield=bff',
      ]),
      'bb',
    ],
  };
  for (const [name, [made, order]] of Object.entries(clips)) {
    const file = await made;
    assert.equal((await probeMedia(file)).video[0]?.fieldOrder, order, name);
    const seen: { teeth?: number; edges?: readonly number[] } = {};
    const outcome = await renderItem(file, {
      inspect: async (segment) => {
        seen.teeth = await teethOf(segment);
        seen.edges = await edgesOf(segment);
      },
    });
    assert.equal(outcome.kind, 'rendered', name);
    assert.equal(seen.teeth, 0, name);
    const steps = (seen.edges ?? []).slice(1).map((edge, index) => edge - (seen.edges?.[index] ?? 0));
    assert.ok(steps.length >= 11 && steps.every((step) => step >= 0), `${name}: ${seen.edges?.join(' ')}`);
  }
});

test('A recording that is interlaced in parts has no teeth, whichever part is first', async (t) => {
  const folder = await tempFolder(t);
  const film = await progressive('ts');
  const fields = await interlaced('ts', 'tff', [...h264, '-x264-params', 'tff=1']);
  for (const [name, parts] of [
    ['film first', [film, fields]],
    ['fields first', [fields, film]],
  ] as const) {
    const list = path.join(folder, 'list.txt');
    await writeFile(list, parts.map((file) => `file '${file}'`).join('\n'));
    const file = path.join(folder, 'recording.ts');
    await ffmpeg(['-f', 'concat', '-safe', '0', '-i', list, '-c', 'copy', file]);
    let teeth: number | undefined;
    const outcome = await renderItem(file, {
      inspect: async (segment) => {
        teeth = await teethOf(segment);
      },
    });
    assert.equal(outcome.kind, 'rendered', `${name}: ${JSON.stringify(outcome)}`);
    assert.equal(teeth, 0, name);
  }
});

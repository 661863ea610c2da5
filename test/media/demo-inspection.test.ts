import assert from 'node:assert/strict';
import { basename, dirname } from 'node:path';
import test from 'node:test';
import { inspectResult } from '../../demo/inspect.ts';
import type { DemoJob } from '../../demo/jobs.ts';
import { makeMedia, makeSignalClip } from '../helpers/media.ts';

const studio = [
  ...[
    '-c:v',
    'libx264',
    '-preset',
    'superfast',
    '-profile:v',
    'main',
    '-level:v',
    '4.1',
    '-pix_fmt',
    'yuv420p',
  ],
  ...['-color_primaries', 'bt709', '-color_trc', 'bt709', '-colorspace', 'bt709', '-color_range', 'tv'],
  ...['-c:a', 'aac', '-ar', '48000', '-ac', '2', '-movflags', '+faststart'],
];

function film(frames: number, size: string, rate: number, encoder: readonly string[]): Promise<string> {
  const seconds = frames / rate;
  const picture = ['-f', 'lavfi', '-i', `testsrc2=s=${size}:r=${rate}:d=${seconds}`];
  const sound = ['-f', 'lavfi', '-i', `sine=r=48000:d=${seconds}`];
  return makeMedia('mp4', [...picture, ...sound, ...encoder]);
}

/** A job of one clip of a second. */
async function jobOfOneSecond(): Promise<{
  job: DemoJob;
  mounts: Record<string, { roots: string[]; localPath: string }>;
}> {
  const clip = await makeSignalClip({ seconds: 1 });
  const item = { itemType: 'video', path: `\\\\h\\s\\${basename(clip)}` } as const;
  const input = { jobId: 'j', userId: 'u', channelName: 'c', items: [item] };
  return {
    job: { name: 'one', input, ends: 'published', framesOffMax: 0 },
    mounts: { s: { roots: ['\\\\h\\s'], localPath: dirname(clip) } },
  };
}

test('The demo finds nothing wrong with a film that is as the studio wants it', async () => {
  const { job, mounts } = await jobOfOneSecond();
  const inspection = await inspectResult(await film(30, '1920x1080', 30, studio), job, mounts);
  assert.deepEqual(inspection.problems, []);
  assert.equal(inspection.frames, 30);
});

test('The demo names everything that is wrong with another one', async () => {
  const { job, mounts } = await jobOfOneSecond();
  const encoder = [
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-pix_fmt',
    'yuv444p',
    '-c:a',
    'aac',
    '-ac',
    '1',
  ];
  const { problems } = await inspectResult(await film(28, '1280x720', 25, encoder), job, mounts);
  const text = problems.join('; ');
  for (const words of [
    'width is 1280, not 1920',
    'pix_fmt is yuv444p',
    'r_frame_rate is 25/1',
    'color_space is',
    'channels is 1, not 2',
    '28 frames, not 30',
    'no faststart',
    'with 28 frames',
  ]) {
    assert.ok(text.includes(words), `"${words}" is not in: ${text}`);
  }
});

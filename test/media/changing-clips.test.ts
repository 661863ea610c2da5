import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { ffmpeg, makeMedia } from '../helpers/media.ts';
import { clockOf, clockSound, renderItem } from '../helpers/media-clock.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

const whole = 1.2;
const half = whole / 2;
const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-qp', '8'];

/** Half of a clip that tells its time, from a moment on. */
const part = (from: number, size: string, { shape = '', picture = x264, sound = ['-c:a', 'aac'] } = {}) =>
  makeMedia('ts', [
    ...['-f', 'lavfi', '-i'],
    `color=c=black:s=${size}:r=25:d=${half},format=gray,geq=lum='if(lt(X,W*(T+${from})/${whole}),235,16)'${shape}`,
    ...['-f', 'lavfi', '-i', clockSound(half, [0.2]), ...picture, ...sound],
  ]);

/** One after the other in one file, as a recorder writes a programme and its advertisements. */
async function joined(t: TestContext, extension: string, ...parts: string[]): Promise<string> {
  const folder = await tempFolder(t);
  const list = path.join(folder, 'list.txt');
  await writeFile(list, parts.map((file) => `file '${file}'`).join('\n'));
  const file = path.join(folder, `joined.${extension}`);
  await ffmpeg(['-f', 'concat', '-safe', '0', '-i', list, '-c', 'copy', file]);
  return file;
}

test('A clip whose picture changes its size, shape or pixels in the middle is followed to its end', async (t) => {
  const first = await part(0, '160x90');
  const seconds: Readonly<Record<string, Promise<string>>> = {
    larger: part(half, '320x180'),
    'of other pixels for the same shape': part(half, '160x180', { shape: ',setsar=2' }),
    '4:4:4': part(half, '160x90', { picture: [...x264, '-pix_fmt', 'yuv444p'] }),
    '10 bits': part(half, '160x90', { picture: ['-c:v', 'libx264', '-pix_fmt', 'yuv420p10le', '-qp', '8'] }),
  };
  for (const [name, second] of Object.entries(seconds)) {
    for (const extension of name === 'larger' ? ['ts', 'mkv'] : ['ts']) {
      const outcome = await renderItem(await joined(t, extension, first, await second));
      assert.ok(outcome.kind === 'rendered', `${name}: ${JSON.stringify(outcome)}`);
      const { rows, samples, plan } = outcome;
      assert.deepEqual([rows.length, samples.length], [plan.frames, plan.frames * 3200], name);
      assert.ok(rows.length >= 36 && rows.length <= 38, `${name}: ${rows.length} frames`);
      const late = rows.map((row, index) => clockOf(row, whole) - index / 30).slice(0, 33);
      assert.ok(
        Math.max(...late.map(Math.abs)) <= 0.1,
        `${name}: ${late.map((one) => one.toFixed(2)).join(' ')}`,
      );
    }
  }
});

test('A clip that changes to another shape fills the rectangle of each', async (t) => {
  const wide = await part(0, '160x90');
  const outcome = await renderItem(await joined(t, 'ts', wide, await part(half, '120x90')));
  assert.ok(outcome.kind === 'rendered');
  // Black at both sides of 4:3 in 16:9: an eighth of the width each, eight of 64 columns.
  const last = outcome.rows.at(-2) ?? assert.fail();
  assert.ok(
    last.subarray(0, 7).every((value) => value < 40),
    [...last].join(' '),
  );
  assert.ok(
    last.subarray(9, 50).every((value) => value > 200),
    [...last].join(' '),
  );
});

test('A clip whose sound changes in the middle, or a change that cannot be followed, is refused by name', async (t) => {
  const first = await part(0, '160x90');
  const other = await part(half, '160x90', { sound: ['-c:a', 'aac', '-ar', '32000'] });
  const fields = [...x264, '-x264-params', 'tff=1'];
  const interlaced = await part(0, '160x92', { picture: fields });
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['sound', await joined(t, 'ts', first, other), /its sound changes .*48000.* to .*32000/u],
    [
      'fields',
      await joined(t, 'ts', interlaced, await part(half, '320x180', { picture: fields })),
      /its picture changes .*w:160 h:92 .* to w:320 h:180/u,
    ],
  ];
  for (const [name, file, words] of cases) {
    const outcome = await renderItem(file);
    assert.ok(outcome.kind === 'failed', `${name}: ${outcome.kind}`);
    assert.deepEqual([outcome.code, outcome.failureClass], ['SOURCE_CHANGES', 'input'], name);
    assert.match(outcome.message, words);
  }
});

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { makeMedia } from '../helpers/media.ts';
import { boundingBox, type Pixels, readFrame } from '../helpers/media-measure.ts';
import { prepareRender, renderToFile } from '../helpers/media-render.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

/** Red, green, blue and white in the four corners: no turn and no mirror leaves it as it is. */
const corners = (size: string, rest = '') =>
  `color=c=red:s=${size}:r=30:d=0.1[a];color=c=lime:s=${size}:r=30:d=0.1[b];` +
  `color=c=blue:s=${size}:r=30:d=0.1[c];color=c=white:s=${size}:r=30:d=0.1[d];` +
  `[a][b]hstack[e];[c][d]hstack[f];[e][f]vstack${rest}`;

/** The colours of the corners of a rectangle in the frame, by their first letters, from left to right and down. */
function cornersOf(pixels: Pixels, left: number, top: number, right: number, bottom: number): string {
  const name = ([r, g, b]: readonly [number, number, number]): string => {
    if (r > 200 && g > 200 && b > 200) return 'w';
    if (r > 200 && g < 60 && b < 60) return 'r';
    if (r < 60 && g > 200 && b < 60) return 'g';
    if (r < 60 && g < 60 && b > 200) return 'b';
    return r < 16 && g < 16 && b < 16 ? '.' : '?';
  };
  const [x, y] = [(right - left) * 0.2, (bottom - top) * 0.2];
  const spots = [
    [left + x, top + y],
    [right - x, top + y],
    [left + x, bottom - y],
    [right - x, bottom - y],
  ] as const;
  return spots.map(([px, py]) => name(pixels.at(Math.round(px), Math.round(py)))).join('');
}

const isLit = ([r, g, b]: readonly [number, number, number]): boolean => Math.max(r, g, b) > 100;

/** A photo that says how it is to be turned: APP1, big-endian TIFF, one entry. */
async function turnedPhoto(folder: string, orientation: number): Promise<string> {
  const jpeg = await readFile(
    await makeMedia('jpg', ['-f', 'lavfi', '-i', corners('60x40'), '-frames:v', '1', '-q:v', '2']),
  );
  const entry = `01120003000000010${orientation.toString(16).padStart(3, '0')}0000`;
  const exif = Buffer.from(`ffe100224578696600004d4d002a000000080001${entry}00000000`, 'hex');
  const file = path.join(folder, `turned-${orientation}.jpg`);
  await writeFile(file, Buffer.concat([jpeg.subarray(0, 2), exif, jpeg.subarray(2)]));
  return file;
}

test('A photo is shown upright whatever EXIF says, 1 to 8', async (t) => {
  const folder = await tempFolder(t);
  const orientations = [1, 2, 3, 4, 5, 6, 7, 8];
  const files = await Promise.all(orientations.map((orientation) => turnedPhoto(folder, orientation)));
  const items = files.map((file) => ({ file, itemType: 'image' as const, durationMs: 100 }));
  await using job = await prepareRender(items);
  const { file, frames } = await renderToFile(job);
  assert.equal(frames, 24);
  const upright = ['rgbw', 'grwb', 'wbgr', 'bwrg', 'rbgw', 'brwg', 'wgbr', 'gwrb'];
  for (const [index, expected] of upright.entries()) {
    const picture = await readFrame(file, (index * 3 + 0.5) / 30);
    const isWide = index < 4;
    const box = isWide
      ? { left: 150, top: 0, right: 1769, bottom: 1079 }
      : { left: 600, top: 0, right: 1319, bottom: 1079 };
    assert.deepEqual(boundingBox(picture, isLit), box, `EXIF ${index + 1}`);
    assert.equal(cornersOf(picture, box.left, box.top, box.right, box.bottom), expected, `EXIF ${index + 1}`);
  }
});

test('Clips that are turned, anamorphic, odd or all of it fill the right rectangle, the right way up', async () => {
  const clip = (size: string, rest: string, ...encoder: string[]) =>
    makeMedia('mov', [
      ...['-f', 'lavfi', '-i', corners(size, rest), '-c:v', 'libx264', '-qp', '4', ...encoder],
    ]);
  const turned = async (from: string, degrees: number) =>
    await makeMedia('mov', ['-i', from, '-c', 'copy', '-metadata:s:v', `rotate=${degrees}`]);
  const plain = await clip('160x90', '', '-pix_fmt', 'yuv420p');
  // 720x576 at 64:45 is 1024x576, which is 16:9.
  const wide = await clip('360x288', ',setsar=64/45', '-pix_fmt', 'yuv420p');
  const odd = await clip('51x33', ',format=yuv444p,crop=101:65:0:0', '-pix_fmt', 'yuv444p');
  const tall = await makeMedia('png', ['-f', 'lavfi', '-i', corners('20x500'), '-frames:v', '1']);
  // A picture whose pixels are twice as wide as high, as its pHYs chunk says.
  const stretched = await makeMedia('png', [
    ...['-f', 'lavfi', '-i', corners('50x50', ',setsar=2'), '-frames:v', '1'],
  ]);
  const image = { itemType: 'image', durationMs: 100 } as const;
  await using job = await prepareRender([
    { file: await turned(plain, 90) },
    { file: await turned(plain, 180) },
    { file: await turned(plain, 270) },
    { file: wide },
    { file: await turned(wide, 90) },
    { file: odd },
    { file: tall, ...image },
    { file: stretched, ...image },
  ]);
  const { file, frames } = await renderToFile(job);
  assert.equal(frames, 24);
  const portrait = { left: 656, top: 0, right: 1263, bottom: 1079 };
  const whole = { left: 0, top: 0, right: 1919, bottom: 1079 };
  const expected = [
    // The muxer counts against the clock.
    { box: portrait, corners: 'gwrb' },
    { box: whole, corners: 'wbgr' },
    { box: portrait, corners: 'brwg' },
    { box: whole, corners: 'rgbw' },
    { box: portrait, corners: 'gwrb' },
    { box: { left: 121, top: 0, right: 1798, bottom: 1079 }, corners: 'rgbw' },
    { box: { left: 938, top: 0, right: 981, bottom: 1079 }, corners: 'rgbw' },
    { box: { left: 0, top: 60, right: 1919, bottom: 1019 }, corners: 'rgbw' },
  ];
  for (const [index, { box, corners: colors }] of expected.entries()) {
    const picture = await readFrame(file, (index * 3 + 0.5) / 30);
    const found = boundingBox(picture, isLit);
    assert.ok(found !== undefined, `item ${index}`);
    for (const side of ['left', 'top', 'right', 'bottom'] as const)
      assert.ok(
        Math.abs(found[side] - box[side]) <= 2,
        `item ${index} is at ${JSON.stringify(found)}, not ${JSON.stringify(box)}`,
      );
    assert.equal(cornersOf(picture, box.left, box.top, box.right, box.bottom), colors, `item ${index}`);
  }
});

test('A picture of 2x5000 is refused with its size', async () => {
  const thin = await makeMedia('png', ['-f', 'lavfi', '-i', 'color=c=red:s=2x5000', '-frames:v', '1']);
  await using job = await prepareRender([{ file: thin, itemType: 'image' }]);
  const result = await job.render();
  assert.ok(result.status === 'rejected');
  assert.deepEqual(
    result.problems.map(({ code, position }) => [code, position]),
    [['PICTURE_TOO_THIN', 0]],
  );
  assert.match(result.problems[0]?.message ?? '', /2x5000/u);
});

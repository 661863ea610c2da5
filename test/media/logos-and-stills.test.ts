import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { makeMedia } from '../helpers/media.ts';
import { boundingBox, readFrame } from '../helpers/media-measure.ts';
import { prepareRender, renderToFile } from '../helpers/media-render.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

const still = (source: string, extension = 'png', ...rest: string[]) =>
  makeMedia(extension, ['-f', 'lavfi', '-i', source, ...rest, '-frames:v', '1']);
const dark = () =>
  makeMedia('mp4', [
    '-f',
    'lavfi',
    '-i',
    'color=c=black:s=320x180:r=30:d=0.1',
    '-c:v',
    'libx264',
    '-qp',
    '4',
  ]);

test('Logos of any size and kind keep their pixels in the corner, and only one that does not fit is reduced', async () => {
  const file = await dark();
  const cases = [
    { logo: 'color=c=red:s=64x64,format=rgb24,crop=1:1', size: '1x1', box: [1909, 10, 1909, 10] },
    { logo: 'color=c=red:s=200x100,format=rgb24,scale=99:51', size: '99x51', box: [1811, 10, 1909, 60] },
    { logo: 'color=c=red:s=1900x1060', size: '1900x1060', box: [10, 10, 1909, 1069] },
    { logo: 'color=c=red:s=200x3000', size: '200x3000', box: [1840, 10, 1909, 1069] },
    // Half of it is transparent: only the opaque half is seen.
    {
      logo: "color=c=red:s=100x100,format=rgba,geq=r=255:g=0:b=0:a='255*lt(X,50)'",
      size: '100x100',
      box: [1810, 10, 1859, 109],
    },
  ] as const;
  const items = await Promise.all(cases.map(async ({ logo }) => ({ file, logo: await still(logo) })));
  await using job = await prepareRender(items);
  const output = await renderToFile(job);
  for (const [index, { box, size }] of cases.entries()) {
    const facts = job.request.items[index]?.logo?.facts?.video[0];
    assert.equal(`${facts?.width}x${facts?.height}`, size);
    const picture = await readFrame(output.file, (index * 3 + 0.5) / 30);
    const found = boundingBox(picture, ([r, g, b]) => r > (size === '1x1' ? 40 : 110) && g < 90 && b < 90);
    assert.ok(found !== undefined, `logo of ${size}`);
    const sides = [found.left, found.top, found.right, found.bottom];
    for (const [side, at] of sides.entries())
      assert.ok(
        Math.abs(at - (box[side] ?? -99)) <= 1,
        `logo of ${size} is at ${sides.join()}, not ${box.join()}`,
      );
  }
});

test('A logo that is an SVG, a clip or nothing at all is refused with position and path', async (t) => {
  const folder = await tempFolder(t);
  const svg = path.join(folder, 'logo.png');
  await writeFile(
    svg,
    '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
  );
  const empty = path.join(folder, 'empty.png');
  await writeFile(empty, '');
  const file = await dark();
  await using job = await prepareRender([
    { file, logo: svg },
    { file, logo: file },
    { file, logo: empty },
    { file: svg, itemType: 'image' },
  ]);
  const result = await job.render();
  assert.ok(result.status === 'rejected');
  assert.deepEqual(
    result.problems.map(({ position, code }) => [position, code]),
    [
      [0, 'LOGO_UNREADABLE'],
      [2, 'LOGO_UNREADABLE'],
      [4, 'LOGO_UNREADABLE'],
      [6, 'DURATION_UNKNOWN'],
    ],
  );
  assert.match(result.problems[0]?.message ?? '', /SVG.*make a PNG/u);
  assert.match(result.problems[3]?.message ?? '', /SVG.*make a PNG/u);
});

test('A still of 24 megapixels is decoded once, and as long as it is shown costs little more than a small one', async () => {
  const large = await still('color=c=green:s=6000x4000', 'jpg', '-q:v', '3');
  const small = await still('color=c=green:s=1920x1080', 'jpg', '-q:v', '3');
  const timed = async (file: string) => {
    await using job = await prepareRender([{ file, itemType: 'image', durationMs: 4000 }]);
    const { timings, frames } = await renderToFile(job);
    assert.equal(frames, 120);
    const decoded = job.stderr.filter((line) => line.includes('frames decoded'));
    assert.ok(
      decoded.some((line) => line.includes(' 1 frames decoded')),
      decoded.join('\n'),
    );
    return timings.segmentsMs;
  };
  const times = { small: await timed(small), large: await timed(large) };
  // With `-loop 1` it was 17 times as much. The rest is one decode and one scale of so many pixels.
  assert.ok(times.large < times.small * 4, JSON.stringify(times));
});

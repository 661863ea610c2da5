import assert from 'node:assert/strict';
import test from 'node:test';
import { makeMedia } from '../helpers/media.ts';
import { boundingBox, ffprobe, readFrame } from '../helpers/media-measure.ts';
import { prepareRender, renderToFile } from '../helpers/media-render.ts';

const still = (source: string, ...rest: string[]) =>
  makeMedia('png', ['-f', 'lavfi', '-i', source, ...rest, '-frames:v', '1']);
const clip = (source: string, ...rest: string[]) =>
  makeMedia('mp4', [
    '-f',
    'lavfi',
    '-i',
    source,
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-qp',
    '4',
    ...rest,
  ]);

/** A patch of one colour, encoded with a matrix, tagged with it or not. */
const patch = (size: string, matrix: string, isTagged: boolean) => {
  const tag = isTagged ? matrix : 'unknown';
  const flat = `color=c=0x20C040:s=${size}:r=30:d=0.2,format=rgb24,scale=out_color_matrix=${matrix}:out_range=tv`;
  return clip(`${flat},format=yuv444p,format=yuv420p,setparams=colorspace=${tag}`, '-colorspace', tag);
};

const near = (a: readonly number[], b: readonly number[], tolerance: number): boolean =>
  a.every((value, index) => Math.abs(value - (b[index] ?? -1000)) <= tolerance);

const isRed = ([r, g, b]: readonly [number, number, number]): boolean => r > 150 && g < 90 && b < 90;

test('Padding, pixel shapes, logos, texts, images and colours are where and what they should be', async () => {
  const dark = await clip('color=c=0x000000:s=320x180:r=30:d=0.4');
  const oddLogo = await still('color=c=red:s=200x200,format=rgb24,scale=101:51');
  const hugeLogo = await still('color=c=red:s=3000x500');
  const items = [
    { file: await clip('color=c=red:s=640x480:r=30:d=0.2') },
    { file: await clip('color=c=red:s=720x576:r=25:d=0.2,setsar=64/45') },
    { file: dark, logo: oddLogo },
    { file: dark, logo: hugeLogo },
    { file: dark, text: 'ABC' },
    {
      file: await still('color=c=red:s=400x400,format=rgba,geq=r=255:g=0:b=0:a=255*between(X\\,0\\,199)'),
      itemType: 'image' as const,
      durationMs: 200,
    },
    { file: await patch('1280x720', 'bt709', false) },
    { file: await patch('1920x1080', 'bt709', true) },
    { file: await patch('720x576', 'smpte170m', false) },
    { file: await patch('1280x720', 'smpte170m', true) },
  ];
  await using job = await prepareRender(items);
  const { file, features } = await renderToFile(job);
  assert.deepEqual(features, ['logo_overlay', 'text_animation', 'image_slides']);
  const matrices = job.request.items.slice(6).map(({ facts }) => facts?.video[0]?.colorMatrix);
  assert.deepEqual(matrices, [undefined, 'bt709', undefined, 'smpte170m']);
  const starts = [0, 6, 12, 24, 36, 48, 54, 60, 66, 72];
  // FFmpeg's -ss gives the first frame that is not before it.
  const frame = async (index: number, later = 3) =>
    await readFrame(file, ((starts[index] ?? 0) + later - 0.5) / 30);

  assert.deepEqual(boundingBox(await frame(0), isRed), { left: 240, top: 0, right: 1679, bottom: 1079 });
  assert.deepEqual(boundingBox(await frame(1), isRed), { left: 0, top: 0, right: 1919, bottom: 1079 });

  const odd = boundingBox(await frame(2), isRed);
  assert.ok(odd !== undefined);
  assert.deepEqual([odd.right, odd.top, odd.bottom], [1920 - 10 - 1, 10, 60]);
  assert.ok(Math.abs(odd.left - (1920 - 10 - 101)) <= 1, `left edge at ${odd.left}`);
  const huge = boundingBox(await frame(3), isRed);
  assert.ok(huge !== undefined);
  assert.deepEqual([huge.left, huge.right, huge.top], [10, 1909, 10]);

  const isYellow = ([r, g, b]: readonly [number, number, number]): boolean => r > 80 && g > 80 && b < 60;
  // Letters fade in over 150 ms: after two frames the first one is nearly half there.
  const first = boundingBox(await frame(4, 2), isYellow);
  const whole = boundingBox(await frame(4, 10), isYellow);
  assert.ok(first !== undefined && whole !== undefined);
  assert.ok(whole.right >= 1860 && whole.right <= 1880, `text ends at ${whole.right}`);
  assert.ok(whole.top >= 40 && whole.bottom <= 120, `text from ${whole.top} to ${whole.bottom}`);
  assert.ok(Math.abs(first.left - whole.left) <= 1, 'the first letter does not move');
  assert.ok(first.right < whole.right - 20, 'the last letter is not there yet');

  const image = await frame(5);
  assert.deepEqual(boundingBox(image, isRed), { left: 420, top: 0, right: 959, bottom: 1079 });
  assert.ok(near(image.at(1200, 500), [0, 0, 0], 4), `under alpha: ${image.at(1200, 500).join()}`);

  for (const index of [6, 7, 8, 9]) {
    const color = (await frame(index)).at(960, 540);
    assert.ok(near(color, [0x20, 0xc0, 0x40], 4), `patch ${index} is ${color.join()}`);
  }
});

test('With enable_4k the frame is 3840x2160, High 5.1, and the logo keeps its pixels', async () => {
  const dark = await clip('color=c=0x000000:s=320x180:r=30:d=0.4');
  await using job = await prepareRender([{ file: dark, logo: await still('color=c=red:s=100x50') }], {
    enable4k: true,
  });
  const { file, features, frames } = await renderToFile(job);
  assert.deepEqual([frames, features], [12, ['logo_overlay', '4k_output']]);
  const video = (await ffprobe(file)).streams[0] ?? {};
  assert.deepEqual(
    [video['profile'], video['level'], video['width'], video['height']],
    ['High', 51, 3840, 2160],
  );
  const box = boundingBox(await readFrame(file, 0.2, 3840, 2160), isRed);
  assert.deepEqual(box, { left: 3730, top: 10, right: 3829, bottom: 59 });
});

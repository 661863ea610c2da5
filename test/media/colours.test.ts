import assert from 'node:assert/strict';
import test from 'node:test';
import { makeMedia } from '../helpers/media.ts';
import { readFrame } from '../helpers/media-measure.ts';
import { prepareRender, renderToFile, type TestItem } from '../helpers/media-render.ts';

const meant = [0x20, 0xc0, 0x40] as const;
const green = 'color=c=0x20C040:s=';

/** A flat patch: numbers of a matrix and a range, tagged with what they are or with nothing. */
interface Patch {
  readonly size: string;
  readonly matrix: 'bt709' | 'smpte170m' | 'bt470bg' | 'bt2020nc';
  readonly range?: 'tv' | 'pc';
  readonly tagged?: boolean;
}

async function patch({ size, matrix, range = 'tv', tagged = false }: Patch): Promise<TestItem> {
  const tag = tagged ? matrix : 'unknown';
  const numbers = `format=rgb24,scale=out_color_matrix=${matrix.replace(/bg$|nc$/u, '')}:out_range=${range}`;
  const tags = `setparams=colorspace=${tag}:range=${tagged || range === 'pc' ? range : 'unknown'}`;
  const source = `${green}${size}:r=30:d=0.1,${numbers},format=yuv444p,format=yuv420p,${tags}`;
  const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '4', '-colorspace', tag];
  return { file: await makeMedia('mp4', ['-f', 'lavfi', '-i', source, ...x264]) };
}

async function still(extension: string, size: string, ...encoder: string[]): Promise<TestItem> {
  const source = `${green}${size},format=rgb24`;
  const file = await makeMedia(extension, ['-f', 'lavfi', '-i', source, '-frames:v', '1', ...encoder]);
  return { file, itemType: 'image', durationMs: 100 };
}

test('A flat patch keeps its colour, tagged or not, at 576, 720 and 1080 lines, and as a still of any format', async () => {
  const items = [
    await patch({ size: '720x576', matrix: 'smpte170m' }),
    await patch({ size: '720x576', matrix: 'bt470bg', tagged: true }),
    await patch({ size: '720x576', matrix: 'bt709', tagged: true }),
    await patch({ size: '1280x720', matrix: 'bt709' }),
    await patch({ size: '1280x720', matrix: 'smpte170m', tagged: true }),
    await patch({ size: '1920x1080', matrix: 'bt709' }),
    await patch({ size: '1920x1080', matrix: 'bt709', tagged: true }),
    await patch({ size: '1920x1080', matrix: 'smpte170m', tagged: true }),
    await patch({ size: '1920x1080', matrix: 'bt2020nc', tagged: true }),
    await patch({ size: '1280x720', matrix: 'bt709', tagged: true, range: 'pc' }),
    await still('png', '1920x1080'),
    await still('png', '320x180'),
    await still('jpg', '1920x1080', '-q:v', '1'),
    await still('jpg', '320x180', '-q:v', '1'),
    await still('webp', '1920x1080', '-c:v', 'libwebp', '-quality', '100'),
    await still('webp', '1920x1080', '-c:v', 'libwebp', '-lossless', '1'),
    await still('bmp', '640x360'),
    await still('tiff', '640x360'),
  ];
  await using job = await prepareRender(items);
  const output = await renderToFile(job);
  assert.equal(output.frames, items.length * 3);
  const wrong: string[] = [];
  for (const [index, item] of job.request.items.entries()) {
    const color = (await readFrame(output.file, (index * 3 + 0.5) / 30)).at(960, 540);
    const off = Math.max(...color.map((value, channel) => Math.abs(value - (meant[channel] ?? 0))));
    const { width, height, colorMatrix, pixelFormat } = item.facts?.video[0] ?? {};
    if (off > 4)
      wrong.push(`item ${index} (${width}x${height} ${pixelFormat} ${colorMatrix}): ${color.join()}`);
  }
  assert.deepEqual(wrong, []);
});

test('Under alpha it is black, also half of it, and no colour that was hidden comes out', async () => {
  const quarter = "geq=r=255:g=255:b=255:a='if(lt(X,W/3),255,if(lt(X,W*2/3),128,0))'";
  const source = `color=c=white:s=192x108:r=30:d=0.1,format=rgba,${quarter}`;
  const still = { itemType: 'image', durationMs: 100 } as const;
  const input = ['-f', 'lavfi', '-i', source];
  const items: TestItem[] = [
    { file: await makeMedia('png', [...input, '-frames:v', '1']), ...still },
    { file: await makeMedia('webp', [...input, '-frames:v', '1', '-lossless', '1']), ...still },
    // Greys with alpha, and a clip with alpha as editors write it.
    { file: await makeMedia('png', [...input, '-frames:v', '1', '-pix_fmt', 'ya8']), ...still },
    { file: await makeMedia('mov', [...input, '-c:v', 'qtrle', '-pix_fmt', 'argb']) },
    { file: await makeMedia('mov', [...input, '-c:v', 'prores_ks', '-pix_fmt', 'yuva444p10le']) },
  ];
  await using job = await prepareRender(items);
  const output = await renderToFile(job);
  assert.equal(output.frames, items.length * 3);
  const wrong: string[] = [];
  for (const index of items.keys()) {
    const picture = await readFrame(output.file, (index * 3 + 0.5) / 30);
    const levels = [320, 960, 1600].map((x) => picture.at(x, 540)[1]);
    const isRight = [255, 128, 0].every((level, at) => Math.abs(level - (levels[at] ?? -99)) <= 5);
    if (!isRight)
      wrong.push(
        `item ${index} (${job.request.items[index]?.facts?.video[0]?.pixelFormat}): ${levels.join()}`,
      );
  }
  assert.deepEqual(wrong, []);
});

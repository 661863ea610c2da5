import assert from 'node:assert/strict';
import test from 'node:test';
import { makeMedia, makeSignalClip } from '../helpers/media.ts';
import { boundingBox, ffprobe, readFrame } from '../helpers/media-measure.ts';
import { prepareRender, renderToFile } from '../helpers/media-render.ts';

/** Grey in 10 bits of a transfer curve of HDR; `tags` as cameras write them, whole or in part. */
const hdrClip = (transfer: string, tags: readonly string[]) => {
  const grey = 'color=c=black:s=640x360:r=30:d=0.2,format=yuv420p10le,geq=lum=520:cb=512:cr=512';
  const x265 = ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none'];
  return makeMedia('mp4', ['-f', 'lavfi', '-i', grey, ...x265, '-color_trc', transfer, ...tags]);
};

test('PQ and HLG, tagged in whole or in part, become 8 bits of bt709 among SDR that stays as it is', async () => {
  const whole = ['-color_primaries', 'bt2020', '-colorspace', 'bt2020nc'];
  const green =
    'color=c=0x20C040:s=1280x720:r=30:d=0.2,format=rgb24,scale=out_color_matrix=bt709:out_range=tv';
  const sdr = await makeMedia('mp4', [
    ...['-f', 'lavfi', '-i', `${green},format=yuv444p,format=yuv420p`],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '4'],
  ]);
  const files = [sdr, await hdrClip('smpte2084', whole), sdr, await hdrClip('arib-std-b67', []), sdr];
  await using job = await prepareRender(files.map((file) => ({ file })));
  const facts = job.request.items.map((item) => item.facts?.video[0]);
  assert.deepEqual(
    facts.map((stream) => [stream?.pixelFormat, stream?.colorTransfer, stream?.colorPrimaries]),
    [
      ['yuv420p', undefined, undefined],
      ['yuv420p10le', 'smpte2084', 'bt2020'],
      ['yuv420p', undefined, undefined],
      ['yuv420p10le', 'arib-std-b67', undefined],
      ['yuv420p', undefined, undefined],
    ],
  );
  const { file, frames } = await renderToFile(job);
  assert.equal(frames, 30);
  const video = (await ffprobe(file)).streams[0] ?? {};
  assert.deepEqual(
    [video['pix_fmt'], video['color_space'], video['color_transfer'], video['color_primaries']],
    ['yuv420p', 'bt709', 'bt709', 'bt709'],
  );
  assert.equal(Number(video['nb_read_packets']), 30);
  for (const [index, isHdr] of [false, true, false, true, false].entries()) {
    const [r, g, b] = (await readFrame(file, (index * 6 + 2.5) / 30)).at(960, 540);
    if (isHdr) {
      assert.ok(Math.max(r, g, b) - Math.min(r, g, b) <= 4, `item ${index} is not grey: ${r},${g},${b}`);
      assert.ok(g > 60 && g < 240, `item ${index} has luma ${g}`);
    } else {
      for (const [value, meant] of [
        [r, 0x20],
        [g, 0xc0],
        [b, 0x40],
      ] as const)
        assert.ok(Math.abs(value - meant) <= 4, `item ${index} is ${r},${g},${b}`);
    }
  }
});

test('Interlaced pictures become progressive: a bar that moves has no teeth', async () => {
  const moving =
    'color=black:s=1920x1080:r=50:d=0.4[b];color=white:s=200x1080:r=50:d=0.4[w];[b][w]overlay=x=100+n*40,interlace';
  const file = await makeMedia('mp4', [
    ...['-f', 'lavfi', '-i', moving, '-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '4'],
    ...['-pix_fmt', 'yuv420p', '-flags', '+ildct+ilme', '-top', '1'],
  ]);
  await using job = await prepareRender([{ file }]);
  assert.match(job.request.items[0]?.facts?.video[0]?.fieldOrder ?? '', /^(tt|tb)$/u);
  const output = await renderToFile(job);
  assert.equal(output.frames, 12);
  const picture = await readFrame(output.file, 4.5 / 30);
  let teeth = 0;
  for (let x = 0; x < 1920; x += 4)
    for (let y = 200; y < 880; y += 1) {
      const [above, here, below] = [y - 1, y, y + 1].map((row) => picture.at(x, row)[1]) as [
        number,
        number,
        number,
      ];
      if (Math.abs(here - above) > 60 && Math.abs(here - below) > 60) teeth += 1;
    }
  assert.equal(teeth, 0, `${teeth} pixels differ from the lines above and below`);
});

test('In 4K the text keeps its share of the picture and lies over the logo, which keeps its pixels', async () => {
  const dark = await makeSignalClip({ seconds: 0.4, signalAtSeconds: 5 });
  const logo = await makeMedia('png', ['-f', 'lavfi', '-i', 'color=c=red:s=400x300', '-frames:v', '1']);
  await using job = await prepareRender([{ file: dark, logo, text: 'A' }], { enable4k: true });
  const { file, features, frames } = await renderToFile(job);
  assert.deepEqual([frames, features], [12, ['logo_overlay', 'text_animation', '4k_output']]);
  const picture = await readFrame(file, 10.5 / 30, 3840, 2160);
  const red = boundingBox(picture, ([r, g, b]) => r > 150 && g < 90 && b < 90);
  assert.deepEqual(red, { left: 3430, top: 10, right: 3829, bottom: 309 });
  const yellow = boundingBox(picture, ([r, g, b]) => r > 150 && g > 150 && b < 90);
  assert.ok(yellow !== undefined, 'the text is drawn over the logo');
  // Margins of 40 and a size of 50 in 1920x1080 are twice as much here.
  assert.ok(yellow.right >= 3720 && yellow.right <= 3760, `the text ends at ${yellow.right}`);
  assert.ok(yellow.top >= 80 && yellow.bottom <= 240, `the text is from ${yellow.top} to ${yellow.bottom}`);
  assert.ok(yellow.bottom - yellow.top >= 40, `the text is ${yellow.bottom - yellow.top} lines high`);
});

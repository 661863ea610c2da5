import assert from 'node:assert/strict';
import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { runProcess } from '../../agent/process/run.ts';
import { renderGiant } from '../../bench/render-giant.ts';
import { makeMedia, makeSignalClip } from '../helpers/media.ts';
import { findFlashes } from '../helpers/media-measure.ts';
import { prepareRender, renderToFile } from '../helpers/media-render.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

const short = { seconds: 0.5, signalAtSeconds: 0.2, size: '160x90' } as const;

test('Clips of all codecs join with each other, with cover art and data streams in the way', async (t) => {
  const folder = await tempFolder(t);
  const clip = (extension: string, encoder: string, more: object = {}) =>
    makeSignalClip({ ...short, extension, encoder: encoder.split(' '), ...more });
  const plain = await makeSignalClip(short);
  const cover = await makeMedia('png', ['-f', 'lavfi', '-i', 'color=c=white:s=64x64', '-frames:v', '1']);
  const covered = await makeMedia('mp4', [
    ...['-i', cover, '-i', plain, '-map', '0', '-map', '1', '-c', 'copy', '-disposition:v:0', 'attached_pic'],
  ]);
  const withData = await makeMedia('mov', ['-i', plain, '-c', 'copy', '-timecode', '01:00:00:00']);
  const wrong = path.join(folder, 'really-matroska.mp4');
  await copyFile(await clip('mkv', '-c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac'), wrong);
  const files = [
    plain,
    await clip('mpg', '-c:v mpeg2video -qscale:v 2 -c:a mp2'),
    await clip('mov', '-c:v mjpeg -q:v 2 -c:a pcm_s16le'),
    await clip('webm', '-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus'),
    await clip('mov', '-c:v prores_ks -c:a pcm_s24le'),
    await clip('avi', '-c:v mpeg4 -qscale:v 2 -c:a mp3'),
    await clip(
      'mp4',
      '-c:v libx265 -preset ultrafast -x265-params log-level=none:chromaloc=2 -pix_fmt yuv420p10le -c:a aac',
    ),
    covered,
    withData,
    wrong,
  ];
  await using job = await prepareRender(files.map((file) => ({ file })));
  const facts = job.request.items.map((item) => item.facts);
  assert.ok(facts[7]?.video.some(({ isAttachedPicture }) => isAttachedPicture));
  const output = await renderToFile(job);
  assert.ok(Math.abs(output.frames - files.length * 15) <= files.length, `${output.frames} frames`);
  const flashes = await findFlashes(output.file);
  assert.equal(flashes.length, files.length, flashes.join());
});

test('What is joined of segments is what one filter graph of all of them makes', async () => {
  const clips = [
    await makeSignalClip({ ...short, rate: '25', size: '320x180', filters: 'noise=alls=20' }),
    await makeSignalClip({ ...short, rate: '60', size: '180x320' }),
    await makeMedia('jpg', ['-f', 'lavfi', '-i', 'testsrc2=s=640x360', '-frames:v', '1']),
  ];
  await using job = await prepareRender([
    { file: clips[0] ?? '', text: 'Oracle' },
    { file: clips[1] ?? '' },
    { file: clips[2] ?? '', itemType: 'image', durationMs: 300 },
  ]);
  const { file, frames } = await renderToFile(job);
  const giant = path.join(job.folder, 'giant.mp4');
  await renderGiant({ ...job.request, outputFile: giant });
  const compared = await runProcess({
    file: 'ffmpeg',
    args: [
      '-hide_banner',
      '-nostdin',
      '-i',
      file,
      '-i',
      giant,
      '-lavfi',
      '[0:v][1:v]ssim',
      '-f',
      'null',
      '-',
    ],
  });
  const told = compared.stderrTail.join('\n');
  const counts = [...told.matchAll(/frame= *(?<frames>\d+)/gu)].map(({ groups }) =>
    Number(groups?.['frames']),
  );
  assert.equal(counts.at(-1), frames);
  const ssim = Number(/All:(?<ssim>[\d.]+)/u.exec(told)?.groups?.['ssim']);
  assert.ok(ssim >= 0.98, `SSIM ${ssim}`);
});

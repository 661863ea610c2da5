import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { renderJob } from '../../agent/render/render-job.ts';
import { makeMedia } from '../helpers/media.ts';
import { ffprobe } from '../helpers/media-measure.ts';
import { prepareRender, renderToFile } from '../helpers/media-render.ts';

/** A clip and a still of one colour each. */
async function colours() {
  const picture = ['-f', 'lavfi', '-i', 'color=red:s=160x90:r=30:d=2', '-f', 'lavfi', '-i', 'sine=440:d=2'];
  const clip = await makeMedia('mp4', [...picture, '-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'aac']);
  const still = await makeMedia('png', ['-f', 'lavfi', '-i', 'color=lime:s=160x90', '-frames:v', '1']);
  return [{ file: clip }, { file: still, itemType: 'image' as const, durationMs: 1_000 }];
}

test('A contact sheet shows every item with its time, and a preview all of the result in small', async () => {
  const items = (await colours()).map((item, index) => ({ ...item, title: `Colour ${index}` }));
  await using job = await prepareRender(items, { contactSheet: true, preview: true });
  const output = await renderToFile(job);
  assert.deepEqual(output.extras, { contactSheet: 'sheet.jpg', preview: 'preview.mp4' });
  const sheet = path.join(job.request.workFolder, 'sheet.jpg');
  const [jpeg] = (await ffprobe(sheet)).streams;
  assert.equal(jpeg?.['codec_name'], 'mjpeg');
  const [width, height] = [Number(jpeg['width']), Number(jpeg['height'])];
  assert.equal(height, 180);
  const cells = width / 320;
  assert.ok(cells >= 2 && cells <= 12, `${cells} frames`);
  const raw = ['-v', 'error', '-i', sheet, '-pix_fmt', 'rgb24', '-f', 'rawvideo', 'pipe:1'];
  const bytes = execFileSync('ffmpeg', raw, { maxBuffer: 20_000_000 });
  const at = (x: number, y: number) => [...bytes.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
  const colourAt = (x: number) => at(x, 60).map((value) => (value > 200 ? 1 : value < 60 ? 0 : 0.5));
  const [red, green] = [colourAt(160), colourAt(width - 160)];
  assert.deepEqual(
    [red, green],
    [
      [1, 0, 0],
      [0, 1, 0],
    ],
  );
  // The time stands at the bottom left: white with a black edge.
  const corner = Array.from({ length: 60 }, (_, x) => at(x + 8, 165));
  assert.ok(
    corner.some((rgb) => rgb.every((value) => value > 200)),
    'no time is written',
  );

  const preview = path.join(job.request.workFolder, 'preview.mp4');
  const { streams, format } = await ffprobe(preview);
  assert.deepEqual(
    streams.map((stream) => [stream['codec_name'], stream['width'], stream['height']]),
    [
      ['h264', 640, 360],
      ['aac', undefined, undefined],
    ],
  );
  assert.ok(Math.abs(Number(format['duration']) - 3) < 0.15, format['duration']);
  assert.ok((await stat(preview)).size < output.sizeBytes);
  const read = spawnSync('ffprobe', ['-v', 'error', '-show_chapters', preview], { encoding: 'utf8' });
  assert.deepEqual([read.stdout, read.stderr], ['', ''], 'no chapters, and no trace of them');
  const beside = output.warnings.filter(({ code }) => code === 'EXTRA_FAILED');
  assert.deepEqual(beside, []);
});

test('What cannot be made beside a result is a warning, and the result is as good', async () => {
  await using job = await prepareRender(await colours(), { contactSheet: true, preview: true });
  // An FFmpeg that has neither JPEG nor the small size.
  const bin = path.join(job.folder, 'bin');
  await mkdir(bin);
  const wrapper = path.join(bin, 'ffmpeg');
  await writeFile(
    wrapper,
    `#!/bin/sh
for argument in "$@"; do
  case "$argument" in sheet.jpg|preview.mp4) echo "[error] Unknown encoder 'it'" >&2; exit 1;; esac
done
exec ffmpeg "$@"
`,
  );
  await chmod(wrapper, 0o755);
  const request = { ...job.request, ffmpeg: { ...job.request.ffmpeg, ffmpeg: wrapper } };
  const result = await renderJob(request, { signal: new AbortController().signal });
  assert.ok(result.status === 'rendered', JSON.stringify(result));
  const { output } = result;
  assert.deepEqual(output.extras, {});
  const told = output.warnings.filter(({ code }) => code === 'EXTRA_FAILED').map(({ message }) => message);
  assert.deepEqual(told, [
    "The contact sheet could not be made: [error] Unknown encoder 'it'",
    "The preview could not be made: [error] Unknown encoder 'it'",
  ]);
  assert.ok(output.sizeBytes > 1_000);
});

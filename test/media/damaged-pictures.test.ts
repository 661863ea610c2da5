import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { probeMedia } from '../../agent/media/probe.ts';
import { planSegment } from '../../agent/render/plan-segment.ts';
import { clipFacts } from '../agent/render/facts-of.ts';
import { makeMedia } from '../helpers/media.ts';
import { prepareRender } from '../helpers/media-render.ts';
import { testSegments } from '../helpers/segment-store.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

/** A moving clip without sound, so that every byte in the middle is a picture's. */
const moving = (extension: string) =>
  makeMedia(extension, [
    ...['-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=30:d=1'],
    ...['-c:v', 'libx264', '-g', '30', '-movflags', '+faststart'],
  ]);

/** With one bit turned in each of some places, the same ones each time. */
async function flipped(file: string, places: readonly number[]): Promise<Buffer> {
  const content = await readFile(file);
  for (const place of places) {
    const at = Math.floor(content.length * place);
    content[at] = (content[at] ?? 0) ^ 0x10;
  }
  return content;
}

test('A clip with flipped bits is whole and has a warning with its position, is kept nowhere, or is refused', async (t) => {
  const folder = await tempFolder(t);
  const segmentCache = testSegments(path.join(folder, 'segments'));
  const cases = [
    { extension: 'mp4', places: [0.5] },
    { extension: 'mkv', places: [0.3, 0.4, 0.5, 0.6, 0.7, 0.8] },
    { extension: 'ts', places: [0.35, 0.45, 0.55] },
  ];
  let rendered = 0;
  for (const { extension, places } of cases) {
    const file = path.join(folder, `flipped.${extension}`);
    await writeFile(file, await flipped(await moving(extension), places));
    for (const run of extension === 'mp4' ? ['first', 'second'] : ['first']) {
      await using job = await prepareRender([{ file: await moving('mp4') }, { file }], { segmentCache });
      const heard: (number | undefined)[] = [];
      const result = await job.render({ onWarning: ({ position }) => heard.push(position) });
      const what = `${extension}, ${run} run: ${JSON.stringify(result)}`;
      if (result.status !== 'rendered') {
        const problem = result.status === 'rejected' ? result.problems[0] : undefined;
        const at = result.status === 'failed' ? result.failure.position : problem?.position;
        const failureClass = result.status === 'failed' ? result.failure.failureClass : 'input';
        assert.deepEqual([at, failureClass], [2, 'input'], what);
        continue;
      }
      rendered += 1;
      assert.equal(result.output.frames, 60, what);
      const told = result.output.warnings.filter(({ code }) => code === 'SOURCE_DAMAGED');
      assert.deepEqual([...new Set(told.map(({ position }) => position))], [2], what);
      assert.deepEqual(heard, [2], what);
      // What is damaged is told every time, so it comes from no cache.
      if (run === 'second') assert.equal(result.output.used.segmentsReused, 1, what);
    }
  }
  assert.ok(rendered > 0, 'no damage was small enough to be rendered');
});

test('A photo that did not arrive whole is refused, one with flaws has a warning, and a whole one neither', async (t) => {
  const folder = await tempFolder(t);
  const photo = await readFile(
    await makeMedia('jpg', ['-f', 'lavfi', '-i', 'testsrc2=s=320x180', '-frames:v', '1', '-q:v', '3']),
  );
  const middle = photo.length >> 1;
  const cases: readonly (readonly [string, Buffer, string])[] = [
    ['whole', photo, ''],
    // Nothing of the picture is missing; some programs leave the end mark out, some write behind it.
    ['without its end mark', photo.subarray(0, -2), ''],
    ['with something behind it', Buffer.concat([photo, Buffer.alloc(5000, 'x')]), ''],
    ['cut', photo.subarray(0, middle), 'SOURCE_TRUNCATED'],
    ['with a hole', Buffer.from(photo).fill(0, middle, middle + 200), 'warning SOURCE_DAMAGED'],
  ];
  for (const [name, content, expected] of cases) {
    const file = path.join(folder, 'photo');
    await writeFile(file, content);
    for (const role of ['item', 'logo'] as const) {
      const facts = await probeMedia(file);
      const source = { fileName: 'logo_7.png', sourcePath: 'S', sha256: 'x', facts };
      const common = { position: 7, sourcePath: 'S', sha256: 'x' };
      const { problems, warnings } = planSegment(
        role === 'item'
          ? { ...common, itemType: 'image', fileName: 'image_7.jpg', facts }
          : { ...common, itemType: 'video', fileName: 'video_7.mp4', facts: clipFacts(), logo: source },
        { width: 1920, height: 1080 },
      );
      const told = [...problems.map(({ code }) => code), ...warnings.map(({ code }) => `warning ${code}`)];
      assert.equal(told.join(), expected, `${name}, ${role}`);
    }
  }
});

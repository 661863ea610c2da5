import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
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

import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { type ClipOptions, makeSignalClip } from '../helpers/media.ts';
import { findBeeps, findFlashes } from '../helpers/media-measure.ts';
import { prepareRender, renderToFile } from '../helpers/media-render.ts';
import { testSegments } from '../helpers/segment-store.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

/** Each a trap for what follows it: odd rates, other samplings, sound that is later, shorter or longer. */
const traps: readonly ClipOptions[] = [
  { rate: '24000/1001' },
  { rate: '30000/1001', sound: { channels: 1, rate: 22_050 } },
  { rate: '60', sound: { channels: 6, rate: 96_000 } },
  { rate: '25', soundLaterSeconds: 0.1 },
  { rate: '50', soundSeconds: 0.45 },
  { rate: '24', soundSeconds: 0.9 },
];

test('Picture and sound are in step at every one of 52 joints, whatever the items before had', async (t) => {
  const count = 53;
  const clips = await Promise.all(
    traps.map((trap) => makeSignalClip({ seconds: 0.5, signalAtSeconds: 0.2, size: '160x90', ...trap })),
  );
  // The same clips again and again, as a channel's intro is: each is encoded once, and all are joined.
  const segmentCache = testSegments(path.join(await tempFolder(t), 'segments'));
  const items = Array.from({ length: count }, (_, index) => ({ file: clips[index % clips.length] ?? '' }));
  await using job = await prepareRender(items, { segmentCache, concurrency: 1 });
  const output = await renderToFile(job);
  assert.equal(output.used.segmentsRendered, clips.length);

  const frames = job.request.items.map(({ facts }) =>
    Math.round(((facts?.video[0]?.scan?.endSeconds ?? 0) - (facts?.containerStartSeconds ?? 0)) * 30),
  );
  assert.equal(
    output.frames,
    frames.reduce((sum, one) => sum + one, 0),
  );
  const flashes = await findFlashes(output.file);
  const beeps = await findBeeps(output.file);
  assert.deepEqual([flashes.length, beeps.length], [count, count]);
  let start = 0;
  const wrong: string[] = [];
  for (const [index, length] of frames.entries()) {
    const [beepLate, flashLate] = [beeps, flashes].map((found) => (found[index] ?? 0) - start / 30 - 0.2) as [
      number,
      number,
    ];
    // A flash is drawn at the nearest frame of 30 a second, so at most half a frame away.
    if (Math.abs(beepLate) > 0.005 || Math.abs(flashLate) > 1 / 60 + 0.001)
      wrong.push(`item ${index}: beep ${beepLate * 1000} ms late, flash ${flashLate * 1000} ms late`);
    start += length;
  }
  assert.deepEqual(wrong, []);
});

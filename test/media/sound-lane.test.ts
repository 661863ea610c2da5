import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { encodeSound } from '../../agent/render/join.ts';
import { planRender } from '../../agent/render/plan.ts';
import { makeSignalClip } from '../helpers/media.ts';
import { prepareRender, renderToFile } from '../helpers/media-render.ts';

const clips = () =>
  Promise.all([
    makeSignalClip({ seconds: 1.4, sound: { channels: 1, rate: 22_050 } }),
    makeSignalClip({ seconds: 0.7, sound: 'none', signalAtSeconds: 0.3 }),
    makeSignalClip({ seconds: 2, rate: '30000/1001', soundLaterSeconds: 0.3 }),
  ]);

test('The sound that is encoded beside the pictures is, bit for bit, that of one pass over all segments', async () => {
  const files = await clips();
  await using job = await prepareRender(
    files.map((file) => ({ file })),
    { concurrency: 1 },
  );
  await renderToFile(job);
  const labels = job.commands.map(({ label }) => label);
  assert.ok(labels.indexOf('sound') < labels.indexOf('video_4'), 'it was up before the last picture began');
  assert.ok(labels.includes('samples'));
  const sound = path.join(job.request.workFolder, 'sound.m4a');
  const beside = await hashOf(sound);
  assert.deepEqual(
    (await readdir(job.request.workFolder)).filter((name) => name.startsWith('sounds')),
    [],
  );

  await rm(sound);
  const planned = planRender(job.request);
  assert.ok(planned.ok);
  const signal = new AbortController().signal;
  await encodeSound({
    context: { request: job.request, log: { command: () => undefined, stderr: () => undefined }, signal },
    plan: planned.plan,
    cache: undefined,
    lane: { finish: () => Promise.resolve(undefined), stop: () => Promise.resolve() },
    onFraction: () => undefined,
  });
  assert.equal(await hashOf(sound), beside);
});

test('A render that is cancelled, or fails, leaves nothing of its sound', async () => {
  const [first, , last] = await clips();
  await using job = await prepareRender(
    [first, last].map((file) => ({ file })),
    { concurrency: 1 },
  );
  const abort = new AbortController();
  const result = await job.render({
    signal: abort.signal,
    log: {
      command: ({ label }) => {
        if (label === 'video_2') abort.abort(new Error('cancelled'));
      },
      stderr: () => undefined,
    },
  });
  assert.equal(result.status, 'aborted');
  const left = (await readdir(job.request.workFolder)).filter((name) => name.startsWith('sound'));
  assert.deepEqual(left, []);
});

async function hashOf(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}

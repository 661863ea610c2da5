import assert from 'node:assert/strict';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { planRender } from '../../agent/render/plan.ts';
import { renderBoard } from '../../agent/render/render-job.ts';
import type { RenderRequest } from '../../agent/render/render-request.ts';
import { fullBoard } from '../../agent/render/segment-board.ts';
import type { SegmentCache } from '../../agent/render/segment-cache.ts';
import { makeMedia } from '../helpers/media.ts';
import { prepareRender, renderToFile, type TestItem } from '../helpers/media-render.ts';
import { testSegments } from '../helpers/segment-store.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

async function clip(hue: number): Promise<string> {
  return makeMedia('mp4', [
    ...['-f', 'lavfi', '-i', `testsrc2=s=160x90:r=30:d=0.3,hue=h=${hue}`],
    ...['-f', 'lavfi', '-i', `sine=f=${200 + hue}:d=0.3`],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'aac'],
  ]);
}

/** What encodes: the labels of the commands that are neither a join nor a look at what was made. */
async function encodesOf(items: readonly TestItem[], segmentCache: SegmentCache): Promise<readonly string[]> {
  await using job = await prepareRender(items, { segmentCache });
  const output = await renderToFile(job);
  assert.equal(output.frames, items.length * 9);
  const { segmentsRendered, segmentsReused } = output.used;
  assert.equal(segmentsRendered + segmentsReused, items.length, 'each counts once');
  return (
    job.commands
      .filter(({ file, args }) => file === 'ffmpeg' && args.some((one) => one === '-c:v' || one === '-c:a'))
      .map(({ label }) => label)
      // What feeds the sound encoder copies samples: where it runs beside the pictures is a matter of moments.
      .filter((label) => label !== 'samples')
      .toSorted()
  );
}

async function cacheFolder(t: TestContext): Promise<string> {
  return path.join(await tempFolder(t), 'segments');
}

test('A second job encodes nothing, a changed item encodes itself, and the sound only where it changed', async (t) => {
  const folder = await cacheFolder(t);
  const [a, b, c] = [await clip(0), await clip(90), await clip(180)];
  assert.deepEqual(await encodesOf([{ file: a }, { file: b }], testSegments(folder)), [
    'sound',
    'video_0',
    'video_2',
  ]);
  // Another process, as far as the cache can tell.
  assert.deepEqual(await encodesOf([{ file: a }, { file: b }], testSegments(folder)), []);
  assert.deepEqual(await encodesOf([{ file: b }, { file: a }], testSegments(folder)), ['sound']);
  const texted = [{ file: a }, { file: b, text: 'Hi' }];
  assert.deepEqual(await encodesOf(texted, testSegments(folder)), ['video_2'], 'a text makes no sound');
  assert.deepEqual(await encodesOf([{ file: a }, { file: c }], testSegments(folder)), ['sound', 'video_2']);
});

test('A segment that the cache says is of another length is rendered anew', async (t) => {
  const folder = await cacheFolder(t);
  const items = [{ file: await clip(0) }, { file: await clip(90) }];
  await encodesOf(items, testSegments(folder));
  const real = testSegments(folder);
  const wrong = { frames: 8, samples: 8 * 1600 };
  for (const name of ['frames', 'samples'] as const) {
    const lying: SegmentCache = {
      keep: (...kept) => real.keep(...kept),
      async take(wanted, target) {
        const taken = await real.take(wanted, target);
        return taken?.frames === 9 ? { ...taken, [name]: wrong[name] } : taken;
      },
    };
    assert.deepEqual(await encodesOf(items, lying), ['video_0', 'video_2'], name);
  }
});

test('Segments of a class that this PC cannot make are given up when it must make one', async (t) => {
  const folder = await cacheFolder(t);
  const [a, b, c] = [await clip(0), await clip(90), await clip(180)];
  await encodesOf([{ file: a }, { file: b }], testSegments(folder));
  const real = testSegments(folder);
  const asked: string[] = [];
  /** As if another PC's encoder had made all that is found while the class is open. */
  const foreign: SegmentCache = {
    keep: (...kept) => real.keep(...kept),
    async take(wanted, target) {
      const taken = await real.take(wanted, target);
      asked.push(
        `${wanted.joinClass === undefined ? 'any' : 'of a class'}: ${taken === undefined ? 'none' : 'found'}`,
      );
      return taken === undefined || wanted.joinClass !== undefined
        ? taken
        : { ...taken, joinClass: 'foreign' };
    },
  };
  const items = [{ file: a }, { file: b }, { file: c }];
  assert.deepEqual(await encodesOf(items, foreign), ['sound', 'video_4']);
  assert.ok(asked.filter((one) => one === 'of a class: found').length >= 2, asked.join(', '));
});

test('Joints of segments that were rendered for this job are decoded, whoever rendered them', async (t) => {
  const segmentCache = testSegments(await cacheFolder(t));
  const items = [{ file: await clip(0) }, { file: await clip(90) }, { file: await clip(180) }];
  /** @param delivered indexes of items that another agent has rendered for this job */
  const jointsOf = async (options: Partial<RenderRequest>, delivered: readonly number[] = []) => {
    await using job = await prepareRender(items, { segmentCache, ...options });
    const planned = planRender(job.request);
    assert.ok(planned.ok);
    const board = fullBoard(planned.plan);
    for (const index of delivered) {
      board.give(index);
      board.deliver(index);
    }
    const result = await renderBoard(job.request, board, {
      signal: t.signal,
      log: { command: (entry) => job.commands.push(entry), stderr: () => undefined },
    });
    assert.equal(result.status, 'rendered');
    const look = job.commands.find(({ label }) => label === 'verify joints');
    return look?.args.filter((word) => word === '-ss').length ?? 0;
  };
  assert.equal(await jointsOf({}), 2, 'all are rendered now');
  assert.equal(await jointsOf({}), 0, 'the result before this one was verified');
  assert.equal(await jointsOf({}, [0]), 1, 'a helper has rendered the first');
  assert.equal(await jointsOf({ hadAttempts: true }), 2, 'an attempt before this one may have rendered any');
});

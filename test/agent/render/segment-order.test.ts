import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { framesAhead } from '../../../agent/render/frames-ahead.ts';
import type { RenderPlan, SegmentPlan } from '../../../agent/render/render-plan.ts';
import { createSegmentBoard } from '../../../agent/render/segment-board.ts';
import { mayBeGiven, nextToRender, type SegmentStage } from '../../../agent/render/segment-order.ts';

const stage = fc.constantFrom<SegmentStage>('expected', 'ready', 'rendering', 'given', 'delivered', 'done');
const view = fc.record({
  stages: fc.array(stage, { maxLength: 12 }),
  concurrency: fc.integer({ min: 1, max: 4 }),
  isStopped: fc.boolean(),
});

describe('the item that is rendered next', () => {
  test('is the first one whose files are here, whatever comes before it', () => {
    const stages: SegmentStage[] = ['done', 'expected', 'given', 'ready', 'ready'];
    assert.equal(nextToRender({ stages, concurrency: 1, isStopped: false }), 3);
    assert.deepEqual(
      mayBeGiven({ stages, concurrency: 1, isStopped: false }),
      [4],
      'the other is begun here',
    );
    const busy: SegmentStage[] = ['rendering', 'ready', 'expected', 'ready'];
    assert.deepEqual(mayBeGiven({ stages: busy, concurrency: 1, isStopped: false }), [1, 3]);
  });

  test('is none when all places are taken, nothing is ready, or an item is bad', () => {
    const stages: SegmentStage[] = ['rendering', 'ready'];
    assert.equal(nextToRender({ stages, concurrency: 1, isStopped: false }), undefined);
    assert.equal(nextToRender({ stages, concurrency: 2, isStopped: false }), 1);
    assert.equal(nextToRender({ stages, concurrency: 2, isStopped: true }), undefined);
    assert.deepEqual(mayBeGiven({ stages, concurrency: 1, isStopped: false }), [1]);
    assert.deepEqual(mayBeGiven({ stages, concurrency: 1, isStopped: true }), []);
    assert.equal(nextToRender({ stages: ['given', 'done'], concurrency: 2, isStopped: false }), undefined);
  });

  test('is always ready, never beyond what runs at a time, and there as soon as it may be', () => {
    fc.assert(
      fc.property(view, (seen) => {
        const { stages, concurrency, isStopped } = seen;
        const next = nextToRender(seen);
        const running = stages.filter((one) => one === 'rendering').length;
        const isDelivered = stages.includes('delivered');
        const may = !isStopped && (isDelivered || (running < concurrency && stages.includes('ready')));
        assert.equal(next !== undefined, may);
        if (next !== undefined) assert.equal(stages[next], isDelivered ? 'delivered' : 'ready');
        for (const index of mayBeGiven(seen)) assert.ok(stages[index] === 'ready' && index !== next);
      }),
    );
  });
});

test('A job is as long as is known of it: the mean stands for what says nothing', () => {
  const of = (frames: number | undefined, framesEstimated?: number) => ({ frames, framesEstimated });
  assert.equal(framesAhead([of(undefined), of(undefined)]), 0);
  assert.equal(framesAhead([of(30), of(undefined, 60), of(undefined)]), 135);
  assert.equal(framesAhead([of(30, 900), of(10)]), 40, 'what is planned counts, not what was said');
  assert.equal(framesAhead([]), 0);
});

const segment = (position: number, frames: number): SegmentPlan => ({ position, frames }) as SegmentPlan;

describe('the board of a job', () => {
  const board = () =>
    createSegmentBoard([
      { position: 5, framesEstimated: undefined },
      { position: 7, framesEstimated: 60 },
    ]);

  test('knows the length better with every item, and for good when it is complete', () => {
    const of = board();
    assert.deepEqual(of.frames(), { total: 120, isExact: false });
    of.ready(0, segment(5, 30));
    assert.deepEqual(of.frames(), { total: 90, isExact: false });
    of.complete({ frames: 80 } as RenderPlan);
    assert.deepEqual(of.frames(), { total: 80, isExact: true });
  });

  test('gives an item away once, and has it back once', () => {
    const of = board();
    assert.equal(of.give(0), undefined, 'its files are not here');
    of.ready(0, segment(5, 30));
    assert.equal(of.give(0)?.position, 5);
    assert.equal(of.give(0), undefined);
    of.begin(0);
    assert.deepEqual(of.stages(), ['given', 'expected'], 'nobody else begins it');
    of.takeBack(0);
    of.takeBack(0);
    assert.deepEqual(of.stages(), ['ready', 'expected']);
    assert.deepEqual([of.wasGiven(0), of.wasGiven(1)], [true, false]);
    of.begin(0);
    of.takeBack(0);
    assert.deepEqual(of.stages(), ['rendering', 'expected'], 'it was not given');
    of.putBack(0);
    assert.deepEqual(of.stages(), ['ready', 'expected']);
  });

  test('tells of every change, until nobody listens; a stop only once', async () => {
    const of = board();
    let heard = 0;
    const forget = of.onChange(() => (heard += 1));
    of.ready(0, segment(5, 30));
    of.ready(0, segment(5, 30));
    of.begin(0);
    of.stop();
    of.stop();
    assert.equal(heard, 3);
    assert.equal(of.stopped.aborted, true);
    await assert.rejects(of.plan(), /cannot be rendered/u);
    forget();
    of.done(0);
    assert.equal(heard, 3);
  });
});

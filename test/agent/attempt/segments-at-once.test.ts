import assert from 'node:assert/strict';
import { test } from 'node:test';
import { segmentsAtOnce } from '../../../agent/attempt/segments-at-once.ts';
import { createWorkClock } from '../../../agent/attempt/work-clock.ts';

test('As many segments are encoded at a time as test encodes at once showed to pay', () => {
  assert.equal(segmentsAtOnce([], 1), 1);
  assert.equal(segmentsAtOnce([1], 1), 1, 'nobody tried two');
  assert.equal(segmentsAtOnce([1, 0.54], 1), 1, '8 percent are not worth a second FFmpeg');
  assert.equal(segmentsAtOnce([1, 1], 1), 2, 'two engines');
  assert.equal(segmentsAtOnce([1, 1, 0.68], 1), 2, 'the third one only shares');
  assert.equal(segmentsAtOnce([1, 0.9, 0.8, 0.75, 0.7, 0.68], 1), 4, 'and no more than four');
});

test('Jobs that render side by side share what pays', () => {
  assert.equal(segmentsAtOnce([1, 1, 1, 1], 2), 2);
  assert.equal(segmentsAtOnce([1, 1], 3), 1);
  assert.equal(segmentsAtOnce([1, 1], 0), 2);
});

test('The clock of a render stands while it waits for files', () => {
  const steady = { ms: 0 };
  let open = 0;
  const begin = () => {
    const startedMs = steady.ms;
    open += 1;
    const running = { aloneMs: () => (steady.ms - startedMs) / 2, share: () => 0.5, nowMs: () => steady.ms };
    return { ...running, end: () => void (open -= 1) };
  };
  const clock = createWorkClock(begin, () => steady.ms);
  assert.deepEqual([clock.aloneMs(), clock.share()], [0, 1]);
  clock.go();
  clock.go();
  steady.ms = 10;
  assert.deepEqual([clock.aloneMs(), open], [5, 1]);
  clock.rest();
  clock.rest();
  steady.ms = 50;
  assert.deepEqual([clock.aloneMs(), clock.share(), open], [5, 0.5, 0]);
  clock.go();
  steady.ms = 60;
  assert.equal(clock.aloneMs(), 10);
});

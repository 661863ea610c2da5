import assert from 'node:assert/strict';
import test from 'node:test';
import { createUsageCount } from '../../../agent/attempt/usage-count.ts';

test('A segment that is made anew counts once, by how it came in the end; all that was encoded counts', () => {
  const usage = createUsageCount(() => 0);
  usage.segment({ position: 1, frames: 30, isReused: true });
  usage.segment({ position: 2, frames: 40, isReused: true });
  usage.segment({ position: 3, frames: 50, isReused: false });
  usage.segment({ position: 1, frames: 30, isReused: false });
  usage.segment({ position: 2, frames: 40, isReused: true });
  const { segmentsRendered, segmentsReused, framesEncoded, segmentsHelped } = usage.total();
  assert.deepEqual([segmentsRendered, segmentsReused, framesEncoded, segmentsHelped], [2, 1, 80, undefined]);
});

test('What helpers rendered counts as reused, and by itself', () => {
  const usage = createUsageCount(() => 0);
  usage.segment({ position: 1, frames: 30, isReused: true, helper: 'pc2' });
  usage.segment({ position: 2, frames: 30, isReused: true, helper: 'pc3' });
  usage.segment({ position: 3, frames: 30, isReused: true });
  usage.segment({ position: 2, frames: 30, isReused: false });
  const { segmentsRendered, segmentsReused, segmentsHelped } = usage.total();
  assert.deepEqual([segmentsRendered, segmentsReused, segmentsHelped], [1, 2, 1]);
});

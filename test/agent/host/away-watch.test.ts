import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAwayWatch } from '../../../agent/host/away-watch.ts';

test('A PC that slept is noticed by the wall clock, a frozen one by both, a busy one not at all', () => {
  const clock = { steadyMs: 0, wallMs: 1e12 };
  const look = createAwayWatch({
    steadyMs: () => clock.steadyMs,
    wallMs: () => clock.wallMs,
    awayMs: 10_000,
  });
  const pass = (steadyMs: number, wallMs: number): number | undefined => {
    clock.steadyMs += steadyMs;
    clock.wallMs += wallMs;
    return look();
  };
  assert.equal(pass(200, 200), undefined);
  assert.equal(pass(200, 3_600_000), 3_600_000);
  assert.equal(pass(200, 200), undefined, 'once for each time');
  assert.equal(pass(61_000, 61_000), 61_000);
  assert.equal(pass(9_999, 9_999), undefined);
  assert.equal(pass(200, -3_600_000), undefined, 'a clock that is put back is no sleep');
});

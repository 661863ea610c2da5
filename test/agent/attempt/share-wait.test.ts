import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { countShareWait } from '../../../agent/attempt/share-wait.ts';
import type { UnderwayOperation } from '../../../agent/media/share-operations.ts';

/** A second at a time. */
function waiting() {
  const state: { now: number; underway: UnderwayOperation[] } = { now: 0, underway: [] };
  const told: [number, string | undefined][] = [];
  const look = countShareWait({
    underway: () => state.underway,
    paths: new Set(['/mnt/a', '/mnt/b']),
    nowMs: () => state.now,
    onWait: (totalMs, reason) => told.push([totalMs, reason]),
  });
  const second = (...underway: UnderwayOperation[]): void => {
    state.now += 1_000;
    state.underway = underway;
    look();
  };
  return { second, told };
}

describe('waiting for shares', () => {
  test('is counted from the last byte, while nothing of the attempt moves, and names the file', () => {
    const { second, told } = waiting();
    second({ path: '/mnt/a', silentMs: 1_000 });
    second({ path: '/mnt/a', silentMs: 2_000 });
    second({ path: '/mnt/a', silentMs: 3_000 });
    second({ path: '/mnt/a', silentMs: 0 });
    second({ path: '/mnt/a', silentMs: 2_500 });
    assert.deepEqual(told.slice(0, 4), [
      [2_000, '/mnt/a: no byte for 2 s'],
      [3_000, '/mnt/a: no byte for 3 s'],
      [3_000, undefined],
      [5_500, '/mnt/a: no byte for 3 s'],
    ]);
  });

  test('is none while another copy of the attempt gets on, or nothing is asked of a share', () => {
    const { second, told } = waiting();
    second({ path: '/mnt/a', silentMs: 30_000 }, { path: '/mnt/b', silentMs: 10 });
    second();
    assert.deepEqual(told, []);
  });

  test('says why a share is silent, where that is known', () => {
    const { second, told } = waiting();
    second({ path: '/mnt/a', silentMs: 4_000, why: 'still grows, 17 bytes now' });
    assert.deepEqual(told, [[4_000, '/mnt/a: still grows, 17 bytes now']]);
  });

  test('does not count what others of this PC wait for', () => {
    const { second, told } = waiting();
    second({ path: '/mnt/elsewhere', silentMs: 30_000 });
    assert.deepEqual(told, []);
  });
});

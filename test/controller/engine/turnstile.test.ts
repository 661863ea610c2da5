import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Turnstile } from '../../../controller/engine/verify/turnstile.ts';
import { ManualClock, settled } from '../../helpers/manual-clock.ts';

/** Three times as much rest as work; work that takes so long under a clock that a test moves. */
function open() {
  const clock = new ManualClock();
  const turnstile = new Turnstile(clock, 3);
  const begun: string[] = [];
  const ended: string[] = [];
  const pass = (name: string, workMs: number, limitMs = 60_000, failure?: Error) =>
    turnstile
      .pass(clock.nowMs() + limitMs, async () => {
        begun.push(name);
        await new Promise<void>((resolve) => void clock.after(workMs, resolve));
        if (failure !== undefined) throw failure;
        return name;
      })
      .finally(() => ended.push(name));
  return { clock, begun, ended, pass };
}

test('One works at a time, in the order in which they came', async () => {
  const { clock, begun, ended, pass } = open();
  const all = Promise.all([pass('a', 100), pass('b', 100), pass('c', 0)]);
  await settled();
  assert.deepEqual(begun, ['a']);
  await clock.pass(100);
  assert.deepEqual([begun, ended], [['a'], ['a']], 'b waits until a has ended, and longer');
  await clock.pass(299);
  assert.deepEqual(begun, ['a']);
  await clock.pass(1);
  assert.deepEqual(begun, ['a', 'b'], 'three times as long as a took');
  await clock.pass(400);
  assert.deepEqual(await all, ['a', 'b', 'c']);
  await clock.pass(0);
  assert.equal(clock.timers, 0);
});

test('Whose turn comes too late does nothing, and keeps nobody waiting', async () => {
  const { clock, begun, pass } = open();
  const first = pass('first', 100);
  const late = pass('late', 1_000, 400);
  const next = pass('next', 0);
  await clock.pass(100);
  assert.equal(await first, 'first');
  await clock.pass(300);
  assert.equal(await late, undefined);
  assert.equal(await next, 'next');
  assert.deepEqual(begun, ['first', 'next']);
});

test('Work that fails is paid for as any other, and the next one has its turn', async () => {
  const { clock, begun, pass } = open();
  const failure = new Error('it went wrong');
  const first = assert.rejects(pass('first', 100, 60_000, failure), failure);
  const next = pass('next', 0);
  await clock.pass(100);
  await first;
  await clock.pass(299);
  assert.deepEqual(begun, ['first']);
  await clock.pass(1);
  assert.equal(await next, 'next');
});

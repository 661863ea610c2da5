import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WakePacer } from '../../../controller/engine/wake-pacer.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';

describe('those who look on', () => {
  it('are woken at once where nobody else was, then a few at a time, each once', async () => {
    const clock = new ManualClock();
    const pacer = new WakePacer(clock);
    const woken: number[] = [];
    for (let n = 0; n < 100; n += 1) pacer.add({ wake: () => woken.push(n) > 0 });
    assert.deepEqual(woken, [0]);
    await clock.pass(4);
    assert.deepEqual(woken, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    await clock.pass(1_000);
    assert.deepEqual(
      woken,
      Array.from({ length: 100 }, (_, n) => n),
    );
  });

  it('wait longer when the loop is late', async () => {
    const clock = new ManualClock();
    const pacer = new WakePacer(clock);
    const wokenAt: number[] = [];
    const startMs = clock.nowMs();
    for (let n = 0; n < 20; n += 1) pacer.add({ wake: () => wokenAt.push(clock.nowMs() - startMs) > 0 });
    await clock.jump(8);
    await clock.pass(500);
    assert.deepEqual([...new Set(wokenAt)], [0, 8, 8 + 4 + 3 * 3, 8 + 4 + 3 * 3 + 4]);
  });

  it('do not hold each other up when they are busy themselves', () => {
    const pacer = new WakePacer(new ManualClock());
    let woken = 0;
    for (let n = 0; n < 10; n += 1) pacer.add({ wake: () => false });
    pacer.add({
      wake() {
        woken += 1;
        return true;
      },
    });
    assert.equal(woken, 1);
  });
});

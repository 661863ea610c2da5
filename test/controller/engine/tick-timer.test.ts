import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TickTimer } from '../../../controller/engine/tick-timer.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';

const tickMs = 1_000;

function tickingEvery(deadlineMs: () => number = () => Number.POSITIVE_INFINITY) {
  const clock = new ManualClock();
  const ticks: number[] = [];
  const startMs = clock.nowMs();
  const timer = new TickTimer({
    ...{ clock, tickMs, deadlineMs },
    isUrgent: () => false,
    onTick: () => {
      ticks.push(clock.nowMs() - startMs);
      timer.plan();
    },
  });
  timer.plan();
  return { clock, ticks, timer, startMs };
}

describe('The tick of the engine', () => {
  it('comes although turns follow each other faster than it does', async () => {
    const { clock, ticks, timer } = tickingEvery();
    for (let n = 0; n < 50; n += 1) {
      await clock.pass(100);
      timer.plan();
    }
    assert.deepEqual(ticks, [1_000, 2_000, 3_000, 4_000, 5_000]);
  });

  it('comes earlier when time alone causes something before', async () => {
    const times = { nextMs: Number.POSITIVE_INFINITY };
    const { clock, ticks, timer, startMs } = tickingEvery(() => times.nextMs);
    await clock.pass(200);
    times.nextMs = startMs + 300;
    timer.plan();
    await clock.pass(150);
    assert.deepEqual(ticks.slice(0, 1), [300]);
    timer.stop();
  });
});

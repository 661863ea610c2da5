import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultTimes } from '../../../controller/domain/times.ts';
import type { Due, DueRequest } from '../../../controller/engine/outbox-port.ts';
import { Deliverer } from '../../../controller/outbox/deliverer.ts';
import { ManualClock, settled } from '../../helpers/manual-clock.ts';
import { outboxItem } from '../../helpers/mirrored-job.ts';
import { RecordingDestination } from '../../helpers/recording-destination.ts';

const times = defaultTimes;
const nothing: Due = { rows: [], progress: [], isAll: true, told: new Map(), running: new Set() };

/** A deliverer whose farm answers as it is told to. */
function delivererOf(destination: RecordingDestination, due: (request: DueRequest) => Promise<Due>) {
  const clock = new ManualClock();
  const lines: object[] = [];
  const told = (fields: object, message: string): void => void lines.push({ ...fields, message });
  const log = { info: told, warn: told, error: told };
  const source = { due, tell: () => undefined };
  const deliverer = new Deliverer({ destination, source, times, clock, random: () => 0.5, log });
  return { deliverer, clock, lines };
}

describe('what a deliverer asks of its farm', () => {
  it('is logged once while it is not answered, and once when it is over, each time', async () => {
    let away: Error | undefined = new Error('the store is away');
    let asked = 0;
    const { deliverer, clock, lines } = delivererOf(new RecordingDestination('history'), () => {
      asked += 1;
      return away === undefined ? Promise.resolve(nothing) : Promise.reject(away);
    });
    for (const round of [1, 2]) {
      const err: Error | undefined = away;
      await clock.pass(10 * times.deliveryRetryMinMs);
      assert.ok(asked >= 10, `asked ${asked} times in round ${round}`);
      away = undefined;
      await clock.pass(times.deliveryRetryMinMs);
      assert.deepEqual(lines.splice(0), [
        { err, destination: 'history', message: 'the outbox cannot be read; it is tried again and again' },
        {
          ...{ forMs: 11 * times.deliveryRetryMinMs, destination: 'history' },
          message: 'the outbox can be read again',
        },
      ]);
      asked = 0;
      away = new Error('the store is away once more');
      deliverer.wake();
      await settled();
    }
    assert.deepEqual(deliverer.health, {}, 'the destination is not to blame');
    await deliverer.stop();
    assert.equal(clock.timers, 0);
  });

  it('keeps the percent of a job only while it runs', async () => {
    const item = outboxItem({ percent: 40 });
    const { jobId } = item.job;
    const answers: Due[] = [{ ...nothing, progress: [item], running: new Set([jobId]) }];
    const percents: string[][] = [];
    const { deliverer, clock } = delivererOf(new RecordingDestination('directory'), (request) => {
      if (request.percents !== undefined) percents.push([...request.percents.keys()]);
      return Promise.resolve(answers.shift() ?? nothing);
    });
    await clock.pass(2 * times.progressMirrorMs);
    assert.deepEqual(percents, [[], [jobId], []]);
    await deliverer.stop();
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultTimes } from '../../../controller/domain/times.ts';
import { settled } from '../../helpers/manual-clock.ts';
import { RecordingDestination } from '../../helpers/recording-destination.ts';
import { farmTelling, ids, outboxOf } from '../../helpers/telling-farm.ts';
import { jobId } from '../../helpers/turn-farm.ts';

const times = defaultTimes;

describe('a destination that is away', () => {
  it('is asked again behind a back-off that doubles up to its cap; what is marked meanwhile does not hurry it', async () => {
    const directory = new RecordingDestination('directory');
    directory.goAway();
    const farm = await farmTelling(directory);
    await farm.submit(1);
    await settled();
    assert.equal(directory.calls.length, 1);
    // Random is 0.5: three quarters of the ceiling.
    for (let failures = 1; failures <= 12; failures += 1) {
      const ceiling = Math.min(times.deliveryRetryMaxMs, times.deliveryRetryMinMs * 2 ** (failures - 1));
      await farm.clock.pass(0.75 * ceiling - 1);
      await farm.submit(failures + 1);
      await settled();
      assert.equal(directory.calls.length, failures, `after ${failures} failures`);
      await farm.clock.pass(1);
      assert.equal(directory.calls.length, failures + 1);
    }
    await farm.engine.stop();
  });

  it('is left alone for as long as it asks, within reason', async () => {
    const directory = new RecordingDestination('directory');
    directory.goAway(20_000);
    const farm = await farmTelling(directory);
    await farm.submit(1);
    await farm.clock.pass(19_999);
    assert.equal(directory.calls.length, 1);
    directory.goAway(1e15);
    await farm.clock.pass(1);
    assert.equal(directory.calls.length, 2);
    directory.comeBack();
    await farm.clock.pass(12 * times.deliveryRetryMaxMs);
    assert.deepEqual(ids(directory.taken), [jobId(1)]);
    await farm.engine.stop();
  });

  it('says since when and why, keeps the farm serving, and forgets that when it is back', async () => {
    const directory = new RecordingDestination('directory');
    directory.goAway();
    const farm = await farmTelling(directory);
    const sinceMs = farm.clock.nowMs();
    await farm.submit(1);
    await farm.clock.pass(60_000);
    const view = await outboxOf(farm);
    assert.equal(view.awaySinceMs, sinceMs);
    assert.equal(view.oldestSinceMs, sinceMs);
    assert.equal(view.rows, 1);
    assert.equal(view.lastError, 'directory is away');
    assert.ok(farm.engine.serving);
    directory.comeBack();
    await farm.clock.pass(times.deliveryRetryMaxMs);
    const { awaySinceMs, lastError, rows } = await outboxOf(farm);
    assert.deepEqual(
      { awaySinceMs, lastError, rows },
      { awaySinceMs: undefined, lastError: undefined, rows: 0 },
    );
    await farm.engine.stop();
  });

  it('hears of what was marked during the call with which it came back', async () => {
    const directory = new RecordingDestination('directory');
    directory.goAway();
    const farm = await farmTelling(directory);
    await farm.submit(1);
    await settled();
    directory.comeBack();
    const gate = Promise.withResolvers<undefined>();
    directory.answers = gate.promise;
    await farm.clock.pass(times.deliveryRetryMinMs);
    assert.equal(directory.calls.length, 2);
    await farm.submit(2);
    gate.resolve(undefined);
    await settled();
    assert.deepEqual(ids(directory.taken), [jobId(1), jobId(2)]);
    await farm.engine.stop();
  });

  it('that answers nothing for its time counts as away, and is asked again', async () => {
    const directory = new RecordingDestination('directory');
    const farm = await farmTelling(directory);
    directory.answers = new Promise(() => undefined);
    await farm.submit(1);
    await farm.clock.pass(times.deliveryMs - 1);
    assert.equal((await outboxOf(farm)).awaySinceMs, undefined);
    await farm.clock.pass(1);
    assert.match((await outboxOf(farm)).lastError ?? '', /has not answered for 30000 ms/u);
    directory.answers = Promise.resolve();
    await farm.clock.pass(times.deliveryRetryMinMs);
    assert.deepEqual(ids(directory.taken), [jobId(1)]);
    await farm.engine.stop();
  });

  it('that fails in every large call is asked for fewer jobs, and for more when it works again', async () => {
    const directory = new RecordingDestination('directory', 16);
    const farm = await farmTelling(directory);
    directory.goAway();
    for (let n = 1; n <= 16; n += 1) await farm.submit(n);
    await settled();
    directory.comeBack();
    const deliver = directory.deliver;
    // As one that is slow: what it is told in one call takes longer than a call may.
    directory.deliver = async (items, signal) => {
      if (items.length <= 3) return await deliver(items, signal);
      return await new Promise(() => undefined);
    };
    await farm.clock.pass(times.deliveryRetryMaxMs);
    assert.equal((await outboxOf(farm)).rows, 0);
    directory.deliver = deliver;
    directory.calls.length = 0;
    const gate = Promise.withResolvers<undefined>();
    directory.answers = gate.promise;
    for (let n = 17; n <= 48; n += 1) await farm.submit(n);
    gate.resolve(undefined);
    await farm.clock.pass(times.deliveryRetryMaxMs);
    assert.equal((await outboxOf(farm)).rows, 0);
    assert.ok(
      directory.calls.some(({ length }) => length > 3),
      String(directory.calls.map(({ length }) => length)),
    );
    await farm.engine.stop();
  });

  it('in which one job always makes a mistake sets that one aside, and tells the others', async () => {
    const directory = new RecordingDestination('directory');
    const farm = await farmTelling(directory);
    const deliver = directory.deliver;
    directory.deliver = async (items, signal) => {
      if (items.some(({ job }) => job.jobId === jobId(2))) throw new TypeError('a mistake of ours');
      return await deliver(items, signal);
    };
    for (let n = 1; n <= 9; n += 1) await farm.submit(n);
    await farm.clock.pass(times.deliveryRetryMaxMs);
    assert.deepEqual(
      ids(directory.taken).toSorted(),
      [1, 3, 4, 5, 6, 7, 8, 9].map((n) => jobId(n)),
    );
    const { refused, refusals } = await outboxOf(farm);
    assert.deepEqual([refused, refusals[0]?.reason], [1, 'a mistake of ours']);
    await farm.engine.stop();
  });

  it('that gives another number of answers than jobs, or throws anything, loses nothing', async () => {
    const directory = new RecordingDestination('directory');
    const farm = await farmTelling(directory);
    const deliver = directory.deliver;
    directory.deliver = () => Promise.resolve([]);
    await farm.submit(1);
    await settled();
    assert.equal((await outboxOf(farm)).refusals[0]?.reason, '0 answers came for 1 jobs');
    directory.deliver = () => {
      throw new TypeError('a mistake of ours');
    };
    await farm.clock.pass(times.deliveryRefusedMs);
    assert.equal((await outboxOf(farm)).refusals[0]?.reason, 'a mistake of ours');
    assert.deepEqual(farm.fatal, []);
    directory.deliver = deliver;
    await farm.clock.pass(times.deliveryRefusedMs);
    assert.deepEqual(ids(directory.taken), [jobId(1)]);
    await farm.engine.stop();
  });
});

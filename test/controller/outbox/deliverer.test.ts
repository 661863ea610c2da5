import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultTimes } from '../../../controller/domain/times.ts';
import { deliveriesTo } from '../../../controller/outbox/start-deliveries.ts';
import { journalEvent } from '../../helpers/agent-messages.ts';
import { EngineController } from '../../helpers/engine-controller.ts';
import { settled } from '../../helpers/manual-clock.ts';
import { RecordingDestination } from '../../helpers/recording-destination.ts';
import { cancel, farmTelling, ids, outboxOf } from '../../helpers/telling-farm.ts';
import { jobId, jobSpec } from '../../helpers/turn-farm.ts';

const times = defaultTimes;

describe('a deliverer', () => {
  it('tells what was committed, at once, and then has nothing left', async () => {
    const directory = new RecordingDestination('directory');
    const farm = await farmTelling(directory);
    await farm.submit(1);
    await settled();
    assert.deepEqual(ids(directory.taken), [jobId(1)]);
    assert.equal((await outboxOf(farm)).rows, 0);
    await farm.engine.stop();
  });

  it('tells the newest state of a job that changed while it was being told', async () => {
    const directory = new RecordingDestination('directory');
    const farm = await farmTelling(directory);
    const gate = Promise.withResolvers<undefined>();
    directory.answers = gate.promise;
    await farm.submit(1);
    await settled();
    await cancel(farm, 1);
    await settled();
    assert.equal(directory.calls.length, 1, 'one delivery of a job at a time');
    gate.resolve(undefined);
    await settled();
    assert.equal(directory.calls.length, 2);
    assert.equal(directory.lastState(jobId(1)), 'cancelled');
    assert.equal((await outboxOf(farm)).rows, 0);
    await farm.engine.stop();
  });

  it('gives revisions that grow, also under the next leader', async () => {
    const directory = new RecordingDestination('directory');
    const farm = await farmTelling(directory);
    for (let n = 1; n <= 3; n += 1) await farm.submit(n);
    await settled();
    await farm.engine.stop();
    const next = new RecordingDestination('directory');
    const other = new EngineController(farm.disk, farm.clock);
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
    const deliver = deliveriesTo([next], { times, clock: farm.clock, random: () => 0.5, log });
    await other.start({ destinations: ['directory'] }, { deliver });
    await cancel(other, 1);
    await settled();
    const revisions = [...directory.taken, ...next.taken].map(({ revision }) => BigInt(revision));
    assert.equal(revisions.length, 4);
    for (const [index, revision] of revisions.entries()) {
      if (index > 0) assert.ok(revision > (revisions[index - 1] ?? 0n), revisions.join(' '));
    }
    await other.engine.stop();
  });

  it('takes what waits oldest first, at most so many in a call', async () => {
    const directory = new RecordingDestination('directory', 2);
    const gate = Promise.withResolvers<undefined>();
    directory.answers = gate.promise;
    const farm = await farmTelling(directory);
    await farm.submit(9);
    for (let n = 1; n <= 5; n += 1) {
      await farm.submit(n);
      await farm.clock.pass(10);
    }
    await cancel(farm, 1);
    gate.resolve(undefined);
    await settled();
    assert.deepEqual(directory.calls.slice(1).map(ids), [
      [jobId(1), jobId(2)],
      [jobId(3), jobId(4)],
      [jobId(5)],
    ]);
    await farm.engine.stop();
  });

  it('carries at most 4,000 job items in a call beside its first job', async () => {
    const history = new RecordingDestination('history');
    const gate = Promise.withResolvers<undefined>();
    history.answers = gate.promise;
    const farm = await farmTelling(history);
    await farm.submit(9);
    await cancel(farm, 9);
    const items = Array.from({ length: 1_500 }, (_, position) => ({
      position,
      itemType: 'video' as const,
      path: '\\\\nas\\Clips\\a.mp4',
    }));
    for (let n = 1; n <= 3; n += 1) {
      const request = { requestId: '', validateOnly: false, jobIdMade: false };
      await farm.engine.submit({ ...request, spec: jobSpec(n, { items }) });
      await cancel(farm, n);
    }
    gate.resolve(undefined);
    await settled();
    assert.deepEqual(history.calls.slice(1).map(ids), [[jobId(1), jobId(2)], [jobId(3)]]);
    await farm.engine.stop();
  });
});

describe('a job that a destination refuses', () => {
  // The directory looks for progress now and then anyway: the others have to be told when.
  for (const name of ['directory', 'history'] as const) {
    it(`is in nobody’s way, is shown with its reason, and is told again after its time: ${name}`, async () => {
      const destination = new RecordingDestination(name);
      destination.refuses = ({ job }) => (job.jobId === jobId(1) ? 'no such user' : undefined);
      const farm = await farmTelling(destination);
      for (const n of [1, 2]) {
        await farm.submit(n);
        await cancel(farm, n);
      }
      await settled();
      assert.equal(destination.lastState(jobId(1)), undefined);
      assert.equal(destination.lastState(jobId(2)), 'cancelled');
      const { refused, refusals } = await outboxOf(farm);
      assert.equal(refused, 1);
      assert.equal(refusals[0]?.reason, 'no such user');
      const calls = destination.calls.length;
      await farm.clock.pass(times.deliveryRefusedMs / 2);
      assert.equal(destination.calls.length, calls);
      destination.refuses = () => undefined;
      await farm.clock.pass(times.deliveryRefusedMs / 2);
      assert.equal(destination.lastState(jobId(1)), 'cancelled');
      assert.equal((await outboxOf(farm)).rows, 0);
      await farm.engine.stop();
    });
  }
});

describe('progress of running jobs', () => {
  /** A directory that has heard of the start of job 1 on pc1. */
  async function running(directory: RecordingDestination) {
    const farm = await farmTelling(directory);
    const { outlet, session } = await farm.attach('pc1');
    await farm.submit(1);
    await settled();
    const assign = outlet.got.find((message) => message.kind === 'assign');
    assert.ok(assign?.kind === 'assign');
    const { ref } = assign;
    session.deliver({ kind: 'assignment-reply', ref, accepted: true, presentBytes: 0, presentSegments: 0 });
    const started = { type: 'started', copiedBytes: 0, reusedBytes: 0, totalFrames: 150 } as const;
    session.deliver(journalEvent(1, ref, started));
    await settled();
    const at = async (percent: number) => {
      session.deliver({
        kind: 'progress',
        ref,
        state: 'running',
        percent,
        framesDone: 0,
        framesTotal: 150,
      });
      await settled();
    };
    return { farm, at };
  }

  it('goes to the directory now and then, where the percent has changed, without a record', async () => {
    const directory = new RecordingDestination('directory');
    const { farm, at } = await running(directory);
    await farm.clock.pass(times.progressMirrorMs);
    const before = directory.taken.length;
    await at(10);
    await at(11);
    await at(12);
    assert.equal(directory.taken.length, before);
    assert.equal((await outboxOf(farm)).rows, 0);
    await farm.clock.pass(times.progressMirrorMs);
    assert.deepEqual(
      directory.taken.slice(before).map(({ percent }) => percent),
      [12],
    );
    await farm.clock.pass(3 * times.progressMirrorMs);
    assert.equal(directory.taken.length, before + 1);
    await farm.engine.stop();
  });

  it('waits while the directory is away, and goes to no other destination', async () => {
    const directory = new RecordingDestination('directory');
    const { farm, at } = await running(directory);
    await farm.clock.pass(times.progressMirrorMs);
    directory.goAway();
    await at(10);
    await farm.clock.pass(times.progressMirrorMs);
    const calls = directory.calls.length;
    await at(20);
    await farm.clock.pass(times.deliveryRetryMinMs / 2);
    assert.equal(directory.calls.length, calls);
    directory.comeBack();
    await farm.clock.pass(times.deliveryRetryMinMs);
    assert.equal(directory.taken.at(-1)?.percent, 20);
    await farm.engine.stop();

    const history = new RecordingDestination('history');
    const other = await running(history);
    await other.at(30);
    await other.farm.clock.pass(2 * times.progressMirrorMs);
    assert.deepEqual(history.calls, []);
    await other.farm.engine.stop();
  });
});

describe('the end of a leadership', () => {
  it('gives up the call that is under way, and leaves no timer', async () => {
    const directory = new RecordingDestination('directory');
    const farm = await farmTelling(directory);
    let signal: AbortSignal | undefined;
    directory.deliver = (_items, given) => {
      signal = given;
      return new Promise(() => undefined);
    };
    await farm.submit(1);
    await settled();
    assert.equal(signal?.aborted, false);
    await farm.engine.stop();
    assert.equal(signal.aborted, true);
    assert.equal(farm.clock.timers, 0);
  });

  it('leaves no timer of a destination that is away, or has nothing to hear', async () => {
    for (const away of [true, false]) {
      const directory = new RecordingDestination('directory');
      if (away) directory.goAway();
      const farm = await farmTelling(directory);
      await farm.submit(1);
      await settled();
      await farm.engine.stop();
      assert.equal(farm.clock.timers, 0);
    }
  });

  it('leaves to the next leader what was not told', async () => {
    const directory = new RecordingDestination('directory');
    directory.goAway();
    const farm = await farmTelling(directory);
    await farm.submit(1);
    await farm.engine.stop();
    const other = new EngineController(farm.disk, farm.clock);
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
    directory.comeBack();
    const deliver = deliveriesTo([directory], { times, clock: farm.clock, random: () => 0.5, log });
    await other.start({ destinations: ['directory'] }, { deliver });
    await settled();
    assert.deepEqual(ids(directory.taken), [jobId(1)]);
    await other.engine.stop();
  });
});

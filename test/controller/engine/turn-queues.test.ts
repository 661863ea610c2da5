import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { QueueSettings } from '../../../controller/domain/settings.ts';
import type { QueueOrder } from '../../../controller/engine/orders.ts';
import { stateFrom } from '../../../controller/engine/turn/records.ts';
import { jobView, queueViews } from '../../../controller/engine/turn/views.ts';
import { countedBudget } from '../../../controller/scheduling/budget.ts';
import { heartbeat, inventory } from '../../helpers/agent-messages.ts';
import { farmSettings } from '../../helpers/farm-settings.ts';
import { jobId, jobOrder, jobSpec, TurnFarm } from '../../helpers/turn-farm.ts';

function withQueue(changes: Partial<QueueSettings>): TurnFarm {
  const queues = farmSettings().queues.map((queue) =>
    queue.name === 'gpu_queue' ? { ...queue, ...changes } : queue,
  );
  return new TurnFarm({ queues });
}

function queueOrder(kind: QueueOrder['kind'], changes: Partial<QueueOrder> = {}): QueueOrder {
  return { kind, queue: 'gpu_queue', reason: 'new codec', by: 'ops', requestId: '', ...changes };
}

function gpuView(farm: TurnFarm) {
  return queueViews(farm.state, farm.settings, farm.nowMs).find(({ name }) => name === 'gpu_queue');
}

const ofQueue = { queue: 'gpu_queue' } as const;

describe('the most open jobs of a queue', () => {
  it('refuses what would be more, names the queue, and says when to come again', () => {
    const farm = withQueue({ jobsMax: 2 });
    farm.submit(jobSpec(1, ofQueue));
    farm.submit(jobSpec(2, ofQueue));
    const reply = farm.submit(jobSpec(3, ofQueue));
    assert.deepEqual(reply, {
      kind: 'refused',
      code: 'TOO_MANY_JOBS',
      message: 'queue gpu_queue has 2 open jobs; its limit is 2',
      resource: { type: 'queue', name: 'gpu_queue' },
      retryAfterMs: 30_000,
    });
    assert.equal(farm.submit(jobSpec(3)).kind, 'submitted', 'another queue has room');
    farm.restart();
    assert.equal(farm.submit(jobSpec(4, ofQueue)).kind, 'refused', 'counted again after a restart');
    farm.cancel(jobId(1));
    assert.equal(farm.submit(jobSpec(4, ofQueue)).kind, 'submitted');
  });

  it('counts a job that is opened again, and takes one that is there already', () => {
    const farm = withQueue({ jobsMax: 1 });
    farm.submit(jobSpec(1, ofQueue));
    assert.equal(farm.submit(jobSpec(1, ofQueue)).kind, 'submitted');
    farm.cancel(jobId(1));
    farm.submit(jobSpec(2, ofQueue));
    const reply = farm.order(jobOrder('retry', 1));
    assert.deepEqual(reply.kind === 'refused' && [reply.code, reply.resource?.name], [
      'TOO_MANY_JOBS',
      'gpu_queue',
    ]);
    farm.cancel(jobId(2));
    assert.equal(farm.order(jobOrder('retry', 1)).kind, 'done');
  });
});

describe('pausing a queue', () => {
  it('is remembered with who and why, also after a restart, until it is resumed', () => {
    const farm = withQueue({ weight: 2, runningMax: 3, jobsMax: 4 });
    const since = farm.nowMs;
    assert.equal(farm.order(queueOrder('pause')).kind, 'done');
    assert.ok(farm.logged.includes('queue-paused'));
    farm.pass(1_000);
    farm.restart();
    assert.deepEqual(gpuView(farm)?.paused, { reason: 'new codec', by: 'ops', sinceMs: since });
    assert.deepEqual([gpuView(farm)?.weight, gpuView(farm)?.runningMax, gpuView(farm)?.jobsMax], [2, 3, 4]);
    assert.equal(farm.order(queueOrder('resume')).kind, 'done');
    assert.ok(farm.logged.includes('queue-resumed'));
    assert.equal(gpuView(farm)?.paused, undefined);
    assert.equal(farm.stored.has('queue/gpu_queue'), false);
  });

  it('again takes the newest reason and keeps its beginning; resuming one that is not paused does nothing', () => {
    const farm = withQueue({});
    const since = farm.nowMs;
    farm.order(queueOrder('pause'));
    farm.pass(60_000);
    farm.order(queueOrder('pause', { reason: 'still', by: 'ana' }));
    assert.deepEqual(gpuView(farm)?.paused, { reason: 'still', by: 'ana', sinceMs: since });
    const logged = farm.logged.length;
    assert.equal(farm.order(queueOrder('pause', { reason: 'still', by: 'ana' })).kind, 'done');
    farm.order(queueOrder('resume'));
    assert.equal(farm.order(queueOrder('resume')).kind, 'done');
    assert.deepEqual(farm.logged.slice(logged), ['queue-resumed']);
  });

  it('is done once for its request id', () => {
    const farm = withQueue({});
    farm.order(queueOrder('pause', { requestId: 'r1' }));
    farm.order(queueOrder('resume', { requestId: 'r2' }));
    assert.equal(farm.order(queueOrder('pause', { requestId: 'r1' })).kind, 'done');
    assert.equal(gpuView(farm)?.paused, undefined, 'it was done before it was resumed');
    const other = farm.order(queueOrder('resume', { requestId: 'r1' }));
    assert.equal(other.kind === 'refused' && other.code, 'REQUEST_ID_REUSED');
  });

  it('is refused for a queue that is not configured, and names those that are', () => {
    const farm = withQueue({});
    for (const kind of ['pause', 'resume'] as const) {
      const reply = farm.order(queueOrder(kind, { queue: 'old_queue' }));
      assert.deepEqual(reply, {
        kind: 'refused',
        code: 'QUEUE_NOT_FOUND',
        message: 'Queue not found: old_queue (there are 4k_queue, gpu_queue, default_queue)',
        resource: { type: 'queue', name: 'old_queue' },
      });
    }
    assert.equal(farm.state.queues.size, 0);
  });

  it('has the plan made anew, and leaves its jobs as they are', () => {
    const farm = withQueue({});
    farm.submit(jobSpec(1, ofQueue));
    farm.order(queueOrder('pause'));
    assert.equal(farm.jobState(jobId(1)), 'waiting');
    assert.deepEqual([gpuView(farm)?.waiting, gpuView(farm)?.processing], [1, 0]);
  });
});

describe('a paused queue', () => {
  it('starts nothing, says so at once, and holds nothing else back; what runs goes on', () => {
    const farm = withQueue({});
    const pc1 = farm.attach('pc1', { inventory: inventory({ slots: 3 }) });
    farm.submit(jobSpec(1, ofQueue));
    assert.equal(farm.jobState(jobId(1)), 'assigned');
    farm.order(queueOrder('pause'));
    farm.submit(jobSpec(2, ofQueue));
    farm.submit(jobSpec(3));
    const states = [1, 2, 3].map((n) => farm.jobState(jobId(n)));
    assert.deepEqual(states, ['assigned', 'waiting', 'assigned']);
    const job = farm.state.jobs.get(jobId(2));
    assert.ok(job);
    assert.match(jobView(farm.state, job).job.reason ?? '', /gpu_queue is paused by ops \(new codec\)/);
    farm.say(pc1, heartbeat);
    farm.pass(1_000);
    assert.equal(farm.jobState(jobId(2)), 'waiting');
    farm.order(queueOrder('resume'));
    assert.equal(farm.jobState(jobId(2)), 'assigned');
  });

  it('has no job announced', () => {
    const farm = withQueue({});
    const pc1 = farm.attach('pc1');
    farm.submit(jobSpec(1));
    farm.submit(jobSpec(2, ofQueue));
    assert.equal(farm.last(pc1, 'announce').jobId, jobId(2));
    farm.order(queueOrder('pause'));
    assert.equal(farm.last(pc1, 'withdraw').jobId, jobId(2));
  });
});

describe('limits on what runs at a time', () => {
  it('hold for a queue, a user and the farm; the others go on', () => {
    const { limits, queues } = farmSettings();
    const farm = new TurnFarm({
      limits: { ...limits, runningMax: 3, runningPerUserMax: 2 },
      queues: queues.map((queue) => (queue.name === 'gpu_queue' ? { ...queue, runningMax: 1 } : queue)),
    });
    farm.attach('pc1', { inventory: inventory({ slots: 8 }) });
    farm.submit(jobSpec(1, ofQueue));
    farm.submit(jobSpec(2, ofQueue));
    farm.submit(jobSpec(3));
    farm.submit(jobSpec(4));
    farm.submit(jobSpec(5, { userId: 'bob' }));
    farm.submit(jobSpec(6, { userId: 'bob' }));
    const states = () => [1, 2, 3, 4, 5, 6].map((n) => farm.jobState(jobId(n)));
    // 2: one of its queue runs. 4: two of its user run. 6: three run.
    assert.deepEqual(states(), ['assigned', 'waiting', 'assigned', 'waiting', 'assigned', 'waiting']);
  });
});

describe('a plan that takes several turns', () => {
  it('keeps the limits, though free slots are filled while it is made', () => {
    const { limits } = farmSettings();
    for (let operations = 1; operations <= 20; operations += 1) {
      const farm = new TurnFarm({ limits: { ...limits, runningMax: 2 } });
      for (let n = 1; n <= 6; n += 1) farm.submit(jobSpec(n, { userId: `user ${n}` }));
      farm.planning = () => countedBudget(operations);
      farm.attach('pc1', { inventory: inventory({ slots: 8 }) });
      // Not in the plan that is under way: the slot that it gets counts all the same.
      farm.submit(jobSpec(7, { userId: 'zed', priority: 'urgent' }));
      for (let turn = 0; turn < 40; turn += 1) farm.pass(1);
      const running = [1, 2, 3, 4, 5, 6, 7].filter((n) => farm.jobState(jobId(n)) === 'assigned');
      assert.equal(running.length, 2, `jobs ${running.join(', ')} run, with ${operations} operations a turn`);
    }
  });
});

describe('the records', () => {
  it('of a kind that this release does not know stop it, as they would stop an older one', () => {
    const record = { kind: 'festival', id: 'x', version: 1, body: {} };
    const loaded = { farmId: 'f', lastBatch: 0, records: [record] };
    assert.throws(
      () => stateFrom(loaded, { term: 1, leaderId: 'l' }),
      /festival x, a kind that this release does not know/,
    );
  });
});

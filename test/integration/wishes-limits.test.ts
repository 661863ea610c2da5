import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RenderfarmError } from '../../client/errors.ts';
import type { JobInput } from '../../client/job-input.ts';
import { connect } from '../../client/renderfarm-client.ts';
import type { JobView } from '../../client/views.ts';
import type { Clock } from '../../controller/engine/ports.ts';
import { systemClock } from '../../controller/system-clock.ts';
import { farmSettings } from '../helpers/farm-settings.ts';
import { startMemoryFarm } from '../helpers/memory-farm.ts';
import { jobId } from '../helpers/turn-farm.ts';

const hourMs = 3_600_000;

function job(n: number, changes: Partial<JobInput> = {}): JobInput {
  const items = [{ itemType: 'video', path: '\\\\nas\\Clips\\a.mp4' } as const];
  return { jobId: jobId(n), userId: 'ana', channelName: 'Kids TV', items, ...changes };
}

/** The machine's clock, which a test can put forward. */
class ShiftedClock implements Clock {
  readonly #clock = systemClock();
  shiftMs = 0;

  nowMs(): number {
    return this.#clock.nowMs() + this.shiftMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    return this.#clock.after(delayMs, callback);
  }
}

async function refusal(call: Promise<unknown>): Promise<RenderfarmError> {
  const error: unknown = await call.then(
    () => assert.fail('the call was not refused'),
    (cause: unknown) => cause,
  );
  assert.ok(error instanceof RenderfarmError, String(error));
  return error;
}

test('A delayed job is told as it is to those who watch and ask, and waits for an agent when released', async () => {
  await using farm = await startMemoryFarm();
  using client = connect({ addresses: [farm.address] });
  const notBefore = new Date(Math.ceil(Date.now() / 1000) * 1000 + hourMs);
  const deadline = new Date(notBefore.getTime() + hourMs);
  const wishes = { onlyOn: ['pc1', 'not-there-yet'], labels: ['rtx'] };
  const { status, queue } = await client.submit(job(1, { notBefore, deadline, wishes, queue: 'gpu_queue' }));
  assert.deepEqual([status, queue], ['queued', 'gpu_queue']);
  const seen: JobView[] = [];
  for await (const { job: view } of client.watch({ jobIds: [jobId(1)] })) {
    seen.push(view);
    if (seen.length === 1) await client.release(jobId(1), { reason: 'needed now' });
    if (view.state === 'waiting') break;
  }
  const [first] = seen;
  assert.deepEqual([first?.state, first?.status], ['delayed', 'queued']);
  assert.equal(first?.reason, `not before ${notBefore.toISOString().replace('.000Z', 'Z')}`);
  assert.deepEqual(first.wishes, { onlyOn: ['pc1', 'not-there-yet'], notOn: [], labels: ['rtx'] });
  assert.deepEqual([first.notBefore, first.deadline], [notBefore, deadline]);
  const { job: now } = await client.get(jobId(1));
  assert.deepEqual([now.state, now.notBefore, now.deadline], ['waiting', undefined, deadline]);
});

test('A job that is held goes on waiting for its time when it is released', async () => {
  await using farm = await startMemoryFarm();
  using client = connect({ addresses: [farm.address] });
  const notBefore = new Date(Date.now() + hourMs);
  await client.submit(job(1, { notBefore }));
  const held = await client.hold(jobId(1));
  assert.deepEqual([held.state, held.notBefore], ['held', notBefore]);
  const released = await client.release(jobId(1));
  assert.deepEqual([released.state, released.notBefore], ['delayed', notBefore]);
});

test('A job whose deadline is over is refused by field, unless it was taken before', async () => {
  const clock = new ShiftedClock();
  await using farm = await startMemoryFarm({}, { clock });
  using client = connect({ addresses: [farm.address] });
  const deadline = new Date(clock.nowMs() + hourMs);
  await client.submit(job(1, { deadline }), { requestId: 'r1' });
  clock.shiftMs = 2 * hourMs;
  const again = await client.submit(job(1, { deadline }), { requestId: 'r1' });
  assert.equal(again.existed, true);
  for (const validateOnly of [false, true]) {
    const late = await refusal(client.submit(job(2, { deadline }), { validateOnly }));
    assert.deepEqual([late.code, late.status], ['INVALID_JOB', 'INVALID_ARGUMENT']);
    assert.deepEqual(late.violations, [{ field: 'deadline', description: 'must be in the future' }]);
  }
  const other = await refusal(
    client.submit(job(1, { deadline, wishes: { notOn: ['pc1'] } }), { requestId: 'r1' }),
  );
  assert.equal(other.code, 'REQUEST_ID_REUSED');
  assert.equal((await client.get(jobId(1))).job.deadline?.getTime(), deadline.getTime());
});

test('A full queue refuses with its name and a time, and the others go on', async () => {
  const queues = farmSettings().queues.map((queue) =>
    queue.name === 'gpu_queue' ? { ...queue, weight: 3, runningMax: 2, jobsMax: 1 } : queue,
  );
  await using farm = await startMemoryFarm({ queues });
  // Less than the time to wait that is told: the refusal is seen at once.
  using client = connect({ addresses: [farm.address], callTimeoutMs: 5_000 });
  await client.submit(job(1, { queue: 'gpu_queue' }));
  const full = await refusal(client.submit(job(2, { queue: 'gpu_queue' })));
  assert.deepEqual(
    [full.code, full.status, full.retryAfterMs],
    ['TOO_MANY_JOBS', 'RESOURCE_EXHAUSTED', 30_000],
  );
  assert.deepEqual(full.resource, { type: 'queue', name: 'gpu_queue' });
  await client.submit(job(2));
  const [plain, gpu] = (await client.queues()).map(({ weight, runningMax, jobsMax, pause }) => ({
    weight,
    runningMax,
    jobsMax,
    pause,
  }));
  const none = { weight: undefined, runningMax: undefined, jobsMax: undefined, pause: undefined };
  assert.deepEqual([plain, gpu], [none, { weight: 3, runningMax: 2, jobsMax: 1, pause: undefined }]);
});

test('A paused queue stays so when the controller dies, until it is resumed', async () => {
  await using before = await startMemoryFarm();
  using first = connect({ addresses: [before.address] });
  const { pause } = await first.operator.pauseQueue('gpu_queue', { reason: 'new codec', by: 'ops' });
  assert.deepEqual([pause?.reason, pause?.by], ['new codec', 'ops']);
  before.disk.expireLeadership();
  await using after = await startMemoryFarm({}, { disk: before.disk });
  using client = connect({ addresses: [after.address] });
  const found = (await client.queues()).find(({ name }) => name === 'gpu_queue');
  assert.deepEqual(found?.pause, pause);
  await client.submit(job(1, { queue: 'gpu_queue' }));
  assert.equal((await client.get(jobId(1))).job.status, 'queued');
  const resumed = await client.operator.resumeQueue('gpu_queue');
  assert.deepEqual([resumed.pause, resumed.waiting], [undefined, 1]);
  const unknown = await refusal(client.operator.pauseQueue('nope'));
  assert.deepEqual([unknown.code, unknown.status], ['QUEUE_NOT_FOUND', 'NOT_FOUND']);
  assert.match(unknown.message, /4k_queue, gpu_queue, default_queue/);
});

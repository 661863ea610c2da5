import assert from 'node:assert/strict';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { FarmLimits, FarmSettings } from '../../controller/domain/settings.ts';
import { defaultTimes } from '../../controller/domain/times.ts';
import {
  attachToController,
  ErrorInfo,
  JobServiceClient,
  jobWire,
  RetryInfo,
  Status,
} from '../../proto/index.ts';
import { hello } from '../helpers/agent-messages.ts';
import { farmSettings } from '../helpers/farm-settings.ts';
import { startMemoryFarm } from '../helpers/memory-farm.ts';
import { startStoppedReader } from '../helpers/stopped-reader.ts';
import { jobId } from '../helpers/turn-farm.ts';
import { ask } from './rpc-harness.ts';

function startFarm(limits: Partial<FarmLimits> = {}, changes: Partial<FarmSettings> = {}) {
  return startMemoryFarm({ ...changes, limits: { ...farmSettings().limits, ...limits } });
}

type Farm = Awaited<ReturnType<typeof startFarm>>;

function submit(
  { jobs }: Farm,
  n: number,
  userId = 'ann',
  title = '',
  count = 1,
): Promise<jobWire.SubmitJobResponse> {
  const items = Array.from({ length: count }, (_, position) => {
    return { ...jobWire.Item.create(), position, itemType: 2, path: '\\\\nas\\Clips\\a.mp4', title } as const;
  });
  const job = { ...jobWire.JobSpec.create(), jobId: jobId(n), userId, channelName: 'Kids TV', items };
  return ask(jobs.submitJob.bind(jobs), { requestId: '', job, validateOnly: false });
}

/** Our code, gRPC's, and how long to wait, of a call that was refused. */
async function refusal(call: Promise<unknown>): Promise<{ code: string; status: number; retryMs: number }> {
  const error = await call.then(
    () => assert.fail('the call was not refused'),
    (cause: unknown) => cause as ServiceError,
  );
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  assert.ok(Buffer.isBuffer(bytes));
  const details = new Map(Status.decode(bytes).details.map(({ typeUrl, value }) => [typeUrl, value]));
  const detail = (name: string) => details.get(`type.googleapis.com/google.rpc.${name}`) ?? Buffer.alloc(0);
  const delay = RetryInfo.decode(detail('RetryInfo')).retryDelay;
  return {
    code: ErrorInfo.decode(detail('ErrorInfo')).reason,
    status: error.code,
    retryMs: delay === undefined ? 0 : delay.seconds * 1000 + delay.nanos / 1e6,
  };
}

suite('an overloaded controller', () => {
  test('refuses a job beyond the limit of a user and of the farm, and says when to come again', async () => {
    await using farm = await startFarm({ jobsPerUserMax: 2, jobsMax: 3 });
    for (const n of [1, 2]) await submit(farm, n);
    const exhausted = { code: 'TOO_MANY_JOBS', status: status.RESOURCE_EXHAUSTED, retryMs: 30_000 };
    assert.deepEqual(await refusal(submit(farm, 3)), exhausted);
    await submit(farm, 4, 'bob');
    assert.deepEqual(await refusal(submit(farm, 5, 'eve')), exhausted);
    assert.equal((await submit(farm, 4, 'bob')).existed, true, 'what is known is no new job');
  });

  test('refuses a storm at its inbox, and every job that it took is there', async () => {
    await using farm = await startFarm({ inboxMax: 10 });
    farm.disk.freeze();
    const underWay = nextCommit(farm);
    const first = submit(farm, 0);
    await underWay;
    const storm = Array.from({ length: 40 }, (_, n) => submit(farm, n + 1));
    const settled = Promise.allSettled(storm);
    const refused = await Promise.all(storm.slice(-20).map((call) => refusal(call)));
    for (const each of refused) {
      assert.deepEqual(each, { code: 'TOO_MANY_REQUESTS', status: status.RESOURCE_EXHAUSTED, retryMs: 500 });
    }
    farm.disk.thaw();
    await first;
    const taken = (await settled).filter(({ status: outcome }) => outcome === 'fulfilled').length;
    assert.equal(taken, 10);
    const list = { ...jobWire.ListJobsRequest.create(), pageSize: 100 };
    const listed = await ask(farm.jobs.listJobs.bind(farm.jobs), list);
    assert.equal(listed.jobs.length, 1 + taken);
  });

  test('refuses large jobs by their bytes', async () => {
    await using farm = await startFarm({ inboxBytesMax: 20_000 });
    farm.disk.freeze();
    const underWay = nextCommit(farm);
    const first = submit(farm, 0);
    await underWay;
    const large = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => submit(farm, n, 'ann', 'x'.repeat(4_000)));
    const settled = Promise.allSettled(large);
    const last = large.at(-1) ?? assert.fail();
    assert.equal((await refusal(last)).code, 'TOO_MANY_REQUESTS');
    farm.disk.thaw();
    await first;
    await settled;
  });

  test('does not let a reader wait for ever for a store that is away', async () => {
    await using farm = await startFarm({}, { times: { ...defaultTimes, readWaitMs: 50 } });
    await submit(farm, 1);
    farm.disk.freeze();
    const underWay = nextCommit(farm);
    const waiting = submit(farm, 2);
    await underWay;
    const read = ask(farm.jobs.getJob.bind(farm.jobs), { jobId: jobId(1) });
    const gone = { code: 'STORAGE_UNAVAILABLE', status: status.UNAVAILABLE, retryMs: 1_000 };
    assert.deepEqual(await refusal(read), gone);
    farm.disk.thaw();
    await waiting;
    await ask(farm.jobs.getJob.bind(farm.jobs), { jobId: jobId(1) });
  });
});

suite('whoever stops reading', () => {
  test('as a watcher is cut off, and its place is free again', async () => {
    await using farm = await startFarm({ watchersMax: 1 });
    await using proxy = await startStoppedReader(farm.server.port);
    for (let n = 0; n < 300; n += 1) await submit(farm, n, 'ann', 'x'.repeat(2_000));
    const client = new JobServiceClient(proxy.address, credentials.createInsecure());
    const watch = client.watchJobs({ jobIds: [], userId: '', resumeToken: '', untilEnded: false });
    watch.on('error', () => undefined);
    await once(watch, 'data');
    proxy.stopReading();
    // Every job changes again and again: what the connection does not take must not be kept anywhere.
    const free = untilWatchable(farm);
    for (let n = 0; !(await isSettled(free)); n += 1) {
      assert.ok(n < 20_000, 'the watch is still open');
      await submit(farm, 1_000 + n, 'ann');
    }
    client.close();
  });

  test('as an agent is cut off; the farm goes on without it', async () => {
    const hour = 3_600_000;
    // One large message is no queue: it is the assignment that nobody answers.
    const times = { ...defaultTimes, suspectMs: hour, leaseMs: hour, assignmentReplyMs: 200 };
    await using farm = await startFarm({}, { times });
    await using proxy = await startStoppedReader(farm.server.port);
    const client = new Client(proxy.address, credentials.createInsecure());
    const link = attachToController(client, { metadata: new Metadata() });
    link.send(hello('pc1'));
    for await (const message of link.received) if (message.kind === 'welcome') break;
    const liveness = async () =>
      (await farm.engine.agents({ size: 10, token: '' })).entries[0]?.liveness ?? 'unknown';
    assert.equal(await liveness(), 'attached');
    proxy.stopReading();
    // Its assignment is larger than what the connection takes on its own.
    await submit(farm, 1, 'ann', 'x'.repeat(2_000), 200);
    while ((await liveness()) === 'attached') await new Promise((resolve) => setImmediate(resolve));
    assert.equal(await liveness(), 'detached');
    await submit(farm, 2, 'bob');
    assert.equal((await farm.engine.job(jobId(2))).job.state, 'waiting');
    link.close(new Error('over'));
    client.close();
  });
});

/** Resolves when the next commit is on its way: the disk is frozen, so that it does not arrive. */
function nextCommit({ disk }: Farm): Promise<undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  disk.planFailures(({ name }) => {
    if (name === 'commit') resolve(undefined);
    return undefined;
  });
  return promise;
}

/** Resolves when the one place for a watcher is free. */
async function untilWatchable(farm: Farm): Promise<void> {
  for (;;) {
    const over = new AbortController();
    const watch = farm.engine.watch({ jobIds: [], untilEnded: false }, over.signal);
    try {
      await watch.next();
      return;
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'TOO_MANY_WATCHERS');
      await new Promise((resolve) => setImmediate(resolve));
    } finally {
      over.abort();
    }
  }
}

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const open = Symbol('open');
  return (await Promise.race([promise, Promise.resolve(open)])) !== open;
}

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { type ServiceError, status } from '@grpc/grpc-js';
import { FarmError } from '../../controller/domain/errors.ts';
import { BadRequest, ErrorInfo, jobWire, ResourceInfo, RetryInfo, Status } from '../../proto/index.ts';
import { notFound, oneJobId } from '../helpers/fake-farm.ts';
import { ask, startHarness } from './rpc-harness.ts';

const video = { itemType: 2, path: '\\\\nas\\Share\\a.mp4' } as const;

function submission(items: readonly Partial<jobWire.Item>[], jobId = ''): jobWire.SubmitJobRequest {
  return {
    requestId: 'r1',
    validateOnly: false,
    job: {
      ...jobWire.JobSpec.create(),
      jobId,
      userId: 'u1',
      channelName: 'Chan',
      items: items.map((item) => ({ ...jobWire.Item.create(), ...item })),
    },
  };
}

/** What `google.rpc.Status` a refused call brings, by the details' names. */
async function refusal(call: Promise<unknown>) {
  const error = await call.then(
    () => assert.fail('the call was not refused'),
    (cause: unknown) => cause as ServiceError,
  );
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  assert.ok(Buffer.isBuffer(bytes));
  const details = new Map(
    Status.decode(bytes).details.map(({ typeUrl, value }) => [typeUrl.split('.').at(-1) ?? '', value]),
  );
  const decode = <T>(name: string, message: { readonly decode: (value: Uint8Array) => T }): T | undefined => {
    const value = details.get(name);
    return value && message.decode(value);
  };
  return {
    code: error.code,
    message: error.details,
    headerBytes: Math.ceil((bytes.length * 4) / 3),
    info: decode('ErrorInfo', ErrorInfo),
    fields: decode('BadRequest', BadRequest)?.fieldViolations ?? [],
    resource: decode('ResourceInfo', ResourceInfo),
    retry: decode('RetryInfo', RetryInfo),
  };
}

suite('SubmitJob', () => {
  test('gives the farm the job and tells id, queue and the old system’s sentence', async () => {
    await using rpc = await startHarness();
    const client = rpc.jobs();
    const reply = await ask(client.submitJob.bind(client), submission([video], oneJobId));
    assert.deepStrictEqual(reply, {
      jobId: oneJobId,
      status: 1,
      message: 'Job submitted successfully to default_queue',
      queue: 'default_queue',
      routeRule: 'otherwise',
      existed: false,
    });
    assert.deepStrictEqual(rpc.farm.submitted, [
      {
        requestId: 'r1',
        validateOnly: false,
        jobIdMade: false,
        spec: {
          jobId: oneJobId,
          userId: 'u1',
          channelName: 'Chan',
          enable4k: false,
          items: [{ position: 0, itemType: 'video', path: '\\\\nas\\Share\\a.mp4' }],
          priority: 'normal',
        },
      },
    ]);
  });

  test('names every bad field, and gives nothing to the farm', async () => {
    await using rpc = await startHarness();
    const client = rpc.jobs();
    const negative = { seconds: -5, nanos: 0 };
    const items = [video, { ...video, duration: negative }, { position: 2, itemType: 77 as 1 }];
    const refused = await refusal(ask(client.submitJob.bind(client), submission(items, 'no-uuid')));
    assert.equal(refused.code, status.INVALID_ARGUMENT);
    assert.equal(refused.message, 'job_id: must be a UUID (and 4 more)');
    assert.equal(refused.info?.reason, 'INVALID_JOB');
    assert.deepStrictEqual(refused.info.metadata, { violation_count: '5' });
    assert.deepStrictEqual(
      refused.fields.map(({ field }) => field),
      ['job_id', 'items[1].position', 'items[1].duration', 'items[2].item_type', 'items[2].path'],
    );
    assert.equal(refused.fields[2]?.description, 'must be between 0.1 and 3600 s');
    assert.deepStrictEqual(rpc.farm.submitted, []);
  });

  test('gives the farm wishes and times, and refuses those that cannot be', async () => {
    await using rpc = await startHarness({ nowMs: () => Date.UTC(2026, 2, 1) });
    const client = rpc.jobs();
    const wishes = { onlyOn: ['pc1'], notOn: [], labels: ['rtx'] };
    const submit = (changes: Partial<jobWire.JobSpec>) => {
      const { job, ...request } = submission([video], oneJobId);
      return ask(client.submitJob.bind(client), {
        ...request,
        job: { ...jobWire.JobSpec.create(), ...job, ...changes },
      });
    };
    const [notBefore, deadline] = [new Date(Date.UTC(2026, 2, 2)), new Date(Date.UTC(2026, 2, 3))];
    await submit({ wishes, notBefore, deadline });
    assert.partialDeepStrictEqual(rpc.farm.submitted, [
      { spec: { wishes, notBeforeMs: notBefore.getTime(), deadlineMs: deadline.getTime() } },
    ]);
    const bad = { onlyOn: ['pc1', 'pc2', 'pc 3'], notOn: ['pc2'], labels: ['x'.repeat(64)] };
    const refused = await refusal(
      submit({ userId: '', wishes: bad, notBefore: deadline, deadline: notBefore }),
    );
    assert.deepEqual([refused.code, refused.info?.reason], [status.INVALID_ARGUMENT, 'INVALID_JOB']);
    assert.deepEqual(
      refused.fields.map(({ field }) => field),
      ['user_id', 'wishes.only_on[2]', 'wishes.not_on[0]', 'wishes.labels[0]', 'deadline'],
    );
    assert.equal(rpc.farm.submitted.length, 1);
  });

  test('names the first 50 fields of many and their count, below 8 kB', async () => {
    await using rpc = await startHarness();
    const client = rpc.jobs();
    const items = Array.from({ length: 2_001 }, (_, position) => ({ position, itemType: 3 as const }));
    const refused = await refusal(ask(client.submitJob.bind(client), submission(items)));
    assert.equal(refused.code, status.INVALID_ARGUMENT);
    assert.equal(refused.info?.reason, 'JOB_TOO_LARGE');
    assert.equal(refused.info.metadata['violation_count'], '2001');
    assert.equal(refused.fields.length, 50);
    assert.ok(refused.headerBytes < 8_000, `${refused.headerBytes} bytes`);
  });

  test('keeps long descriptions below 8 kB by naming fewer', async () => {
    await using rpc = await startHarness();
    const violations = Array.from({ length: 60 }, (_, index) => ({
      field: `items[${index}].path`,
      description: 'é'.repeat(5_000),
    }));
    rpc.farm.failure = new FarmError('INVALID_JOB', 'x'.repeat(5_000), { violations });
    const client = rpc.jobs();
    const refused = await refusal(ask(client.submitJob.bind(client), submission([video])));
    assert.ok(refused.headerBytes < 8_000, `${refused.headerBytes} bytes`);
    assert.ok(refused.fields.length > 5);
    assert.equal(refused.info?.metadata['violation_count'], '60');
  });
});

suite('an error of the farm', () => {
  test('keeps its code, resource and time to wait', async () => {
    await using rpc = await startHarness();
    rpc.farm.failure = notFound(oneJobId);
    const client = rpc.jobs();
    const refused = await refusal(ask(client.getJob.bind(client), { jobId: oneJobId }));
    assert.equal(refused.code, status.NOT_FOUND);
    assert.equal(refused.message, `Job not found: ${oneJobId}`);
    assert.equal(refused.info?.reason, 'JOB_NOT_FOUND');
    assert.equal(refused.resource?.resourceName, oneJobId);
    assert.deepStrictEqual(refused.retry?.retryDelay, { seconds: 1, nanos: 500_000_000 });
  });

  test('that nobody expected is INTERNAL with an id, and only the log has more', async () => {
    await using rpc = await startHarness();
    const secret = new Error('password=hunter2');
    rpc.farm.failure = secret;
    const client = rpc.jobs();
    const refused = await refusal(ask(client.getJob.bind(client), { jobId: oneJobId }));
    assert.equal(refused.code, status.INTERNAL);
    const [entry] = rpc.logged.filter(({ level }) => level === 'error');
    assert.ok(entry && 'errorId' in entry.fields && 'err' in entry.fields);
    assert.equal(
      refused.message,
      `Internal error; the controller's log has it as ${String(entry.fields.errorId)}`,
    );
    assert.equal(entry.fields.err, secret);
  });
});

suite('lists', () => {
  test('refuse a negative or too large page', async () => {
    await using rpc = await startHarness();
    const client = rpc.jobs();
    const list = { pageToken: '', userId: '', queue: '', states: [] };
    for (const pageSize of [-1, 1_001]) {
      const refused = await refusal(ask(client.listJobs.bind(client), { ...list, pageSize }));
      assert.deepStrictEqual(
        refused.fields.map(({ field }) => field),
        ['page_size'],
      );
    }
    const page = await ask(client.listJobs.bind(client), { ...list, pageSize: 0 });
    assert.equal(page.nextPageToken, 'next');
    assert.equal(page.jobs[0]?.state, jobWire.JobState.WAITING);
  });

  test('refuse a state that is not known', async () => {
    await using rpc = await startHarness();
    const client = rpc.jobs();
    const list = { pageSize: 0, pageToken: '', userId: '', queue: '', states: [99 as 1] };
    const refused = await refusal(ask(client.listJobs.bind(client), list));
    assert.equal(refused.code, status.INVALID_ARGUMENT);
    assert.deepStrictEqual(
      refused.fields.map(({ field }) => field),
      ['states[0]'],
    );
  });

  test('show agents and queues', async () => {
    await using rpc = await startHarness();
    const client = rpc.farms();
    const { queues } = await ask(client.listQueues.bind(client), {});
    assert.deepStrictEqual(queues[0]?.oldestWait, { seconds: 1, nanos: 500_000_000 });
    assert.deepStrictEqual(await ask(client.listAgents.bind(client), { pageSize: 0, pageToken: '' }), {
      agents: [],
      nextPageToken: '',
    });
  });
});

suite('WatchJobs', () => {
  const all = { jobIds: [], userId: '', resumeToken: '', untilEnded: false };

  test('tells changes, and tells the farm when the caller leaves', async () => {
    await using rpc = await startHarness();
    const call = rpc.jobs().watchJobs({ ...all, jobIds: [oneJobId.toUpperCase()], resumeToken: 'r0' });
    const [change] = (await once(call, 'data')) as [jobWire.WatchJobsResponse];
    assert.equal(change.job?.jobId, oneJobId);
    assert.equal(change.resumeToken, 'r1');
    const [watch] = rpc.farm.watches;
    assert.deepStrictEqual(watch?.request, { jobIds: [oneJobId], untilEnded: false, resumeToken: 'r0' });
    const left = once(watch.signal, 'abort');
    call.once('error', () => undefined);
    call.cancel();
    await left;
  });

  test('ends with the farm’s error', async () => {
    await using rpc = await startHarness();
    rpc.farm.changes = () => {
      throw new FarmError('RESUME_TOKEN_EXPIRED', 'List again');
    };
    const call = rpc.jobs().watchJobs(all).resume();
    const [error] = (await once(call, 'error')) as [ServiceError];
    assert.equal(error.code, status.OUT_OF_RANGE);
  });

  test('cuts off a reader that takes nothing, and holds no more than the connection does', async () => {
    await using rpc = await startHarness({ limits: { watchDrainMs: 50, endMs: 50, stopMs: 60_000 } });
    const left = Promise.withResolvers<number>();
    rpc.farm.changes = async function* (signal) {
      let count = 0;
      try {
        for (; !signal.aborted && count < 10_000; count += 1) {
          const reason = 'x'.repeat(20_000);
          yield {
            view: { job: { ...(await rpc.farm.job(oneJobId)).job, reason }, percent: 0 },
            news: [],
            resumeToken: 'r',
          };
        }
      } finally {
        left.resolve(count);
      }
    };
    const call = rpc.jobs().watchJobs(all);
    const over = once(call, 'error');
    await once(call, 'data');
    call.pause();
    const count = await left.promise;
    assert.ok(count < 200, `${count} changes were taken from the farm`);
    // It would take 60 s if the stream were still there: nothing more was read until here.
    await rpc.server.stop();
    call.resume();
    const [error] = (await over) as [ServiceError];
    assert.ok([status.CANCELLED, status.ABORTED].includes(error.code), String(error));
  });
});

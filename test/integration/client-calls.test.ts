import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { RenderfarmError } from '../../client/errors.ts';
import type { ConnectOptions } from '../../client/options.ts';
import { connect } from '../../client/renderfarm-client.ts';
import { farmWire, type jobWire } from '../../proto/index.ts';
import { rpcError } from '../helpers/rpc-errors.ts';
import { startScriptedJobs } from '../helpers/scripted-jobs.ts';
import { jobId, wireJob } from '../helpers/wire-jobs.ts';

const job = {
  userId: 'ana',
  channelName: 'Kids TV',
  items: [{ itemType: 'video', path: '\\\\nas\\Share\\clip.mp4' }],
} as const;

const accepted: jobWire.SubmitJobResponse = {
  jobId,
  status: 1,
  message: 'Job submitted successfully to default_queue',
  queue: 'default_queue',
  routeRule: 'everything else',
  existed: false,
};

/** Short pauses; the time limits stay long enough for a busy machine. */
function farm(addresses: readonly string[], more: Partial<ConnectOptions> = {}) {
  return connect({ addresses, backoffFirstMs: 10, backoffMaxMs: 20, ...more });
}

function withCode(code: string) {
  return (error: unknown) => error instanceof RenderfarmError && error.code === code;
}

test('A submit that meets an unavailable controller is tried again with the same request id', async () => {
  const requests: jobWire.SubmitJobRequest[] = [];
  await using server = await startScriptedJobs({
    submitJob: (request) => {
      requests.push(request);
      if (requests.length < 3) return rpcError('UNAVAILABLE', 'not now', { code: 'STORAGE_UNAVAILABLE' });
      return accepted;
    },
  });
  using client = farm([server.address]);
  const submission = await client.submit(job);
  assert.deepEqual(submission, {
    jobId,
    status: 'queued',
    message: 'Job submitted successfully to default_queue',
    queue: 'default_queue',
    routeRule: 'everything else',
    existed: false,
  });
  assert.equal(requests.length, 3);
  assert.equal(new Set(requests.map(({ requestId }) => requestId)).size, 1);
  assert.match(requests[0]?.requestId ?? '', /^[0-9a-f-]{36}$/);
  assert.equal(requests[0]?.job?.items[0]?.position, 0);
});

test('Two submits have two request ids', async () => {
  const ids = new Set<string>();
  await using server = await startScriptedJobs({
    submitJob: ({ requestId }) => {
      ids.add(requestId);
      return accepted;
    },
  });
  using client = farm([server.address]);
  await client.submit(job);
  await client.submit(job);
  assert.equal(ids.size, 2);
});

test('A call goes on at the next address when the first controller is away', async () => {
  await using server = await startScriptedJobs({ listQueues: () => ({ queues: [] }) });
  const gone = await startScriptedJobs();
  await gone.kill();
  using client = farm([gone.address, server.address]);
  assert.deepEqual(await client.queues(), []);
});

test('A call ends with CONTROLLER_UNREACHABLE that names the addresses when nobody listens', async () => {
  const gone = await startScriptedJobs();
  await gone.kill();
  using client = farm([gone.address], { callTimeoutMs: 2_000 });
  await assert.rejects(client.get(jobId), (error: unknown) => {
    assert(error instanceof RenderfarmError);
    assert.equal(error.code, 'CONTROLLER_UNREACHABLE');
    assert.deepEqual(error.resource, { type: 'controller', name: gone.address });
    assert.match(error.message, /ECONNREFUSED/);
    return true;
  });
});

test('A controller that accepts connections and stays silent is given up', async (t) => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const sockets = new Set<{ destroy(): void }>();
  silent.on('connection', (socket) => sockets.add(socket));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
  const bound = silent.address();
  assert(typeof bound === 'object' && bound !== null);
  await using server = await startScriptedJobs({ listQueues: () => ({ queues: [] }) });
  using client = farm([`127.0.0.1:${bound.port}`, server.address], { connectTimeoutMs: 200 });
  assert.deepEqual(await client.queues(), []);
  assert.equal(sockets.size, 1);
});

test('A controller that never answers is given up after the time limit of the call', async () => {
  await using server = await startScriptedJobs({ getJob: () => new Promise(() => undefined) });
  using client = farm([server.address], { callTimeoutMs: 300, tryTimeoutMs: 200 });
  await assert.rejects(client.get(jobId), withCode('CONTROLLER_UNREACHABLE'));
});

test('What the controller says about an error arrives with it: code, fields, count, resource', async () => {
  await using server = await startScriptedJobs({
    submitJob: () =>
      rpcError('INVALID_ARGUMENT', 'the job is not valid', {
        code: 'INVALID_JOB',
        violations: [{ field: 'items[3].duration', description: 'must be between 0.1 and 3600 s' }],
        violationCount: 51,
        resource: { type: 'job', name: 'x' },
      }),
  });
  using client = farm([server.address]);
  await assert.rejects(client.submit(job), (error: unknown) => {
    assert(error instanceof RenderfarmError);
    assert.equal(error.code, 'INVALID_JOB');
    assert.equal(error.status, 'INVALID_ARGUMENT');
    assert.equal(error.message, 'the job is not valid');
    assert.deepEqual(error.violations, [
      { field: 'items[3].duration', description: 'must be between 0.1 and 3600 s' },
    ]);
    assert.equal(error.violationCount, 51);
    assert.deepEqual(error.resource, { type: 'job', name: 'x' });
    return true;
  });
});

test('An error without details has the name of its gRPC status as code', async () => {
  await using server = await startScriptedJobs({ getJob: () => rpcError('NOT_FOUND', 'no such job') });
  using client = farm([server.address]);
  await assert.rejects(client.get(jobId), withCode('NOT_FOUND'));
});

test('A controller that asks for a pause beyond the time limit gets its error passed on', async () => {
  let calls = 0;
  await using server = await startScriptedJobs({
    submitJob: () => {
      calls += 1;
      if (calls === 1) {
        return rpcError('RESOURCE_EXHAUSTED', 'slowly', { code: 'TOO_MANY_REQUESTS', retryAfterMs: 20 });
      }
      return rpcError('RESOURCE_EXHAUSTED', 'slowly', { code: 'TOO_MANY_REQUESTS', retryAfterMs: 90_500 });
    },
  });
  using client = farm([server.address]);
  await assert.rejects(client.submit(job), (error: unknown) => {
    assert(error instanceof RenderfarmError);
    assert.equal(error.code, 'TOO_MANY_REQUESTS');
    assert.equal(error.retryAfterMs, 90_500);
    return true;
  });
  assert.equal(calls, 2);
});

test('A list asks for page after page, and no further than it is read', async () => {
  const tokens: string[] = [];
  await using server = await startScriptedJobs({
    listJobs: ({ pageToken, states, userId }) => {
      assert.deepEqual([states, userId], [[11, 12], 'ana']);
      tokens.push(pageToken);
      const page = Number(pageToken === '' ? '0' : pageToken);
      const jobs = [wireJob({ jobId: `${page}-a` }), wireJob({ jobId: `${page}-b` })];
      return { jobs, nextPageToken: page < 5 ? String(page + 1) : '' };
    },
  });
  using client = farm([server.address]);
  const seen: string[] = [];
  for await (const { jobId: id } of client.list({
    states: ['failed', 'quarantined'],
    userId: 'ana',
    limit: 5,
  })) {
    seen.push(id);
  }
  assert.deepEqual(seen, ['0-a', '0-b', '1-a', '1-b', '2-a']);
  assert.deepEqual(tokens, ['', '1', '2']);
});

test('The token goes with every call', async () => {
  const tokens: (string | undefined)[] = [];
  await using server = await startScriptedJobs({
    listQueues: (_, token) => {
      tokens.push(token);
      return { queues: [] };
    },
  });
  using client = farm([server.address], { token: 'secret' });
  await client.queues();
  assert.deepEqual(tokens, ['Bearer secret']);
});

test('An aborted call throws the reason, and a closed client ends what runs', async () => {
  await using server = await startScriptedJobs({ getJob: () => new Promise(() => undefined) });
  const client = farm([server.address]);
  const reason = new Error('enough');
  await assert.rejects(client.get(jobId, { signal: AbortSignal.abort(reason) }), reason);
  const pending = client.get(jobId);
  client.close();
  await assert.rejects(pending, withCode('CLIENT_CLOSED'));
  await assert.rejects(client.queues(), withCode('CLIENT_CLOSED'));
  client.close();
});

test('A reply with a value that this version does not know is UNEXPECTED_REPLY', async () => {
  await using server = await startScriptedJobs({
    getJob: () => ({ job: wireJob({ state: 99 as never }), spec: undefined, timeline: [] }),
  });
  using client = farm([server.address]);
  await assert.rejects(client.get(jobId), withCode('UNEXPECTED_REPLY'));
});

test('A job that is too large is refused before it is sent', async () => {
  using client = farm(['127.0.0.1:1']);
  const item = { itemType: 'video', path: 'p', title: 'x'.repeat(5_000) } as const;
  await assert.rejects(client.submit({ ...job, items: [item] }), (error: unknown) => {
    assert(error instanceof RenderfarmError);
    assert.equal(error.code, 'JOB_TOO_LARGE');
    assert.match(error.violations[0]?.description ?? '', /takes \d+ bytes, at most 4096/);
    return true;
  });
  const many = Array.from({ length: 800 }, () => ({ ...item, title: 'x'.repeat(1_000) }));
  await assert.rejects(client.submit({ ...job, items: many }), /the job takes \d+ bytes, at most 786432/);
});

test('A call that meets a standby goes to the leader that it names, at once and with the same request id', async () => {
  const requests: jobWire.SubmitJobRequest[] = [];
  await using leader = await startScriptedJobs({
    submitJob: (request) => {
      requests.push(request);
      return accepted;
    },
  });
  const uninvolved = { listQueues: () => rpcError('INTERNAL', 'nobody asks here') };
  await using other = await startScriptedJobs(uninvolved);
  await using standby = await startScriptedJobs({
    submitJob: (request) => {
      requests.push(request);
      return rpcError('UNAVAILABLE', 'this controller does not lead the farm', {
        code: 'NOT_LEADING',
        leader: leader.address,
        // Waiting for it would outlast the test.
        retryAfterMs: 600_000,
      });
    },
  });
  using client = farm([standby.address, other.address, leader.address]);
  assert.equal((await client.submit(job)).jobId, jobId);
  assert.equal(requests.length, 2);
  assert.equal(requests[0]?.requestId, requests[1]?.requestId);
});

test('A call waits out a farm without a leader, within its time limit', async () => {
  let asked = 0;
  const standby = () =>
    startScriptedJobs({
      listQueues: () => {
        asked += 1;
        // Another one leads in the third round.
        if (asked > 4) return { queues: [] };
        return rpcError('UNAVAILABLE', 'nobody leads', { code: 'NOT_LEADING' });
      },
    });
  await using one = await standby();
  await using two = await standby();
  using client = farm([one.address, two.address]);
  assert.deepEqual(await client.queues(), []);
  assert.equal(asked, 5);
});

test('The status is that of the leader; where nobody leads, that of a controller that waits', async () => {
  const { ControllerRole, ControllerStatus, GetFarmStatusResponse } = farmWire;
  const at = new Date('2026-03-01T10:00:00Z');
  let ledBy = 'nobody';
  const start = (leaderId: string) =>
    startScriptedJobs({
      getFarmStatus: () => {
        const role = ledBy === leaderId ? ControllerRole.LEADING : ControllerRole.STANDBY;
        const controller = { ...ControllerStatus.create(), role, since: at, leaderId };
        return { ...GetFarmStatusResponse.create(), controller };
      },
    });
  await using one = await start('one');
  await using two = await start('two');
  using both = farm([one.address, two.address]);
  assert.equal((await both.operator.status()).controller.role, 'standby');
  ledBy = 'two';
  assert.equal((await both.operator.status()).controller.leaderId, 'two');
  using single = farm([one.address]);
  assert.equal((await single.operator.status()).controller.leaderId, 'one', 'whom else should it ask?');
});

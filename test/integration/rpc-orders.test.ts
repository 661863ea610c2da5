import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type ServiceError, status } from '@grpc/grpc-js';
import { FarmError } from '../../controller/domain/errors.ts';
import { agentWire, farmWire, jobWire } from '../../proto/index.ts';
import { agentView, oneJobId } from '../helpers/fake-farm.ts';
import { ask, startHarness } from './rpc-harness.ts';

const request = { requestId: 'r1', jobId: oneJobId.toUpperCase(), reason: 'new logo' };
const order = { requestId: 'r1', jobId: oneJobId, reason: 'new logo' };

async function refusal(call: Promise<unknown>): Promise<ServiceError> {
  return await call.then(
    () => assert.fail('the call was not refused'),
    (error: unknown) => error as ServiceError,
  );
}

suite('a verb of a job', () => {
  test('reaches the farm with its request id and reason, and answers with the job', async () => {
    await using rpc = await startHarness();
    const client = rpc.jobs();
    const answers = [
      await ask(client.cancelJob.bind(client), request),
      await ask(client.retryJob.bind(client), request),
      await ask(client.holdJob.bind(client), request),
      await ask(client.releaseJob.bind(client), request),
    ];
    for (const { job } of answers) assert.equal(job?.jobId, oneJobId);
    const priority = jobWire.PriorityClass.HIGH;
    await ask(client.changeJobPriority.bind(client), { ...request, priority });
    assert.deepStrictEqual(rpc.farm.orders, [
      { ...order, kind: 'cancel' },
      { ...order, kind: 'retry' },
      { ...order, kind: 'hold' },
      { ...order, kind: 'release' },
      { ...order, kind: 'priority', priority: 'high' },
    ]);
  });

  test('is refused by field before the farm hears of it', async () => {
    await using rpc = await startHarness();
    const client = rpc.jobs();
    const bad = [
      ask(client.retryJob.bind(client), { ...request, jobId: 'no-uuid' }),
      ask(client.holdJob.bind(client), { ...request, reason: 'x'.repeat(501) }),
      ask(client.releaseJob.bind(client), { ...request, requestId: 'x'.repeat(129) }),
      ask(client.changeJobPriority.bind(client), { ...request, priority: 0 }),
    ];
    const refused = await Promise.all(bad.map(refusal));
    assert.deepEqual(
      refused.map(({ code, details }) => [code, details.split(':')[0]]),
      ['job_id', 'reason', 'request_id', 'priority'].map((field) => [status.INVALID_ARGUMENT, field]),
    );
    assert.deepStrictEqual(rpc.farm.orders, []);
  });

  test('tells what the farm answers, by its status', async () => {
    await using rpc = await startHarness();
    const client = rpc.jobs();
    for (const [code, expected] of [
      ['JOB_NOT_ENDED', status.FAILED_PRECONDITION],
      ['JOB_PROCESSING', status.FAILED_PRECONDITION],
      ['JOB_ARCHIVED', status.FAILED_PRECONDITION],
      ['REQUEST_ID_REUSED', status.INVALID_ARGUMENT],
      ['JOB_NOT_FOUND', status.NOT_FOUND],
    ] as const) {
      rpc.farm.failure = new FarmError(code, 'why');
      assert.equal((await refusal(ask(client.retryJob.bind(client), request))).code, expected);
    }
  });
});

suite('an order to an agent', () => {
  const wish = { requestId: 'r1', agentId: 'pc1', reason: 'new driver', by: 'ana' };

  test('reaches the farm with who and why, and answers with the agent', async () => {
    await using rpc = await startHarness();
    const client = rpc.farms();
    const answers = [
      await ask(client.cordonAgent.bind(client), wish),
      await ask(client.uncordonAgent.bind(client), wish),
      await ask(client.drainAgent.bind(client), wish),
    ];
    for (const { agent } of answers) assert.equal(agent?.agentId, 'pc1');
    const deadline = { seconds: 600, nanos: 0 };
    await ask(client.evictAgent.bind(client), { ...wish, deadline });
    await ask(client.evictAgent.bind(client), { ...wish, deadline: undefined });
    assert.deepStrictEqual(await ask(client.forgetAgent.bind(client), wish), {});
    assert.deepStrictEqual(rpc.farm.orders, [
      { ...wish, kind: 'cordon' },
      { ...wish, kind: 'uncordon' },
      { ...wish, kind: 'drain' },
      { ...wish, kind: 'evict', deadlineMs: 600_000 },
      { ...wish, kind: 'evict', deadlineMs: 0 },
      { ...wish, kind: 'forget' },
    ]);
  });

  test('needs an agent, and a deadline of at most 7 days', async () => {
    await using rpc = await startHarness();
    const client = rpc.farms();
    const nobody = await refusal(ask(client.drainAgent.bind(client), { ...wish, agentId: '' }));
    assert.match(nobody.details, /^agent_id: must be given/);
    const deadline = { seconds: 604_801, nanos: 0 };
    const late = await refusal(ask(client.evictAgent.bind(client), { ...wish, deadline }));
    assert.match(late.details, /^deadline: must be at most 7 days/);
    assert.deepStrictEqual(rpc.farm.orders, []);
  });

  test('shows in the list what holds for each agent, and why', async () => {
    await using rpc = await startHarness();
    const client = rpc.farms();
    const sick = {
      sinceMs: 1,
      reason: 'sick: disks',
      causes: [],
      shares: [],
      checks: 2,
      nextCheckAtMs: 60_000,
      finding: 'still full',
    };
    const ordered = { mode: 'draining', reason: 'new driver', by: 'ana', sinceMs: 5_000 } as const;
    rpc.farm.agentViews = [agentView('pc1', { mode: 'draining', ordered, sick }), agentView('pc2')];
    const { agents } = await ask(client.listAgents.bind(client), { pageSize: 0, pageToken: '' });
    const [one, two] = agents;
    assert.equal(one?.mode, agentWire.AgentMode.DRAINING);
    assert.deepStrictEqual(one.order, {
      reason: 'new driver',
      by: 'ana',
      since: new Date(5_000),
      until: undefined,
      drained: true,
    });
    assert.deepEqual([one.sickness?.checks, one.sickness?.finding], [2, 'still full']);
    assert.deepEqual(
      [two?.mode, two?.order, two?.sickness],
      [agentWire.AgentMode.ACTIVE, undefined, undefined],
    );
  });
});

suite('an order to a queue', () => {
  const wish = { requestId: 'r1', queue: 'default_queue', reason: 'new codec', by: 'ana' };

  test('reaches the farm with who and why, and answers with the queue', async () => {
    await using rpc = await startHarness();
    const client = rpc.farms();
    const paused = await ask(client.pauseQueue.bind(client), wish);
    assert.deepEqual(paused.queue?.pause, { reason: 'new codec', by: 'ana', since: new Date(5_000) });
    const resumed = await ask(client.resumeQueue.bind(client), wish);
    assert.deepEqual([resumed.queue?.name, resumed.queue?.pause], ['default_queue', undefined]);
    assert.deepEqual([resumed.queue?.weight, resumed.queue?.runningMax, resumed.queue?.jobsMax], [0, 0, 0]);
    assert.deepStrictEqual(rpc.farm.orders, [
      { ...wish, kind: 'pause' },
      { ...wish, kind: 'resume' },
    ]);
  });

  test('is refused by field before the farm hears of it, and by the farm where there is no such queue', async () => {
    await using rpc = await startHarness();
    const client = rpc.farms();
    const bad = [{ queue: '' }, { reason: 'x'.repeat(501) }, { by: 'x'.repeat(129) }, { requestId: 'a\nb' }];
    const refused = await Promise.all(
      bad.map((changes) => refusal(ask(client.pauseQueue.bind(client), { ...wish, ...changes }))),
    );
    assert.deepEqual(
      refused.map(({ code, details }) => [code, details.split(':')[0]]),
      ['queue', 'reason', 'by', 'request_id'].map((field) => [status.INVALID_ARGUMENT, field]),
    );
    assert.deepStrictEqual(rpc.farm.orders, []);
    rpc.farm.failure = new FarmError('QUEUE_NOT_FOUND', 'Queue not found: x');
    assert.equal((await refusal(ask(client.resumeQueue.bind(client), wish))).code, status.NOT_FOUND);
  });
});

suite('the farm’s status', () => {
  test('tells the controller, what there is, and the alarms', async () => {
    await using rpc = await startHarness();
    const client = rpc.farms();
    rpc.farm.farmSummary = {
      ...rpc.farm.farmSummary,
      alarms: [{ atMs: 7_000, event: 'agent-sick', fields: { agentId: 'pc1', jobs: 3 } }],
    };
    const reply = await ask(client.getFarmStatus.bind(client), {});
    assert.equal(reply.controller?.role, farmWire.ControllerRole.LEADING);
    assert.deepStrictEqual(reply.jobs, [{ state: jobWire.JobState.WAITING, count: 2 }]);
    assert.equal(reply.agents?.attached, 1);
    assert.deepStrictEqual(reply.alarms, [
      { at: new Date(7_000), event: 'agent-sick', fields: { agentId: 'pc1', jobs: '3' } },
    ]);
  });

  test('is answered by a controller that does not lead, for itself only', async () => {
    await using rpc = await startHarness();
    const client = rpc.farms();
    rpc.farm.failure = new FarmError('NOT_LEADING', 'another one leads');
    const reply = await ask(client.getFarmStatus.bind(client), {});
    assert.deepEqual([reply.farmId, reply.agents, reply.jobs], ['', undefined, []]);
    assert.ok(reply.controller);
  });
});

suite('publications and shares', () => {
  test('annulment and a replaced share reach the farm', async () => {
    await using rpc = await startHarness();
    const client = rpc.farms();
    const { job } = await ask(client.annulPublication.bind(client), request);
    assert.equal(job?.jobId, oneJobId);
    const replaced = { requestId: 'r2', share: 'clips', reason: '' };
    assert.deepStrictEqual(await ask(client.declareShareReplaced.bind(client), replaced), {});
    assert.deepStrictEqual(rpc.farm.orders, [
      { ...order, kind: 'annul' },
      { ...replaced, kind: 'share-replaced' },
    ]);
  });
});

suite('watching the agents', () => {
  test('begins with all of them, then tells who changed and who was forgotten', async () => {
    await using rpc = await startHarness();
    rpc.farm.agentViews = [agentView('pc1'), agentView('pc2')];
    const call = rpc.farms().watchAgents({});
    const told: string[] = [];
    for await (const { change } of call as AsyncIterable<farmWire.WatchAgentsResponse>) {
      told.push(
        change?.$case === 'agent'
          ? `${change.value.agentId} ${change.value.mode}`
          : `-${change?.value ?? ''}`,
      );
      // Silence alone is no change.
      if (told.length === 2) {
        rpc.farm.agentViews = [agentView('pc2', { mode: 'cordoned', silenceMs: 5 }), agentView('pc3')];
      }
      if (told.length === 5) break;
    }
    call.cancel();
    assert.deepEqual(told, ['pc1 1', 'pc2 1', 'pc2 2', 'pc3 1', '-pc1']);
  });

  test('is limited in number', async () => {
    await using rpc = await startHarness();
    const clients = [rpc.farms(), rpc.farms()];
    const calls = Array.from({ length: 21 }, (_, index) => clients[index % 2]?.watchAgents({}));
    const codes = await Promise.all(
      calls.map(
        (call) =>
          new Promise<number>((resolve) => {
            call?.on('data', () => resolve(status.OK));
            call?.on('error', (error: ServiceError) => resolve(error.code));
            // An empty farm says nothing: what is refused is.
            rpc.farm.agentViews = [agentView('pc1')];
          }),
      ),
    );
    for (const call of calls) call?.cancel();
    assert.equal(codes.filter((code) => status[code] === 'RESOURCE_EXHAUSTED').length, 1);
  });
});

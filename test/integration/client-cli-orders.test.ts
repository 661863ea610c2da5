import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentWire, farmWire, jobWire } from '../../proto/index.ts';
import { startCli } from '../helpers/cli-process.ts';
import { rpcError } from '../helpers/rpc-errors.ts';
import { startScriptedJobs } from '../helpers/scripted-jobs.ts';
import { jobId, otherJobId, wireJob } from '../helpers/wire-jobs.ts';

function wireAgent(change: Partial<farmWire.Agent> = {}): farmWire.Agent {
  const liveness = farmWire.AgentLiveness.ATTACHED;
  return { ...farmWire.Agent.fromPartial({ agentId: 'pc1', liveness, slots: 1 }), ...change };
}

test('retry, hold, release and cancel say what became of each job, and give the reason along', async () => {
  const asked: [string, jobWire.RetryJobRequest][] = [];
  const answer = (verb: string, state: jobWire.JobState) => (request: jobWire.RetryJobRequest) => {
    asked.push([verb, request]);
    return { job: wireJob({ jobId: request.jobId, state, reason: verb }) };
  };
  await using server = await startScriptedJobs({
    retryJob: answer('retry', jobWire.JobState.WAITING),
    holdJob: answer('hold', jobWire.JobState.HELD),
    releaseJob: answer('release', jobWire.JobState.WAITING),
    cancelJob: answer('cancel', jobWire.JobState.CANCELLED),
  });
  for (const [verb, state] of [
    ['retry', 'waiting'],
    ['hold', 'held'],
    ['release', 'waiting'],
    ['cancel', 'cancelled'],
  ] as const) {
    const args = [verb, jobId, otherJobId, '--reason', 'new logo', '--address', server.address];
    const { code, lines } = await startCli(args).ended;
    assert.equal(code, 0);
    assert.deepEqual(lines, [`${jobId}  ${state}: ${verb}`, `${otherJobId}  ${state}: ${verb}`]);
  }
  assert.deepEqual(
    asked.map(([verb, { reason }]) => `${verb} ${reason}`),
    ['retry', 'retry', 'hold', 'hold', 'release', 'release', 'cancel', 'cancel'].map(
      (verb) => `${verb} new logo`,
    ),
  );
  // Each call has an id of its own: two jobs are two requests.
  assert.equal(new Set(asked.map(([, { requestId }]) => requestId)).size, asked.length);
});

test('--json tells each verb as an event; a refusal ends the command with code 4', async () => {
  await using server = await startScriptedJobs({
    retryJob: ({ jobId: id }) =>
      id === jobId
        ? { job: wireJob() }
        : rpcError('FAILED_PRECONDITION', 'job is running', { code: 'JOB_NOT_ENDED' }),
  });
  const args = ['retry', jobId, otherJobId, '--json', '--address', server.address];
  const { code, lines, stderr } = await startCli(args).ended;
  assert.equal(code, 4);
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { event: string }).event),
    ['retried'],
  );
  assert.equal((JSON.parse(stderr) as { code: string }).code, 'JOB_NOT_ENDED');
});

test('priority takes the class first, and refuses one that does not exist', async () => {
  const asked: jobWire.ChangeJobPriorityRequest[] = [];
  await using server = await startScriptedJobs({
    changeJobPriority: (request) => {
      asked.push(request);
      return { job: wireJob({ priority: request.priority }) };
    },
  });
  const { code, lines } = await startCli(['priority', 'urgent', jobId, '--address', server.address]).ended;
  assert.deepEqual([code, lines], [0, [`${jobId}  urgent; waiting`]]);
  assert.equal(asked[0]?.priority, jobWire.PriorityClass.URGENT);
  const wrong = await startCli(['priority', 'soon', jobId, '--address', server.address]).ended;
  assert.equal(wrong.code, 2);
});

test('agents cordon, drain, evict and uncordon tell the agent’s mode, and who ordered it', async () => {
  const asked: farmWire.CordonAgentRequest[] = [];
  const answer =
    (mode: agentWire.AgentMode, drained = false) =>
    (request: farmWire.CordonAgentRequest) => {
      asked.push(request);
      const { reason } = request;
      return {
        agent: wireAgent({ mode, order: { reason, by: 'ops', since: undefined, until: undefined, drained } }),
      };
    };
  const { AgentMode } = agentWire;
  await using server = await startScriptedJobs({
    cordonAgent: answer(AgentMode.CORDONED),
    drainAgent: answer(AgentMode.DRAINING, true),
    evictAgent: (request) => answer(AgentMode.EVICT)(request),
    uncordonAgent: () => ({ agent: wireAgent({ mode: AgentMode.ACTIVE }) }),
  });
  const run = async (...args: string[]) => {
    const { code, lines } = await startCli(['agents', ...args, '--address', server.address]).ended;
    assert.equal(code, 0);
    return lines;
  };
  assert.deepEqual(await run('cordon', 'pc1', '--reason', 'new driver'), [
    'pc1  cordoned by ops: new driver',
  ]);
  assert.deepEqual(await run('drain', 'pc1'), ['pc1  drained by ops']);
  assert.deepEqual(await run('evict', 'pc1', '--deadline', '600'), ['pc1  evicting by ops']);
  assert.deepEqual(await run('uncordon', 'pc1'), ['pc1  active']);
  assert.ok(asked.every(({ by }) => by !== ''));
});

test('queue pause and resume tell how the queue stands, and who paused it; so does queues', async () => {
  const asked: farmWire.PauseQueueRequest[] = [];
  const since = new Date('2026-03-01T10:00:00Z');
  const plain = farmWire.Queue.fromPartial({ name: 'gpu_queue', waiting: 3, processing: 1 });
  const paused = { ...plain, weight: 2.5, jobsMax: 100, pause: { reason: 'new codec', by: 'ops', since } };
  await using server = await startScriptedJobs({
    pauseQueue: (request) => {
      asked.push(request);
      return request.queue === 'gpu_queue'
        ? { queue: paused }
        : rpcError('NOT_FOUND', `Queue not found: ${request.queue}`, { code: 'QUEUE_NOT_FOUND' });
    },
    resumeQueue: (request) => {
      asked.push(request);
      return { queue: plain };
    },
    listQueues: () => ({ queues: [plain, { ...paused, name: 'q2' }] }),
  });
  const run = (...args: string[]) => startCli([...args, '--address', server.address]).ended;
  const pause = await run('queue', 'pause', 'gpu_queue', '--reason', 'new codec');
  assert.equal(pause.code, 0);
  assert.match(
    pause.lines.join('\n'),
    /^gpu_queue {2}paused since [-: \d]+ by ops: new codec; 3 wait, 1 run$/,
  );
  const resume = await run('queue', 'resume', 'gpu_queue', '--json');
  const told = JSON.parse(resume.lines[0] ?? '') as { event: string; queue: Record<string, unknown> };
  assert.deepEqual([told.event, told.queue['name'], told.queue['pause']], ['queue', 'gpu_queue', undefined]);
  assert.deepEqual(
    asked.map(({ queue, reason, by }) => [queue, reason, by !== '']),
    [
      ['gpu_queue', 'new codec', true],
      ['gpu_queue', '', true],
    ],
  );
  const unknown = await run('queue', 'pause', 'nope');
  assert.equal(unknown.code, 4);
  assert.match(unknown.stderr, /\[QUEUE_NOT_FOUND\]/);
  const [head, first, second] = (await run('queues')).lines;
  // No queue has a limit on what runs: there is no column for it.
  assert.match(head ?? '', /HARD LIMIT {2}WEIGHT {2}JOBS MAX {2}PAUSED$/);
  assert.match(first ?? '', / - +- +-$/);
  assert.match(second ?? '', / 2\.5 +100 +since [-: \d]+ by ops: new codec$/);
  const json = (await run('queues', '--json')).lines.map(
    (line) => JSON.parse(line) as Record<string, unknown>,
  );
  assert.deepEqual(json[1]?.['pause'], { reason: 'new codec', by: 'ops', since: since.toISOString() });
  assert.equal(json[1]['jobs_max'], 100);
});

test('agents shows a sick PC with its reason and what the probes found', async () => {
  const nextCheck = new Date('2026-03-01T10:00:00Z');
  const sickness = { reason: 'sick: disks', since: nextCheck, checks: 2, nextCheck, finding: 'still full' };
  const agents = [wireAgent({ mode: agentWire.AgentMode.CORDONED, sickness })];
  await using server = await startScriptedJobs({ listAgents: () => ({ agents, nextPageToken: '' }) });
  const { lines } = await startCli(['agents', '--address', server.address]).ended;
  assert.match(lines[1] ?? '', /^pc1 +attached +sick /);
  assert.match(lines[2] ?? '', /^ {2}pc1: sick; sick: disks; probed 2 times; found: still full; next probe /);
});

test('agents forget says so, and is refused for one that is attached', async () => {
  await using server = await startScriptedJobs({
    forgetAgent: ({ agentId }) =>
      agentId === 'pc9' ? {} : rpcError('FAILED_PRECONDITION', 'pc1 is attached', { code: 'AGENT_IN_USE' }),
  });
  const gone = await startCli(['agents', 'forget', 'pc9', '--address', server.address]).ended;
  assert.deepEqual([gone.code, gone.lines], [0, ['pc9  forgotten']]);
  const refused = await startCli(['agents', 'forget', 'pc1', '--address', server.address]).ended;
  assert.equal(refused.code, 4);
  assert.match(refused.stderr, /\[AGENT_IN_USE\]/);
});

test('status tells who leads, what there is, and the alarms', async () => {
  const at = new Date('2026-03-01T10:00:00Z');
  await using server = await startScriptedJobs({
    getFarmStatus: () => ({
      controller: {
        ...farmWire.ControllerStatus.create(),
        role: farmWire.ControllerRole.LEADING,
        since: at,
        serving: true,
        leaderId: 'l1',
        term: 7,
        durability: 'SQLite, synchronous=FULL',
      },
      farmId: 'f1',
      jobs: [{ state: jobWire.JobState.QUARANTINED, count: 2 }],
      agents: { attached: 3, suspect: 0, detached: 1, closed: 1, sick: 1, slots: 3, slotsBusy: 2 },
      alarms: [{ at, event: 'agent-sick', fields: { agentId: 'pc1' } }],
      outbox: [
        { ...farmWire.OutboxStatus.create(), destination: 'history' },
        {
          destination: 'directory',
          rows: 41,
          oldestSince: at,
          awaySince: at,
          lastError: 'fetch failed\u001b[2J',
          refused: 1,
          refusals: [{ jobId: 'j1', reason: 'no such user', since: at, nextTry: at }],
        },
      ],
    }),
  });
  const { code, lines } = await startCli(['status', '--address', server.address]).ended;
  assert.equal(code, 0);
  assert.match(lines[0] ?? '', /^Controller: leading since /);
  const told = lines.slice(1).map((line) => line.replace(/ +/g, ' '));
  for (const line of [
    'Leader: l1, term 7',
    'Farm: f1',
    'Store: SQLite, synchronous=FULL',
    'Jobs: 2 quarantined',
    'Agents: 3 attached, 0 suspect, 1 detached',
    'Closed: 1 by order, 1 sick',
    'Slots: 2 of 3 busy',
    'history: has heard everything',
    ' refused j1: no such user',
  ]) {
    assert.ok(told.includes(line), `${line} in\n${told.join('\n')}`);
  }
  const directory = told.findIndex((line) => line.startsWith('directory:'));
  assert.match(told[directory] ?? '', /^directory: 41 jobs wait .* since .*, away since .*, 1 refused$/);
  assert.match(told[directory + 1] ?? '', /^ fetch failed/);
  assert.ok(!told.join('').includes('\u001b'), 'what a destination says is no command to the terminal');
  assert.match(lines.at(-1) ?? '', /agent-sick {2}agentId=pc1$/);
});

test('jobs is list: quarantined jobs are found by their state', async () => {
  const asked: jobWire.ListJobsRequest[] = [];
  await using server = await startScriptedJobs({
    listJobs: (request) => {
      asked.push(request);
      return { jobs: [wireJob({ state: jobWire.JobState.QUARANTINED })], nextPageToken: '' };
    },
  });
  const { code, lines } = await startCli(['jobs', '--state', 'quarantined', '--address', server.address])
    .ended;
  assert.equal(code, 0);
  assert.deepEqual(asked[0]?.states, [jobWire.JobState.QUARANTINED]);
  assert.match(lines[1] ?? '', /quarantined/);
});

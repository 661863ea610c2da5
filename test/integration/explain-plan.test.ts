import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { JobInput } from '../../client/job-input.ts';
import { connect, type RenderfarmClient } from '../../client/renderfarm-client.ts';
import type { Answer, PlanView } from '../../controller/engine/explanations.ts';
import { startCli } from '../helpers/cli-process.ts';
import { agentView, oneJobId } from '../helpers/fake-farm.ts';
import { startMemoryFarm } from '../helpers/memory-farm.ts';
import { jobId } from '../helpers/turn-farm.ts';
import { WaitingAgent } from '../helpers/waiting-agent.ts';
import { startHarness } from './rpc-harness.ts';

const answer: Answer = {
  summary: 'waits for pc1 (free in about 7 min), 12 times as fast as pc3, which is free now',
  placeInOrder: 3,
  order: ['class: normal', 'age: submitted 5 min ago; older jobs of ann come first'],
  agents: [
    {
      agentId: 'pc1',
      feasible: true,
      reasons: ["busy: job x, about 7 min left by its agent's word"],
      outlook: {
        freeInMs: 420_000,
        missingBytes: 3 * 2 ** 30,
        copyingMs: 12_000,
        renderingMs: 300_000,
        endInMs: 732_000,
        speed: 6.1,
        speedBasis: 'median of 12 renders',
      },
    },
    { agentId: 'pc2', feasible: false, reasons: ['lacks label rtx', 'not attached'] },
    { agentId: 'pc4', feasible: false, reasons: ['lacks label rtx', 'not attached'] },
  ],
  plannedAgentId: 'pc1',
  plannedStartMs: 420_000,
  plannedEndMs: 732_000,
  promisedStartMs: 1_700_000_000_000,
  overdue: true,
  basis: 'no hd render of pc1 was compared with its forecast yet',
};

const planned = { userId: 'ann', queue: 'default_queue', priority: 'normal', overdue: false } as const;
const plan: PlanView = {
  atMs: 1_700_000_000_000,
  agents: [
    {
      agentId: 'pc1',
      closed: [],
      slots: 1,
      running: [{ ...planned, jobId: jobId(1), startMs: 0, endMs: 420_000, announced: false }],
      next: [
        { ...planned, jobId: jobId(2), startMs: 420_000, endMs: 3_725_000, announced: true, overdue: true },
        { ...planned, jobId: jobId(3), startMs: 3_725_000, announced: false },
      ],
    },
    { agentId: 'pc2', closed: ['not attached', 'cordoned by ops'], slots: 0, running: [], next: [] },
    { agentId: 'pc3', closed: [], slots: 2, running: [], next: [] },
    {
      agentId: 'pc4',
      closed: [],
      slots: 1,
      running: [
        {
          ...planned,
          ...{ jobId: jobId(1), startMs: 0, endMs: 40_000, announced: false },
          helps: { agentId: 'pc1', position: 7 },
        },
      ],
      next: [],
    },
  ],
  blocked: [{ reason: 'no agent can take it (pc1: lacks label rtx)', jobs: 3, jobIds: [jobId(8), jobId(9)] }],
  waiting: 5,
  placed: 2,
};

async function shown(address: string, ...args: string[]): Promise<readonly string[]> {
  const { code, lines, stderr } = await startCli([...args, '--address', address]).ended;
  assert.equal(stderr, '');
  assert.equal(code, 0);
  return lines;
}

suite('what a controller says', () => {
  test('of a job comes whole through the wire to a program', async () => {
    await using rpc = await startHarness();
    rpc.farm.answer = answer;
    using client = connect({ addresses: [rpc.address] });
    const { job, agents, promisedStart, ...said } = await client.explain(oneJobId);
    assert.equal(job.jobId, oneJobId);
    const { agents: told, promisedStartMs, ...expected } = answer;
    assert.deepEqual(said, expected);
    assert.equal(promisedStart?.getTime(), promisedStartMs);
    assert.deepEqual(
      agents.map(({ expectedCompletionMs, ...rest }) => [expectedCompletionMs, rest]),
      told.map(({ outlook, ...rest }) => {
        const { endInMs, ...others } = outlook ?? {};
        return [endInMs, { ...rest, ...others }];
      }),
    );
  });

  test('of the plan, of speeds, room and forecasts comes whole through the wire to a program', async () => {
    await using rpc = await startHarness();
    rpc.farm.planView = plan;
    const forecastErrors = [{ workClass: 'hd', runs: 12, median: 1.05, p90: 1.6 }];
    rpc.farm.agentViews = [agentView('pc1', { roomBytes: 0, forecastErrors })];
    using client = connect({ addresses: [rpc.address] });
    const { at, ...said } = await client.plan();
    const { atMs, ...expected } = plan;
    assert.deepEqual(said, expected);
    assert.equal(at?.getTime(), atMs);
    const [pc1] = await Array.fromAsync(client.agents());
    assert.deepEqual([pc1?.roomBytes, pc1?.forecastErrors, pc1?.speeds], [0, forecastErrors, []]);
  });

  test('of a job is shown with the answer first', async () => {
    await using rpc = await startHarness();
    rpc.farm.answer = answer;
    const lines = await shown(rpc.address, 'explain', oneJobId);
    assert.equal(lines[0], `${oneJobId} ${answer.summary}`);
    assert.match(
      lines[2] ?? '',
      /^Promised: {1}a start at 2023-11-1\d .*, which has slipped too far: overdue$/,
    );
    assert.deepEqual(lines.filter((line) => !line.startsWith('Promised')).slice(1), [
      'Planned:  on pc1, start in 7:00, end in 12:12',
      'Basis:    no hd render of pc1 was compared with its forecast yet',
      'Place:    3 in the order',
      'Order:    class: normal',
      '          age: submitted 5 min ago; older jobs of ann come first',
      '',
      'CAN TAKE IT  FREE IN  COPY  MISSING  RENDER  END IN  SPEED',
      'pc1 *        7:00     0:12  3.0 GiB  5:00    12:12   6.1x',
      "  pc1: busy: job x, about 7 min left by its agent's word; speed: median of 12 renders",
      '',
      'Cannot take it:',
      '  pc2, pc4: lacks label rtx; not attached',
    ]);
    const [json] = await shown(rpc.address, 'explain', oneJobId, '--json');
    const said = JSON.parse(json ?? '') as Record<string, unknown>;
    assert.deepEqual([said['planned_end_ms'], said['overdue']], [732_000, true]);
  });

  test('of the plan is shown by agent, in 80 columns', async () => {
    await using rpc = await startHarness();
    rpc.farm.planView = plan;
    const [head, ...lines] = await shown(rpc.address, 'plan');
    assert.match(head ?? '', /^5 jobs wait, 2 planned \(2023-11-1\d .*\); times are from now$/);
    assert.deepEqual(lines, [
      '',
      '  STARTS   ENDS     JOB                                   USER',
      '',
      'pc1: 1 of 1 slot busy',
      `  now      7:00     ${jobId(1)}  ann`,
      `  7:00     1:02:05  ${jobId(2)}  ann  fetching overdue`,
      `  1:02:05           ${jobId(3)}  ann`,
      '',
      'pc2: not attached; cordoned by ops',
      '',
      'pc3: idle',
      '',
      'pc4: 1 of 1 slot busy',
      `  now      0:40     ${jobId(1)}  ann  item 7 for pc1`,
      '',
      'Without a place:',
      '  3 jobs: no agent can take it (pc1: lacks label rtx)',
      `    ${jobId(8)} ${jobId(9)} and 1 more`,
    ]);
    for (const line of lines.slice(0, 7)) assert.ok(line.length <= 80, line);
    const [json] = await shown(rpc.address, 'plan', '--json');
    const said = JSON.parse(json ?? '') as { agents: { next: { start_ms: number }[] }[] };
    assert.equal(said.agents[0]?.next[0]?.start_ms, 420_000);
  });

  test('of the plan is shown again and again until Ctrl-C', async () => {
    await using rpc = await startHarness();
    rpc.farm.planView = { ...plan, waiting: 1 };
    const cli = startCli(['plan', '--watch', '--json', '--address', rpc.address]);
    assert.match(await cli.lines.next(), /"waiting":1,/);
    rpc.farm.planView = { ...plan, waiting: 2 };
    let line = '';
    while (!line.includes('"waiting":2,')) line = await cli.lines.next();
    cli.interrupt();
    const { code, stderr } = await cli.ended;
    assert.deepEqual([code, stderr], [130, '']);
  });
});

function job(n: number): JobInput {
  const items = [{ itemType: 'video', path: '\\\\nas\\Clips\\a.mp4', durationMs: 60_000 } as const];
  return { jobId: jobId(n), userId: 'ana', channelName: 'Kids TV', items };
}

async function runs(client: RenderfarmClient, n: number): Promise<void> {
  for await (const { job: view } of client.watch({ jobIds: [jobId(n)] }))
    if (view.state === 'running') return;
}

test('A farm with an agent says why the second job waits, and shows it behind the first', async () => {
  await using farm = await startMemoryFarm();
  const agent = new WaitingAgent({ agentId: 'pc1', controllers: [farm.address], slots: 1 });
  try {
    using client = connect({ addresses: [farm.address] });
    await client.submit(job(1));
    await runs(client, 1);
    await client.submit(job(2));
    const explanation = await client.explain(jobId(2));
    assert.match(
      explanation.summary,
      /^waits for pc1 \(free in about \d+ s\), the only agent that can take it$/,
    );
    const { plannedAgentId, placeInOrder, agents, plannedStartMs = Number.NaN } = explanation;
    assert.deepEqual([plannedAgentId, placeInOrder, agents.length], ['pc1', 1, 1]);
    const { agents: plans, waiting, placed, blocked } = await client.plan();
    assert.deepEqual([waiting, placed, blocked], [1, 1, []]);
    const [pc1] = plans;
    assert.deepEqual(
      [pc1?.running, pc1?.next].map((jobs) => jobs?.map(({ jobId: id, announced }) => [id, announced])),
      [[[jobId(1), false]], [[jobId(2), true]]],
    );
    assert.ok(Math.abs((pc1?.next[0]?.startMs ?? 0) - plannedStartMs) < 5_000);
    const first = await client.explain(jobId(1));
    assert.match(first.summary, /^running on pc1: \d+ % done/);
    const noneYet = 'no hd render of pc1 was compared with its forecast yet';
    assert.deepEqual([first.basis, first.placeInOrder], [noneYet, undefined]);
    const lines = await shown(farm.address, 'plan');
    assert.match(
      lines.join('\n'),
      new RegExp(`^  (soon|0:\\d\\d) +\\d:\\d\\d +${jobId(2)}  ana  fetching$`, 'm'),
    );
  } finally {
    await agent.stop();
  }
});

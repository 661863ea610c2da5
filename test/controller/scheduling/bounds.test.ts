import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { doubts, pauseOf, refusals } from '../../../controller/scheduling/feasible.ts';
import { effortOf, remainingMs } from '../../../controller/scheduling/forecast.ts';
import type { Placement } from '../../../controller/scheduling/placement.ts';
import { fillFreeSlots, makePlan, type Plan } from '../../../controller/scheduling/plan.ts';
import { defaultTuning, type WaitingJob } from '../../../controller/scheduling/snapshot.ts';
import { type AnyFarm, anyFarm, snapshotOf } from '../../helpers/any-snapshot.ts';
import { agent, attempt, job, noRules, snapshot } from '../../helpers/planner-parts.ts';

interface Span {
  readonly userId: string;
  readonly queue: string;
  readonly from: number;
  readonly to: number;
}

/** Who may count against which limits, and what each allows. */
function limitsOf({
  rules,
  jobs,
  agents,
}: AnyFarm): readonly { name: string; max: number; has(span: Span): boolean }[] {
  const users = new Set([...jobs, ...agents.flatMap(({ running }) => running)].map(({ userId }) => userId));
  const { runningMax, runningPerUserMax } = rules;
  return [
    ...(runningMax === undefined ? [] : [{ name: 'the farm', max: runningMax, has: () => true }]),
    ...[...users].flatMap((user) =>
      runningPerUserMax === undefined
        ? []
        : [{ name: user, max: runningPerUserMax, has: ({ userId }: Span) => userId === user }],
    ),
    ...[...rules.queues].flatMap(([name, queue]) =>
      queue.runningMax === undefined
        ? []
        : [{ name, max: queue.runningMax, has: (span: Span) => span.queue === name }],
    ),
  ];
}

function runningSpans({ agents }: AnyFarm): readonly Span[] {
  return agents.flatMap((each) =>
    each.running.map((run) => ({
      userId: run.userId,
      queue: run.queue,
      from: 0,
      to: remainingMs(each, run),
    })),
  );
}

function spansOf(farm: AnyFarm, placements: readonly Placement[]): readonly Span[] {
  const byId = new Map(farm.jobs.map((each) => [each.jobId, each]));
  return placements.flatMap(({ jobId, startsInMs, endsInMs }) => {
    const placed = byId.get(jobId);
    return placed === undefined
      ? []
      : [{ userId: placed.userId, queue: placed.queue, from: startsInMs, to: endsInMs }];
  });
}

function checkLimits(farm: AnyFarm, placements: readonly Placement[]): void {
  const running = runningSpans(farm);
  const placed = spansOf(farm, placements);
  for (const { name, max, has } of limitsOf(farm)) {
    for (const span of placed.filter(has)) {
      const beside = [...running, ...placed].filter(
        (other) => has(other) && other.from <= span.from && span.from < other.to,
      );
      assert.ok(
        beside.length <= max,
        `${beside.length} of ${name} at a time in ${span.from} ms, with a limit of ${max}`,
      );
    }
  }
}

function checkAgents(farm: AnyFarm, assignments: readonly Placement[]): void {
  for (const each of farm.agents) {
    const given = assignments.filter(({ agentId }) => agentId === each.agentId);
    const free = Math.max(0, each.slots - each.running.length);
    assert.ok(given.length <= free, `${each.agentId} is given ${given.length} jobs for ${free} free slots`);
    const rooms = given.map(({ jobId }) => {
      const placed = farm.jobs.find((one) => one.jobId === jobId);
      return placed === undefined ? 0 : effortOf(placed, each).roomBytes;
    });
    const room = rooms.reduce((sum, bytes) => sum + bytes, 0);
    const alone = given.length === 1 && each.running.length === 0;
    assert.ok(
      room <= each.scratchBytes || alone || given.length === 0,
      `${each.agentId} is promised more room than it has`,
    );
  }
}

function checkFitness(farm: AnyFarm, placements: readonly Placement[]): void {
  for (const { jobId, agentId } of placements) {
    const placed = farm.jobs.find((each) => each.jobId === jobId);
    const there = farm.agents.find((each) => each.agentId === agentId);
    assert.ok(placed !== undefined && there !== undefined);
    assert.deepEqual(refusals(placed, there), []);
    assert.equal(pauseOf(placed, farm.rules), undefined);
    const doubtOf = (each: typeof there) => doubts(placed, each, farm.rules, defaultTuning);
    if (doubtOf(there) === undefined) continue;
    const better = farm.agents.filter(
      (each) => refusals(placed, each).length === 0 && doubtOf(each) === undefined,
    );
    assert.deepEqual(better, [], `${jobId} goes to ${agentId} in spite of: ${doubtOf(there)}`);
  }
}

function checkComplete(farm: AnyFarm, plan: Plan): void {
  const placed = plan.placements.map(({ jobId }) => jobId);
  const unplaceable = plan.unplaceable.map(({ jobId }) => jobId);
  const blocked = farm.jobs
    .filter(
      (each) =>
        pauseOf(each, farm.rules) !== undefined || farm.agents.every((one) => refusals(each, one).length > 0),
    )
    .map(({ jobId }) => jobId);
  assert.equal(new Set(placed).size, placed.length, 'a job has two places');
  assert.deepEqual([...new Set([...placed, ...blocked])].sort(), farm.jobs.map(({ jobId }) => jobId).sort());
  assert.deepEqual(
    placed.filter((id) => blocked.includes(id)),
    [],
  );
  assert.deepEqual(
    unplaceable.filter((id) => !blocked.includes(id)),
    [],
  );
}

describe('any plan', () => {
  it('keeps every limit, now and as long as it looks ahead; slots, room, wishes and doubts; no job is left out', () => {
    fc.assert(
      fc.property(anyFarm, (farm) => {
        const plan = makePlan(snapshotOf(farm));
        checkLimits(farm, plan.placements);
        checkAgents(farm, plan.assignments);
        checkFitness(farm, plan.placements);
        checkComplete(farm, plan);
        for (const { agentId, slots } of farm.agents) {
          const told = plan.announcements.filter((each) => each.agentId === agentId);
          assert.ok(told.length <= slots, `${agentId} is told ${told.length} jobs for ${slots} slots`);
          assert.ok(told.every(({ startsInMs }) => startsInMs > 0));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('that only fills free slots keeps them too, and starts nothing later', () => {
    fc.assert(
      fc.property(anyFarm, (farm) => {
        const filled = fillFreeSlots(snapshotOf(farm));
        assert.ok(filled.every(({ startsInMs }) => startsInMs === 0));
        checkLimits(farm, filled);
        checkAgents(farm, filled);
        checkFitness(farm, filled);
      }),
      { numRuns: 300 },
    );
  });
});

describe('jobs that wait for a limit', () => {
  it('are in nobody’s way: without them every other job has the same place', () => {
    fc.assert(
      fc.property(anyFarm, ({ rules, ...parts }) => {
        // Ann has as many as she may; who else is there is not limited.
        const queues = new Map(
          [...rules.queues].map(([name, { runningMax: _, weight: __, ...rest }]) => [name, rest]),
        );
        const longMs = 3e10;
        const mine = attempt(longMs, { userId: 'ann' });
        const full = agent('full', 1, { running: [mine], queues: ['other'] });
        const farm = {
          ...parts,
          agents: [
            full,
            ...parts.agents.map((each) => ({
              ...each,
              running: each.running.map((run) => ({ ...run, userId: `u${run.userId}` })),
            })),
          ],
          rules: { queues, userWeights: rules.userWeights, runningPerUserMax: 1 },
          jobs: parts.jobs.map((each, n) =>
            each.userId === 'ann' ? each : { ...each, userId: `user ${n}` },
          ),
        };
        const tuning = { ...defaultTuning, roundMs: Number.POSITIVE_INFINITY };
        const all = makePlan(snapshotOf(farm, { tuning }));
        const limited = new Set(farm.jobs.filter(({ userId }) => userId === 'ann').map(({ jobId }) => jobId));
        for (const { jobId, startsInMs } of all.placements)
          if (limited.has(jobId)) assert.ok(startsInMs >= longMs, `${jobId} starts in ${startsInMs} ms`);
        const rest = makePlan(
          snapshotOf({ ...farm, jobs: farm.jobs.filter(({ jobId }) => !limited.has(jobId)) }, { tuning }),
        );
        assert.deepEqual(
          all.placements.filter(({ jobId }) => !limited.has(jobId)),
          rest.placements,
        );
      }),
      { numRuns: 300 },
    );
  });

  it('say which limit it is, and start when it allows one more', () => {
    const busy = agent('a', 1, { slots: 4, running: [attempt(90_000), attempt(30_000)] });
    const rules = { ...noRules, runningPerUserMax: 2 };
    const plan = makePlan(snapshot([job('j1'), job('j2'), job('j3', { userId: 'ben' })], [busy], { rules }));
    assert.deepEqual(
      plan.placements.map(({ jobId, startsInMs, limit }) => [jobId, startsInMs, limit]),
      [
        ['j3', 0, undefined],
        ['j1', 30_000, 'limit of user ann: 2 at a time'],
        ['j2', 90_000, 'limit of user ann: 2 at a time'],
      ],
    );
  });
});

describe('queues', () => {
  it('do not block each other, paused, full or without an agent', () => {
    const others = ['paused', 'full', 'nobody'].flatMap((queue) =>
      Array.from({ length: 120 }, (_, n) =>
        job(`j${n}`, { jobId: `${queue}${n}`, queue, priority: 'urgent', userId: queue }),
      ),
    );
    const rules = {
      ...noRules,
      queues: new Map([
        ['paused', { softRunMs: 1e9, paused: 'paused' }],
        ['full', { softRunMs: 1e9, runningMax: 1 }],
      ]),
    };
    const queues = ['default_queue', 'paused', 'full'];
    const agents = [
      agent('a', 2, { queues, running: [attempt(1_000)] }),
      agent('b', 1, { queues }),
      agent('c', 1, { queues: ['full'], running: [attempt(1e9, { queue: 'full' })] }),
    ];
    const mine = [1, 2, 3].map((n) => job(`j${n}`));
    const alone = makePlan(snapshot(mine, agents, { rules }));
    const plan = makePlan(snapshot([...others, ...mine], agents, { rules }));
    assert.equal(alone.assignments.length, 1);
    assert.deepEqual(
      plan.placements.filter(({ jobId }) => jobId.startsWith('j')),
      alone.placements,
    );
  });
});

describe('a job behind those that cannot start', () => {
  const ofFull = (count: number, changes: Partial<WaitingJob> = {}) =>
    Array.from({ length: count }, (_, n) => job(`f${n}`, { queue: 'full', ...changes }));
  const rules = { ...noRules, queues: new Map([['full', { softRunMs: 1e9, runningMax: 1 }]]) };
  const queues = ['default_queue', 'full'];
  const elsewhere = (etaMs: number) =>
    agent('c', 1, { queues: ['full'], running: [attempt(etaMs, { queue: 'full' })] });
  const placesOfMine = (plan: Plan) => plan.placements.filter(({ jobId }) => jobId.startsWith('j'));

  it('is planned as if they were not there, be they more than a plan looks at, of a higher class, and of its own user', () => {
    const agents = [
      agent('a', 2, { queues, running: [attempt(1_000)] }),
      agent('b', 1, { queues }),
      elsewhere(1e9),
    ];
    const mine = [1, 2, 3].map((n) => job(`j${n}`));
    const other = [4, 5, 6, 7].map((n) => job(`j${n}`, { userId: 'ben' }));
    const alone = makePlan(snapshot([...mine, ...other], agents, { rules }));
    for (const changes of [{ userId: 'eve', priority: 'urgent' }, { submittedAtMs: 0 }] as const) {
      const plan = makePlan(snapshot([...ofFull(250, changes), ...mine, ...other], agents, { rules }));
      assert.deepEqual(placesOfMine(plan), placesOfMine(alone));
      assert.deepEqual(
        plan.announcements.filter(({ agentId }) => agentId === 'a').map(({ jobId }) => jobId),
        alone.announcements.filter(({ agentId }) => agentId === 'a').map(({ jobId }) => jobId),
      );
      assert.ok(
        plan.placements.every(
          ({ jobId, limit }) => jobId.startsWith('j') || limit === 'limit of full: 1 at a time',
        ),
      );
    }
  });

  it('comes after the one that is next when the limit allows it, where that may have the agent first', () => {
    const only = agent('c', 1, { queues, running: [attempt(5_000, { queue: 'full' })] });
    const plan = makePlan(snapshot([...ofFull(250), job('j900')], [only], { rules }));
    assert.deepEqual(
      plan.placements.slice(0, 2).map(({ jobId, startsInMs }) => [jobId, startsInMs]),
      [
        ['f0', 5_000],
        ['j900', 65_000],
      ],
    );
    assert.equal(plan.placements.length, 202, 'what each of the next waits for is known');
  });

  it('takes the slot that a large one has no room for, until that is overdue', () => {
    const two = agent('a', 1, { slots: 2, scratchBytes: 100, running: [attempt(3_600_000)] });
    const startsOf = (overdue: boolean) => {
      const promise = { madeAtMs: 0, startAtMs: 0, overdue };
      const large = job('j1', { workBytes: 200, priority: 'high', promise });
      const plan = makePlan(snapshot([large, job('j2', { workBytes: 10 })], [two]));
      return Object.fromEntries(plan.placements.map(({ jobId, startsInMs }) => [jobId, startsInMs]));
    };
    const { j1 = 0, j2 } = startsOf(false);
    assert.equal(j2, 0);
    assert.ok(j1 > 0);
    assert.deepEqual(startsOf(true), { j1: 3_600_000, j2: 3_600_000 });
  });
});

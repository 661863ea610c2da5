import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { makePlan, type Plan } from '../../../controller/scheduling/plan.ts';
import { defaultTuning, type FarmRules, type WaitingJob } from '../../../controller/scheduling/snapshot.ts';
import { anyFarm, snapshotOf } from '../../helpers/any-snapshot.ts';
import { PlannedFarm } from '../../helpers/planned-farm.ts';
import { agent, attempt, job, noRules, seededNumbers, snapshot } from '../../helpers/planner-parts.ts';

describe('limits over a day of arrivals and ends', () => {
  it('hold at every moment, and every job comes to its turn', () => {
    fc.assert(
      fc.property(fc.noShrink(fc.nat(1e6)), (seed) => {
        const random = seededNumbers(seed);
        const noise = () => 0.5 + random();
        const queues = ['default_queue', 'gpu_queue'];
        const rules: FarmRules = {
          queues: new Map([['gpu_queue', { softRunMs: 1e12, runningMax: 2 }]]),
          userWeights: new Map(),
          runningMax: 5,
          runningPerUserMax: 3,
        };
        const agents = [agent('a', 1, { slots: 4, queues }), agent('b', 0.5, { slots: 4, queues })];
        const farm = new PlannedFarm({ agents, rules, etaNoise: noise, workNoise: noise });
        const check = () => {
          const count = (test: (one: WaitingJob) => boolean) =>
            farm.running.filter((each) => test(each.job)).length;
          assert.ok(farm.running.length <= 5);
          assert.ok(count(({ queue }) => queue === 'gpu_queue') <= 2);
          for (const user of ['ann', 'ben']) assert.ok(count(({ userId }) => userId === user) <= 3);
          // No slot stays free without a reason: somebody could have had it.
          const could = [...farm.waiting.values()].filter(
            (one) =>
              count(({ userId }) => userId === one.userId) < 3 &&
              (one.queue !== 'gpu_queue' || count(({ queue }) => queue === 'gpu_queue') < 2),
          );
          if (farm.running.length === 0) assert.equal(could.length, 0);
        };
        for (let n = 0; n < 80; n += 1) {
          farm.submit(
            job(`j${n}`, {
              userId: random() < 0.6 ? 'ann' : 'ben',
              queue: random() < 0.5 ? 'gpu_queue' : 'default_queue',
              outputMs: 60_000 * (1 + 30 * random()),
            }),
          );
          check();
          const untilMs = farm.nowMs + random() * 600_000;
          while (farm.passTo(untilMs)) check();
        }
        while (farm.passToEnd()) check();
        assert.equal(farm.waiting.size, 0);
        assert.equal(farm.ended.length, 80);
      }),
      { numRuns: 10 },
    );
  });
});

describe('jobs that wait for a limit', () => {
  it('are in nobody’s way: without them every other job has the same place', () => {
    fc.assert(
      fc.property(anyFarm, ({ rules, ...parts }) => {
        // Ann has as many as she may; who else is there is not limited.
        const queues = new Map(
          [...rules.queues].map(([name, { softRunMs, paused }]) => [
            name,
            { softRunMs, ...(paused !== undefined && { paused }) },
          ]),
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

  it('stay where they were announced, though another agent is free', () => {
    const rules = { ...noRules, runningPerUserMax: 1 };
    const where = (announcedForMs: number) => {
      const announced = new Map([['j1', announcedForMs]]);
      const agents = [
        agent('told', 1, { slots: 1, running: [attempt(30_000)], announced }),
        agent('free', 1),
      ];
      return makePlan(snapshot([job('j1')], agents, { rules })).placements[0]?.agentId;
    };
    assert.equal(where(60_000), 'told');
    assert.equal(where(130_000), 'told', 'half a minute is not gain enough');
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

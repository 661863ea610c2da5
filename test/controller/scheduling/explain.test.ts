import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { explainWait } from '../../../controller/scheduling/explain.ts';
import { Charges, flowOf } from '../../../controller/scheduling/fair-share.ts';
import { makePlan } from '../../../controller/scheduling/plan.ts';
import { defaultTuning, type Snapshot, type WaitingJob } from '../../../controller/scheduling/snapshot.ts';
import { anyFarm, snapshotOf } from '../../helpers/any-snapshot.ts';
import { agent, attempt, job, noRules, nowMs, snapshot, whyOf } from '../../helpers/planner-parts.ts';

const minute = 60_000;
const hour = 60 * minute;
const gib = 2 ** 30;

describe('the one sentence', () => {
  it('says what a job waits for, and why it does not take what is free', () => {
    const waiting = job('j1', { outputMs: hour });
    const agents = [agent('pc1', 12, { running: [attempt(7 * minute)] }), agent('pc3', 1)];
    const why = whyOf(snapshot([waiting], agents), waiting);
    const there = 'there it would end about 48 min later';
    assert.equal(
      why.summary,
      `waits for pc1 (free in about 7 min), 12 times as fast as pc3, which is free now: ${there}`,
    );
    assert.equal(
      why.basis,
      "pc1 renders job running, about 7 min left by its agent's word; no hd render of pc1 was compared with its forecast yet",
    );
  });

  it('tells of files where they are the reason, and of the next best where none is free', () => {
    const present = new Map([['pc1', { bytes: 100 * gib, outputMs: 0 }]]);
    const waiting = job('j1', { sourceBytes: 100 * gib, present });
    const copyBytesPerMs = gib / 10_000;
    const busy = agent('pc1', 1, { running: [attempt(minute)], copyBytesPerMs });
    const free = whyOf(snapshot([waiting], [busy, agent('pc2', 1, { copyBytesPerMs })]), waiting).summary;
    assert.match(
      free,
      /^waits for pc1 \(.*\), which has its files, not for pc2, which is free now: there it/,
    );
    const pc2 = agent('pc2', 1, { copyBytesPerMs, running: [attempt(minute)] });
    const none = whyOf(snapshot([waiting], [busy, pc2]), waiting).summary;
    assert.equal(
      none,
      'waits for pc1 (free in about 60 s); on pc2, the next best, it would end 16 min later',
    );
  });

  it('names the limit that is reached', () => {
    const rules = { ...noRules, runningPerUserMax: 1 };
    const agents = [agent('pc1', 1, { running: [attempt(5 * minute)] }), agent('pc2', 1)];
    const why = whyOf(snapshot([job('j1')], agents, { rules }), job('j1'));
    assert.match(
      why.summary,
      /^waits for the limit of user ann: 1 at a time; expected on pc[12] in about 5 min$/,
    );
    assert.match(why.basis, /^the limit of user ann: 1 at a time is reached until a job ends; /);
  });

  it('says that a job starts now, or that it is to miss its deadline', () => {
    const waiting = job('j1', { outputMs: hour, deadlineMs: nowMs + 40 * minute });
    const why = whyOf(snapshot([waiting], [agent('pc1', 1)]), waiting);
    assert.equal(why.summary, 'starts now on pc1; it is expected to miss its deadline by 20 min');
  });

  it('says of a job behind those that are planned how far behind it is', () => {
    const jobs = Array.from({ length: 8 }, (_, n) => job(`j${n}`));
    const shot = snapshot(jobs, [agent('pc1', 1, { running: [attempt(minute)] })], {
      tuning: { ...defaultTuning, jobsMax: 5 },
    });
    const why = whyOf(shot, job('j6'));
    assert.equal(why.place, 7);
    assert.equal(
      why.summary,
      'waits behind the first 5 jobs in the order, which are all that is planned ahead (it is number 7)',
    );
    // Its answer there: behind all five.
    assert.equal(why.agents[0]?.outlook?.freeInMs, 6 * minute);
    const late = whyOf(shot, job('j9'));
    assert.equal(late.place, undefined);
  });

  it('says of a job that came after the plan that the next one has it', () => {
    assert.match(
      whyOf(snapshot([job('j1')], [agent('pc1', 1)]), job('j2')).summary,
      /^has come since the last plan/,
    );
  });
});

describe('the place in the order', () => {
  it('leaves out what was assigned since, and jobs that nobody can take', () => {
    const jobs = [job('j1'), job('j2', { queue: 'nobody', priority: 'urgent' }), job('j3'), job('j4')];
    const shot = snapshot(jobs, [agent('pc1', 1)]);
    const placeOf = (waiting: WaitingJob) =>
      explainWait({ plan: makePlan(shot), snapshot: shot }, waiting, {
        errorOf: () => undefined,
        isWaiting: (jobId) => jobId !== 'j1',
      }).place;
    assert.deepEqual([job('j3'), job('j4'), job('j2', { queue: 'nobody' })].map(placeOf), [1, 2, undefined]);
  });

  it('is made of class and wait, deadline, fair share, promise and age, in words', () => {
    const waiting = job('j1', {
      priority: 'low',
      submittedAtMs: nowMs - 9 * hour,
      outputMs: hour,
      deadlineMs: nowMs + 40 * minute,
      promise: { madeAtMs: nowMs - hour, startAtMs: nowMs - 30 * minute, overdue: true },
    });
    const charges = new Charges();
    const flow = flowOf(waiting, noRules);
    const other = flowOf({ userId: 'ben', queue: 'default_queue' }, noRules);
    charges.arrived(other);
    charges.charge(flow, 25 * minute);
    const why = whyOf(snapshot([waiting], [agent('pc1', 2)], { charges }), waiting);
    assert.deepEqual(why.order, [
      'class: low, counts as high after 9 h without a start of ann in it',
      'deadline: in 40 min, which is short (rendering takes about 30 min on the fastest agent); first of its class, while ann is not ahead of others',
      'fair share: ann is 25 min of output ahead of whoever has had least (1 other user with jobs that could start)',
      "overdue: its start was expected in 30 min when it was first passed over, 60 min ago, and has slipped too far; first of ann's jobs of its class",
      'age: submitted 9 h ago; older jobs of ann come first',
    ]);
  });

  it('tells of deadlines that are over, out of reach, and far', () => {
    const deadlineOf = (inMs: number) => {
      const waiting = job('j1', { outputMs: hour, deadlineMs: nowMs + inMs });
      return whyOf(snapshot([waiting], [agent('pc1', 2)]), waiting).order[1];
    };
    const takes = 'rendering takes about 30 min on the fastest agent';
    assert.equal(deadlineOf(-5 * minute), "deadline: over for 5 min; first of ann's jobs of its class");
    assert.equal(
      deadlineOf(10 * minute),
      `deadline: in 10 min, too soon to be kept (${takes}); first of ann's jobs of its class`,
    );
    assert.equal(deadlineOf(3 * hour), `deadline: in 3 h, far enough to change nothing yet (${takes})`);
  });

  it('tells of queues with a share of their own, and of users who are alone or behind', () => {
    const queues = new Map([['default_queue', { softRunMs: hour, weight: 3 }]]);
    const rules = { ...noRules, queues };
    const charges = new Charges();
    const shot = snapshot([job('j1')], [agent('pc1', 2)], { rules, charges });
    const share = () => whyOf(shot, job('j1')).order[1];
    assert.equal(share(), 'fair share: nobody but ann in default_queue has jobs that could start');
    charges.arrived(flowOf(job('j1'), rules));
    charges.arrived(flowOf(job('j1', { queue: '4k_queue' }), rules));
    const least = 'whoever has had least (1 other share with jobs that could start)';
    assert.equal(share(), `fair share: ann in default_queue (weight 3) is level with ${least}`);
    charges.charge(flowOf(job('j1', { queue: '4k_queue' }), rules), 10 * minute);
    assert.match(share() ?? '', /is 10 min of output behind everybody else/);
  });
});

describe('forecasts', () => {
  it('are told with how good they were there', () => {
    const shot = snapshot([job('j1')], [agent('pc1', 1)]);
    const basisOf = (runs: number, median: number, p90: number) =>
      explainWait({ plan: makePlan(shot), snapshot: shot }, job('j1'), {
        errorOf: (agentId, workClass) => {
          assert.deepEqual([agentId, workClass], ['pc1', 'hd']);
          return { workClass, runs, median, p90 };
        },
        isWaiting: () => true,
      }).basis;
    assert.equal(
      basisOf(12, 1.04, 1.62),
      'the last 12 hd renders of pc1 took 4 % longer than predicted in the median, nine in ten at most 62 % longer than predicted',
    );
    assert.equal(basisOf(1, 0.8, 0.8), 'the last hd render of pc1 took 20 % shorter than predicted');
    assert.equal(
      basisOf(2, 1, 4.5),
      'the last 2 hd renders of pc1 took as long as predicted in the median, nine in ten at most 4.5 times as long as predicted',
    );
  });
});

describe('for any snapshot', () => {
  it('the planned agent and times are the plan’s, every refusal has a reason, and every text is finite', () => {
    fc.assert(
      fc.property(anyFarm, fc.nat(30), (farm, jobsMax) => {
        const shot: Snapshot = snapshotOf(farm, { tuning: { ...defaultTuning, jobsMax } });
        const plan = makePlan(shot);
        for (const waiting of farm.jobs) {
          const why = explainWait({ plan, snapshot: shot }, waiting, {
            errorOf: () => undefined,
            isWaiting: () => true,
          });
          const placement = plan.placements.find(({ jobId }) => jobId === waiting.jobId);
          assert.deepEqual(
            [why.planned?.agentId, why.planned?.startsInMs],
            [placement?.agentId, placement && Math.round(placement.startsInMs)],
          );
          const opinion = why.agents.find(({ agentId }) => agentId === placement?.agentId);
          if (placement !== undefined) assert.equal(opinion?.feasible, true);
          // By itself the agent could begin earlier where a limit keeps the job.
          if (placement !== undefined && placement.limit === undefined && opinion?.outlook !== undefined)
            assert.ok(
              Math.abs(opinion.outlook.endInMs - placement.endsInMs) <= 2,
              JSON.stringify([placement, opinion]),
            );
          assert.deepEqual(
            why.agents.map(({ agentId }) => agentId).sort(),
            shot.agents.map(({ agentId }) => agentId),
          );
          for (const { feasible, reasons } of why.agents) assert.ok(feasible || reasons.length > 0);
          assert.notEqual(why.summary, '');
          assert.doesNotMatch(JSON.stringify(why), /NaN|Infinity|undefined|null/);
        }
      }),
    );
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { explainWait, type WaitExplanation } from '../../../controller/scheduling/explain.ts';
import { Charges, flowOf } from '../../../controller/scheduling/fair-share.ts';
import { makePlan } from '../../../controller/scheduling/plan.ts';
import { defaultTuning, type Snapshot, type WaitingJob } from '../../../controller/scheduling/snapshot.ts';
import { anyFarm, snapshotOf } from '../../helpers/any-snapshot.ts';
import {
  agent,
  attempt,
  forecast,
  job,
  noRules,
  nowMs,
  snapshot,
  whyOf,
} from '../../helpers/planner-parts.ts';

const minute = 60_000;
const hour = 60 * minute;
const gib = 2 ** 30;

function opinionOf(why: WaitExplanation, agentId: string) {
  const opinion = why.agents.find((each) => each.agentId === agentId);
  assert.ok(opinion, `no answer of ${agentId}`);
  return opinion;
}

/** The reasons of the only agent. */
function reasonsOf(waiting: WaitingJob, ...rest: Parameters<typeof agent>): readonly string[] {
  return opinionOf(whyOf(snapshot([waiting], [agent(...rest)]), waiting), rest[0]).reasons;
}

describe('the answer of an agent that cannot take a job', () => {
  it('is every reason at once', () => {
    const wishes = { onlyOn: ['pc9'], notOn: ['pc1'], labels: ['rtx', 'ssd'] };
    const refusedBy = new Map([['pc1', 'declined: no scratch space']]);
    const waiting = job('j1', { wishes, refusedBy, workClass: '4k', shares: ['clips', 'vault'] });
    const changes = {
      liveness: 'suspect',
      closed: ['cordoned by ops (new driver)', 'sick: 3 jobs failed'],
      queues: ['4k_queue'],
      labels: ['ssd'],
      slots: 0,
      classes: new Map([['hd', forecast(1)]]),
      lacks: new Map([['4k', 'no encoder passed a test encode at 2160p']]),
    } as const;
    assert.deepEqual(reasonsOf(waiting, 'pc1', 1, changes), [
      'suspect: not heard for a while',
      'cordoned by ops (new driver)',
      'sick: 3 jobs failed',
      'has no slot',
      'not subscribed to default_queue',
      'no encoder passed a test encode at 2160p',
      'does not reach share vault',
      'the job is to run only on pc9',
      'the job is not to run there',
      'lacks label rtx',
      'declined: no scratch space',
    ]);
  });

  it('names a class of work that nothing more is known of, and an agent that is away', () => {
    const waiting = job('j1', { workClass: '8k' });
    assert.deepEqual(reasonsOf(waiting, 'pc1', 1, { liveness: 'detached' }), [
      'not attached',
      'does not render 8k',
    ]);
  });

  it('is the pause of its queue, on every agent', () => {
    const queues = new Map([['default_queue', { softRunMs: hour, paused: 'paused by ops (new codec)' }]]);
    const shot = snapshot([job('j1')], [agent('pc1', 1)], { rules: { ...noRules, queues } });
    const why = whyOf(shot, job('j1'));
    assert.equal(why.summary, 'default_queue is paused by ops (new codec)');
    assert.deepEqual(opinionOf(why, 'pc1').reasons, ['default_queue is paused by ops (new codec)']);
    assert.equal(opinionOf(why, 'pc1').feasible, false);
  });

  it('is told together with those that answer alike', () => {
    const shares = { shares: ['results'] };
    const agents = ['pc1', 'pc2', 'pc3'].map((id) => agent(id, 1, shares));
    const why = whyOf(
      snapshot([job('j1')], [...agents, agent('pc4', 1, { liveness: 'detached' })]),
      job('j1'),
    );
    assert.equal(
      why.summary,
      'no agent can take it (pc1, pc2, pc3: does not reach share clips; pc4: not attached)',
    );
  });
});

describe('the answer of an agent that can take a job', () => {
  it('is when it is free, what is to be copied and rendered, and how well that is known', () => {
    const waiting = job('j1', {
      outputMs: 10 * minute,
      sourceBytes: 12 * gib,
      present: new Map([['pc1', { bytes: 2 * gib, outputMs: 0 }]]),
    });
    const pc1 = agent('pc1', 2, {
      running: [attempt(30_000)],
      classes: new Map([['hd', forecast(2, { runs: 12, p90: 1.6 })]]),
      copyBytesPerMs: gib / 10_000,
    });
    const { outlook, reasons, feasible } = opinionOf(whyOf(snapshot([waiting], [pc1]), waiting), 'pc1');
    assert.equal(feasible, true);
    assert.deepEqual(outlook, {
      freeInMs: 30_000,
      startInMs: 30_000,
      missingBytes: 10 * gib,
      // 100 s of copying, of which 30 s pass while it waits.
      copyingMs: 70_000,
      renderingMs: 5 * minute,
      endInMs: 30_000 + 70_000 + 5 * minute,
      speed: 2,
      speedBasis: 'median of 12 renders; one in ten may take 1.6 times as long',
    });
    assert.deepEqual(reasons, ["busy: job running, about 30 s left by its agent's word"]);
  });

  it('says where its speed is known by test encodes only, and what it was told to fetch', () => {
    const announced = new Map([['j1', 1_000]]);
    const classes = new Map([['hd', forecast(2, { runs: 0 })]]);
    const shot = snapshot([job('j1')], [agent('pc1', 2, { announced, classes })]);
    const { outlook, reasons } = opinionOf(whyOf(shot, job('j1')), 'pc1');
    assert.equal(outlook?.speedBasis, 'test encode only');
    assert.deepEqual(reasons, ['was told to fetch its files']);
  });

  it('counts what is planned before it, and names the end that is waited for', () => {
    const jobs = [job('j1', { outputMs: 2 * minute }), job('j2', { outputMs: 3 * minute }), job('j3')];
    const { etaMs: _unknown, ...running } = attempt(0, { outputMs: minute });
    const ending = [attempt(9 * minute), { ...running, jobId: 'r2', percent: 50, stopping: false }];
    const pc1 = agent('pc1', 1, { slots: 2, running: ending });
    const why = whyOf(snapshot(jobs, [pc1]), job('j3'));
    const { outlook, reasons } = opinionOf(why, 'pc1');
    assert.equal(outlook?.freeInMs, 330_000);
    assert.deepEqual(reasons, [
      "busy: 2 jobs, the first to end is job r2, about 30 s left by its agent's speed",
      '2 jobs before it',
    ]);
    assert.equal(
      why.summary,
      'waits for pc1 (free in about 6 min, 2 jobs before it), the only agent that can take it',
    );
  });

  it('is passed over with its doubt while another one can take the job, and not where it is alone', () => {
    const queues = new Map([['default_queue', { softRunMs: hour }]]);
    const rules = { ...noRules, queues };
    const waiting = job('j1', {
      outputMs: 30 * minute,
      workBytes: 10 * gib,
      avoid: new Map([['bad', 'attempt 1 failed there']]),
    });
    const agents = [
      agent('bad', 9),
      agent('slow', 0.1),
      agent('small', 2, { scratchBytes: gib }),
      agent('good', 1),
    ];
    const why = whyOf(snapshot([waiting], agents, { rules }), waiting);
    const passed = 'passed over while another agent can take it: ';
    assert.deepEqual(
      why.agents.map(({ agentId, reasons }) => [agentId, ...reasons]),
      [
        ['good'],
        ['bad', `${passed}avoided: attempt 1 failed there`],
        ['small', `${passed}too little scratch space: may need 10.0 GiB, has room for 1.0 GiB`],
        ['slow', `${passed}too slow for it: may need 5 h, more than 0.8 of the time limit of 60 min`],
      ],
    );
    const alone = whyOf(snapshot([waiting], [agent('bad', 9)], { rules }), waiting);
    assert.deepEqual(opinionOf(alone, 'bad').reasons, ['avoided: attempt 1 failed there']);
    assert.equal(alone.planned?.agentId, 'bad');
  });

  it('tells what it waits for where its slot is free and its disk is full', () => {
    const waiting = job('j1', { workBytes: 10 * gib });
    const pc1 = agent('pc1', 1, { slots: 2, running: [attempt(4 * minute)], scratchBytes: gib });
    const why = whyOf(snapshot([waiting], [pc1]), waiting);
    assert.equal(why.summary, 'waits for room on pc1, which has 1.0 GiB free now: in about 4 min');
    assert.deepEqual(opinionOf(why, 'pc1').reasons, [
      'has a slot, but no room until a render there ends: needs 10.0 GiB, 1.0 GiB are free',
    ]);
  });
});

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
      'deadline: in 40 min, which is short (rendering takes about 30 min on the fastest agent); first of its class',
      'fair share: ann is 25 min of output ahead of whoever has had least (1 other user with open jobs)',
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
    assert.equal(deadlineOf(-5 * minute), 'deadline: over for 5 min; first of its class');
    assert.equal(
      deadlineOf(10 * minute),
      `deadline: in 10 min, too soon to be kept (${takes}); first of its class`,
    );
    assert.equal(deadlineOf(3 * hour), `deadline: in 3 h, far enough to change nothing yet (${takes})`);
  });

  it('tells of queues with a share of their own, and of users who are alone or behind', () => {
    const queues = new Map([['default_queue', { softRunMs: hour, weight: 3 }]]);
    const rules = { ...noRules, queues };
    const charges = new Charges();
    const shot = snapshot([job('j1')], [agent('pc1', 2)], { rules, charges });
    const share = () => whyOf(shot, job('j1')).order[1];
    assert.equal(share(), 'fair share: nobody but ann in default_queue has open jobs');
    charges.arrived(flowOf(job('j1'), rules));
    charges.arrived(flowOf(job('j1', { queue: '4k_queue' }), rules));
    const least = 'whoever has had least (1 other share with open jobs)';
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

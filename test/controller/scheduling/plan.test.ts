import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { makePlan } from '../../../controller/scheduling/plan.ts';
import { Ranking } from '../../../controller/scheduling/rank.ts';
import { defaultTuning, type Snapshot, type WaitingJob } from '../../../controller/scheduling/snapshot.ts';
import {
  agent,
  attempt,
  forecast,
  job,
  nowMs,
  placesOf,
  snapshot,
  whyOf,
} from '../../helpers/planner-parts.ts';

describe('a plan', () => {
  it('puts the first job on the fastest free agent', () => {
    const plan = makePlan(snapshot([job('j1')], [agent('slow', 1), agent('fast', 10)]));
    assert.deepEqual(
      plan.assignments.map(({ agentId }) => agentId),
      ['fast'],
    );
  });

  it('lets a job wait for a busy, faster agent only where that ends it earlier', () => {
    const agents = (etaMs: number) => [agent('slow', 1), agent('fast', 10, { running: [attempt(etaMs)] })];
    const soon = makePlan(snapshot([job('j1')], agents(10_000)));
    assert.deepEqual(soon.assignments, []);
    assert.deepEqual(
      soon.announcements.map(({ agentId }) => agentId),
      ['fast'],
    );
    const late = makePlan(snapshot([job('j1')], agents(100_000)));
    assert.deepEqual(
      late.assignments.map(({ agentId }) => agentId),
      ['slow'],
    );
  });

  it('waits for a start that does not come true at most four times as long as it takes where a slot is free', () => {
    const liar = agent('liar', 1_000, { running: [attempt(1)] });
    const where = (lateMs: number) => {
      const promise = { madeAtMs: nowMs - lateMs - 1, startAtMs: nowMs - lateMs, overdue: true };
      const [placement] = makePlan(snapshot([job('j1', { promise })], [liar, agent('free', 1)])).placements;
      return placement?.agentId;
    };
    assert.equal(where(239_000), 'liar', 'a minute of output takes a minute there');
    assert.equal(where(241_000), 'free');
  });

  it('lets who has waited go first among those that lose about the same without their best agent', () => {
    const agents = [agent('fast', 2), agent('slow', 1)];
    const first = (waitedMs: number) => {
      const jobs = [
        job('j1', { outputMs: 120_000, submittedAtMs: nowMs - waitedMs, sequence: 9 }),
        job('j2', { outputMs: 300_000, sequence: 1 }),
      ];
      return makePlan(snapshot(jobs, agents)).assignments.find(({ agentId }) => agentId === 'fast')?.jobId;
    };
    assert.equal(first(0), 'j2', 'it loses 150 s and takes as long, the other 60 s');
    assert.equal(first(40_000), 'j2');
    assert.equal(first(50_000), 'j1');
  });

  it('begins with what takes longest where all lose the same without their best agent', () => {
    const twins = [agent('free', 2), agent('busy', 2, { running: [attempt(10_000)] })];
    const jobs = [job('short', { sequence: 1 }), job('long', { outputMs: 600_000, sequence: 2 })];
    const plan = makePlan(snapshot(jobs, twins));
    assert.deepEqual(
      plan.placements.map(({ jobId, agentId }) => [jobId, agentId]),
      [
        ['long', 'free'],
        ['short', 'busy'],
      ],
    );
  });

  it('begins with what is short where more jobs wait than it looks at: the slot is soon free for others', () => {
    const first = (count: number, waitedMs = 0) => {
      const jobs = Array.from({ length: count }, (_, at) =>
        job(`j${at + 1}`, { outputMs: 100_000 - at, submittedAtMs: nowMs - (at === 0 ? waitedMs : 0) }),
      );
      const plan = makePlan(snapshot(jobs, [agent('a', 1)], { tuning: { ...defaultTuning, jobsMax: 10 } }));
      return plan.assignments.map(({ jobId }) => jobId);
    };
    assert.deepEqual(first(10), ['j1'], 'all that wait are looked at: what is long would end alone');
    assert.deepEqual(first(11), ['j10'], 'the shortest of the first ten');
    assert.deepEqual(first(11, 1_000), ['j1'], 'who has waited goes first there too');
  });

  it('leaves its turn to what was announced, before others of its rank that lose more or waited half an hour longer', () => {
    const next = (newcomer: Partial<WaitingJob>) => {
      const announced = new Map([['j1', 10_000]]);
      const busy = agent('a', 1, { running: [attempt(60_000)], announced });
      const other = agent('b', 1, { running: [attempt(90_000_000)] });
      return makePlan(snapshot([job('j1'), job('j2', newcomer)], [busy, other])).announcements[0]?.jobId;
    };
    assert.equal(next({ outputMs: 3_600_000 }), 'j1');
    assert.equal(next({ submittedAtMs: nowMs - 1_700_000 }), 'j1');
    assert.equal(next({ submittedAtMs: nowMs - 1_900_000 }), 'j2', 'four times its wait is more than 2 h');
    assert.equal(next({ priority: 'high' }), 'j2', 'another rank');
  });

  it('never fills a slot that is still held, however soon it is free', () => {
    const plan = makePlan(snapshot([job('j1')], [agent('a', 1, { running: [attempt(0)] })]));
    assert.deepEqual(plan.assignments, []);
    assert.equal(plan.announcements.length, 1);
  });

  it('does not let a 4K job that waits hold back a job that fits', () => {
    const small = agent('small', 2, { classes: new Map([['hd', forecast(2)]]) });
    const plan = makePlan(
      snapshot([job('j1', { workClass: '4k', queue: '4k_queue', priority: 'urgent' }), job('j2')], [small]),
    );
    assert.deepEqual(
      plan.assignments.map(({ jobId }) => jobId),
      ['j2'],
    );
    assert.deepEqual(
      plan.blocked.map(({ needs }) => needs.queue),
      ['4k_queue'],
    );
  });

  it('counts what jobs of a higher class are given before it looks for the agent where a job ends first', () => {
    const agents = [agent('fast', 6, { running: [attempt(60_000)] }), agent('slow', 1)];
    const urgent = job('j1', { priority: 'urgent', outputMs: 36_000_000 });
    const plan = makePlan(snapshot([urgent, job('j2', { outputMs: 3_600_000 })], agents));
    assert.deepEqual(
      plan.placements.map(({ jobId, agentId }) => [jobId, agentId]),
      [
        ['j1', 'fast'],
        ['j2', 'slow'],
      ],
    );
  });

  it('gives an agent first to the job that loses most without it', () => {
    const only = agent('both', 2);
    const hd = agent('hd', 1.9, { classes: new Map([['hd', forecast(1.9)]]) });
    const plan = makePlan(snapshot([job('j1'), job('j2', { workClass: '4k' })], [only, hd]));
    assert.deepEqual(
      plan.assignments.map(({ jobId, agentId }) => [jobId, agentId]),
      [
        ['j2', 'both'],
        ['j1', 'hd'],
      ],
    );
  });

  it('announces at most one job per slot', () => {
    const jobs = [1, 2, 3, 4].map((n) => job(`j${n}`));
    const plan = makePlan(snapshot(jobs, [agent('a', 1, { running: [attempt(5_000)] })]));
    assert.deepEqual(
      plan.announcements.map(({ jobId }) => jobId),
      ['j1'],
    );
  });

  it('moves an announcement between busy agents only for a large gain, and not twice in two minutes', () => {
    const busy = (announcedMs: number, gainMs: number) => [
      agent('a', 1, { running: [attempt(100_000 + gainMs)], announced: new Map([['j1', announcedMs]]) }),
      agent('b', 1, { running: [attempt(100_000)] }),
    ];
    const where = (announcedMs: number, gainMs: number) =>
      makePlan(snapshot([job('j1')], busy(announcedMs, gainMs))).announcements[0]?.agentId;
    assert.equal(where(121_000, 59_000), 'a');
    assert.equal(where(121_000, 61_000), 'b');
    assert.equal(where(119_000, 61_000), 'a');
  });

  it('passes over an agent that is to be avoided only while another one is feasible', () => {
    const avoid = new Map([['fast', 'failed there']]);
    const both = makePlan(snapshot([job('j1', { avoid })], [agent('slow', 1), agent('fast', 10)]));
    assert.equal(both.assignments[0]?.agentId, 'slow');
    const alone = makePlan(snapshot([job('j1', { avoid })], [agent('fast', 10)]));
    assert.equal(alone.assignments[0]?.agentId, 'fast');
  });

  it('is the same for the same snapshot, fills no slot twice, and leaves no job out', () => {
    const jobs = fc.array(
      fc.record({
        workClass: fc.constantFrom('hd', '4k'),
        outputMs: fc.integer({ min: 1_000, max: 5_000_000 }),
        priority: fc.constantFrom('low', 'normal', 'high', 'urgent'),
        queue: fc.constantFrom('default_queue', '4k_queue', 'nobody'),
      }),
      { maxLength: 30 },
    );
    const agents = fc.array(
      fc.record({
        speed: fc.integer({ min: 1, max: 50 }),
        slots: fc.integer({ min: 0, max: 3 }),
        etas: fc.array(fc.nat(100_000), { maxLength: 3 }),
      }),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(jobs, agents, (someJobs, someAgents) => {
        const shot = snapshot(
          someJobs.map((part, index) => job(`j${index}`, part)),
          someAgents.map(({ speed, slots, etas }, index) => {
            const running = etas.slice(0, slots).map((etaMs) => attempt(etaMs));
            return agent(`a${index}`, speed, { running, slots });
          }),
        );
        const plan = makePlan(shot);
        assert.deepEqual(placesOf(makePlan(shot)), placesOf(plan));
        const blocked = someJobs.filter(({ queue, workClass }) =>
          plan.blocked.some(({ needs }) => needs.queue === queue && needs.workClass === workClass),
        );
        assert.equal(plan.placements.length + plan.unplaceable.length + blocked.length, someJobs.length);
        for (const { agentId, slots, running } of shot.agents) {
          const given = plan.assignments.filter((placement) => placement.agentId === agentId).length;
          assert.ok(
            given <= slots - running.length,
            `${agentId} got ${given} jobs for ${slots - running.length} free slots`,
          );
          assert.ok(plan.announcements.filter((placement) => placement.agentId === agentId).length <= slots);
        }
      }),
    );
  });
});

describe('the order', () => {
  const hour = 3_600_000;
  const jobs = [
    job('j1', { priority: 'low' }),
    job('j2'),
    job('j3', { priority: 'high' }),
    job('j4', { priority: 'low', submittedAtMs: nowMs - 8 * hour, sequence: 0 }),
  ];

  it('is by class, then age; a wait of four hours gains a class', () => {
    assert.deepEqual(orderOf(snapshot(jobs, [])), ['j4', 'j3', 'j2', 'j1']);
  });

  it('of overdue jobs of one flow is that of their promises, before age, and before what is not overdue', () => {
    const promised = (jobId: string, startAtMs: number, sequence: number) =>
      job(jobId, { sequence, promise: { madeAtMs: nowMs - hour, startAtMs, overdue: true } });
    const late = [promised('j1', nowMs - 60_000, 1), promised('j2', nowMs - 120_000, 2)];
    assert.deepEqual(orderOf(snapshot([job('j0', { sequence: 0 }), ...late], [])), ['j2', 'j1', 'j0']);
  });
});

function orderOf(shot: Snapshot): readonly string[] {
  const ranking = new Ranking(
    shot,
    shot.lines.map((line) => ({ line, speed: 1 })),
  );
  const order: string[] = [];
  for (let ranked = ranking.next(); ranked !== undefined; ranked = ranking.next())
    order.push(ranked.job.jobId);
  return order;
}

describe('explain', () => {
  it('names every agent with its reason', () => {
    const waiting = job('j1', { shares: ['clips', 'vault'] });
    const shot = snapshot(
      [waiting],
      [agent('a', 1, { queues: [] }), agent('b', 1, { liveness: 'detached' }), agent('c', 1)],
    );
    const why = whyOf(shot, waiting);
    assert.deepEqual(
      why.agents.map(({ agentId, feasible, reasons }) => [agentId, feasible, reasons]),
      [
        ['a', false, ['not subscribed to default_queue', 'does not reach share vault']],
        ['b', false, ['not attached', 'does not reach share vault']],
        ['c', false, ['does not reach share vault']],
      ],
    );
    assert.match(why.summary, /^no agent can take it \(b: .*; c: does not reach share vault\)$/);
  });

  it('says at once when nobody is subscribed, and when nobody is attached', () => {
    assert.equal(whyOf(snapshot([job('j1')], []), job('j1')).summary, 'no agent is attached');
    const none = [agent('a', 1, { queues: ['4k_queue'] })];
    assert.equal(
      whyOf(snapshot([job('j1')], none), job('j1')).summary,
      'no agent is subscribed to default_queue',
    );
  });
});

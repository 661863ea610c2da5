import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { countedBudget, unlimitedBudget } from '../../../controller/scheduling/budget.ts';
import { explainWait } from '../../../controller/scheduling/explain.ts';
import { fillFreeSlots, makePlan, type Plan, Planning } from '../../../controller/scheduling/plan.ts';
import { compareRank, placeInOrder } from '../../../controller/scheduling/rank.ts';
import {
  defaultTuning,
  type PlannedAgent,
  type RunningAttempt,
  type Snapshot,
  type WaitingJob,
} from '../../../controller/scheduling/snapshot.ts';
import { inventory } from '../../helpers/agent-messages.ts';
import { jobLines, waitingLines } from '../../helpers/job-lines.ts';

const nowMs = 1_000_000_000;

function job(jobId: string, changes: Partial<WaitingJob> = {}): WaitingJob {
  return {
    jobId,
    queue: 'default_queue',
    userId: 'ann',
    priority: 'normal',
    enable4k: false,
    submittedAtMs: nowMs,
    sequence: Number(jobId.replaceAll(/\D/g, '')),
    estimateMs: 60_000,
    shares: ['clips'],
    refusedBy: new Map(),
    avoid: new Map(),
    ...changes,
  };
}

function agent(agentId: string, framesPerSecond: number, changes: Partial<PlannedAgent> = {}): PlannedAgent {
  const encoder = {
    encoder: 'x',
    rung: 'x',
    hardware: true,
    max: '2160p' as const,
    framesPerSecond,
    sessionsProbed: 1,
  };
  return {
    agentId,
    liveness: 'attached',
    inventory: inventory({ encoders: [encoder] }),
    running: [],
    announced: new Map(),
    ...changes,
  };
}

function attempt(etaMs: number): RunningAttempt {
  return { jobId: 'running', enable4k: false, etaMs, estimateMs: 1, percent: 0, stopping: false };
}

function snapshot(waiting: readonly WaitingJob[], agents: readonly PlannedAgent[]): Snapshot {
  return { nowMs, lines: jobLines(waiting), agents, tuning: defaultTuning };
}

function placesOf(plan: Plan): readonly unknown[] {
  return [plan.placements, plan.announcements, plan.unplaceable, plan.blocked.map(({ key }) => key)];
}

describe('a plan', () => {
  it('puts the first job on the fastest free agent', () => {
    const plan = makePlan(snapshot([job('j1')], [agent('slow', 30), agent('fast', 300)]));
    assert.deepEqual(
      plan.assignments.map(({ agentId }) => agentId),
      ['fast'],
    );
  });

  it('lets a job wait for a busy, faster agent only where that ends it earlier', () => {
    const agents = (etaMs: number) => [agent('slow', 30), agent('fast', 300, { running: [attempt(etaMs)] })];
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

  it('never fills a slot that is still held, however soon it is free', () => {
    const plan = makePlan(snapshot([job('j1')], [agent('a', 30, { running: [attempt(0)] })]));
    assert.deepEqual(plan.assignments, []);
    assert.equal(plan.announcements.length, 1);
  });

  it('does not let a 4K job that waits hold back a job that fits', () => {
    const encoder = {
      encoder: 'x',
      rung: 'x',
      hardware: true,
      max: '1080p' as const,
      framesPerSecond: 60,
      sessionsProbed: 1,
    };
    const small = agent('small', 60, {
      inventory: inventory({ encoders: [encoder], queues: ['default_queue', '4k_queue'] }),
    });
    const plan = makePlan(
      snapshot([job('j1', { enable4k: true, queue: '4k_queue', priority: 'urgent' }), job('j2')], [small]),
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

  it('announces at most one job per slot', () => {
    const jobs = [1, 2, 3, 4].map((n) => job(`j${n}`));
    const plan = makePlan(snapshot(jobs, [agent('a', 30, { running: [attempt(5_000)] })]));
    assert.deepEqual(
      plan.announcements.map(({ jobId }) => jobId),
      ['j1'],
    );
  });

  it('moves an announcement between busy agents only for a large gain, and not twice in two minutes', () => {
    const busy = (announcedMs: number, gainMs: number) => [
      agent('a', 30, { running: [attempt(100_000 + gainMs)], announced: new Map([['j1', announcedMs]]) }),
      agent('b', 30, { running: [attempt(100_000)] }),
    ];
    const where = (announcedMs: number, gainMs: number) =>
      makePlan(snapshot([job('j1')], busy(announcedMs, gainMs))).announcements[0]?.agentId;
    assert.equal(where(121_000, 59_000), 'a');
    assert.equal(where(121_000, 61_000), 'b');
    assert.equal(where(119_000, 61_000), 'a');
  });

  it('passes over an agent that is to be avoided only while another one is feasible', () => {
    const avoid = new Map([['fast', 'failed there']]);
    const both = makePlan(snapshot([job('j1', { avoid })], [agent('slow', 30), agent('fast', 300)]));
    assert.equal(both.assignments[0]?.agentId, 'slow');
    const alone = makePlan(snapshot([job('j1', { avoid })], [agent('fast', 300)]));
    assert.equal(alone.assignments[0]?.agentId, 'fast');
  });

  it('is the same for the same snapshot, fills no slot twice, and leaves no job out', () => {
    const jobs = fc.array(
      fc.record({
        enable4k: fc.boolean(),
        estimateMs: fc.integer({ min: 1_000, max: 5_000_000 }),
        priority: fc.constantFrom('low', 'normal', 'high', 'urgent'),
        queue: fc.constantFrom('default_queue', '4k_queue', 'nobody'),
      }),
      { maxLength: 30 },
    );
    const agents = fc.array(
      fc.record({
        speed: fc.integer({ min: 10, max: 500 }),
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
            const base = agent(`a${index}`, speed, { running: etas.slice(0, slots).map(attempt) });
            return { ...base, inventory: { ...base.inventory, slots } };
          }),
        );
        const plan = makePlan(shot);
        assert.deepEqual(placesOf(makePlan(shot)), placesOf(plan));
        const blocked = someJobs.filter(({ queue, enable4k }) =>
          plan.blocked.some(({ needs }) => needs.queue === queue && needs.enable4k === enable4k),
        );
        assert.equal(plan.placements.length + plan.unplaceable.length + blocked.length, someJobs.length);
        for (const {
          agentId,
          inventory: { slots },
          running,
        } of shot.agents) {
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

describe('a plan that pauses', () => {
  const jobs = Array.from({ length: 30 }, (_, n) => job(`j${n}`, { estimateMs: 1_000 * (n + 1) }));
  const agents = ['a', 'b', 'c'].map((id, n) => agent(id, 30 * (n + 1)));

  it('is the same as one in one go, however often it pauses', () => {
    for (const operations of [1, 7, 40, 10_000]) {
      const planning = new Planning(snapshot(jobs, agents));
      let pauses = 0;
      while (!planning.goOn(countedBudget(operations))) pauses += 1;
      assert.deepEqual(placesOf(planning.plan), placesOf(makePlan(snapshot(jobs, agents))));
      assert.equal(pauses > 0, operations < 10_000, `${operations} operations`);
    }
  });

  it('leaves out jobs that went meanwhile, and goes on behind them', () => {
    const waiting = waitingLines(jobs);
    const [line] = waiting.lines();
    assert.ok(line);
    const byId = new Map(jobs.map((one) => [one.jobId, one]));
    const lines = [
      {
        ...line,
        key: line.key,
        needs: line.needs,
        behind: (previous?: WaitingJob) => byId.get(line.behind(previous)?.jobId ?? ''),
      },
    ];
    const planning = new Planning({ ...snapshot([], agents), lines });
    while (planning.plan.placements.length < 10) planning.goOn(countedBudget(1));
    for (const { jobId } of jobs.slice(5, 25)) waiting.remove(jobId);
    assert.ok(planning.goOn(unlimitedBudget));
    const placed = planning.plan.placements.map(({ jobId }) => jobId);
    // The head of the line was taken before it went: the caller checks what it carries out.
    assert.deepEqual(placed.slice(11), ['j25', 'j26', 'j27', 'j28', 'j29']);
  });

  it('looks at the heads of lines only, however many jobs wait behind them', () => {
    const cost = (count: number) => {
      const many = Array.from({ length: count }, (_, n) =>
        job(`j${n}`, { shares: [n % 2 === 0 ? 'clips' : 'x'] }),
      );
      let operations = 0;
      new Planning(snapshot(many, agents)).goOn({
        spend(more) {
          operations += more;
          return true;
        },
      });
      return operations;
    };
    assert.equal(cost(10_000), cost(1_000));
  });

  it('fills free slots behind the first 200 jobs, which wait for other agents', () => {
    const urgent = Array.from({ length: 300 }, (_, n) =>
      job(`j${n}`, { priority: 'urgent', queue: '4k_queue' }),
    );
    const busy = agent('big', 300, {
      inventory: inventory({ queues: ['4k_queue'], slots: 1 }),
      running: [attempt(1_000)],
    });
    const plan = makePlan(
      snapshot(
        [...urgent, job('j900')],
        [busy, agent('small', 30, { inventory: inventory({ queues: ['default_queue'] }) })],
      ),
    );
    assert.deepEqual(
      plan.assignments.map(({ jobId, agentId }) => [jobId, agentId]),
      [['j900', 'small']],
    );
    assert.equal(plan.placements.length, 201);
  });
});

describe('free slots that cannot wait for the plan', () => {
  it('are filled in order, each once, with what ends first there', () => {
    const busy = agent('busy', 900, { running: [attempt(1)] });
    const shot = snapshot([job('j2'), job('j1'), job('j3')], [agent('slow', 30), agent('fast', 300), busy]);
    assert.deepEqual(
      fillFreeSlots(shot).map(({ jobId, agentId, startsInMs }) => [jobId, agentId, startsInMs]),
      [
        ['j1', 'fast', 0],
        ['j2', 'slow', 0],
      ],
    );
  });

  it('do not take jobs that the agent is refused for', () => {
    const refusedBy = new Map([['a', 'declined']]);
    const shot = snapshot([job('j1', { refusedBy }), job('j2')], [agent('a', 30)]);
    assert.deepEqual(
      fillFreeSlots(shot).map(({ jobId }) => jobId),
      ['j2'],
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
    const order = jobs.toSorted((a, b) => compareRank(a, b, nowMs, defaultTuning));
    assert.deepEqual(
      order.map(({ jobId }) => jobId),
      ['j4', 'j3', 'j2', 'j1'],
    );
    const lines = waitingLines(jobs);
    assert.deepEqual(
      order.map((each) => placeInOrder(each, lines.lines(), nowMs, defaultTuning)),
      [1, 2, 3, 4],
    );
  });
});

describe('explain', () => {
  it('names every agent with its reason', () => {
    const waiting = job('j1', { shares: ['clips', 'vault'] });
    const shot = snapshot(
      [waiting],
      [
        agent('a', 30, { inventory: inventory({ queues: [] }) }),
        agent('b', 30, { liveness: 'detached' }),
        agent('c', 30),
      ],
    );
    const why = explainWait(shot, waiting);
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

  it('says at once when nobody is subscribed, and when nobody has ever attached', () => {
    assert.equal(
      explainWait(snapshot([job('j1')], []), job('j1')).summary,
      'no agent has ever attached to this farm',
    );
    const none = [agent('a', 30, { inventory: inventory({ queues: ['4k_queue'] }) })];
    assert.equal(
      explainWait(snapshot([job('j1')], none), job('j1')).summary,
      'no agent is subscribed to default_queue',
    );
  });
});

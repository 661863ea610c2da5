import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { countedBudget, unlimitedBudget } from '../../../controller/scheduling/budget.ts';
import { fillFreeSlots, makePlan, Planning } from '../../../controller/scheduling/plan.ts';
import { jobLinesOf, waitingLines } from '../../helpers/job-lines.ts';
import { agent, attempt, job, placesOf, snapshot } from '../../helpers/planner-parts.ts';

describe('a plan that pauses', () => {
  const jobs = Array.from({ length: 30 }, (_, n) => job(`j${n}`, { outputMs: 1_000 * (n + 1) }));
  const agents = ['a', 'b', 'c'].map((id, n) => agent(id, n + 1));

  it('is the same as one in one go, however often it pauses', () => {
    for (const operations of [1, 7, 40, 10_000]) {
      const planning = new Planning(snapshot(jobs, agents));
      let pauses = 0;
      while (!planning.goOn(countedBudget(operations))) pauses += 1;
      assert.deepEqual(placesOf(planning.plan), placesOf(makePlan(snapshot(jobs, agents))));
      assert.equal(pauses > 0, operations < 10_000, `${operations} operations`);
    }
  });

  it('has no long steps, also where 200 jobs may change places on 50 agents, and is the same in any pieces', () => {
    const alike = Array.from({ length: 200 }, (_, n) =>
      job(`j${n}`, { outputMs: 60_000 + 997 * ((n * 37) % 200) }),
    );
    const busy = Array.from({ length: 50 }, (_, n) =>
      agent(`a${n}`, 1 + (n % 7), { slots: 2, running: [attempt(10_000 * (n % 13))] }),
    );
    const whole = placesOf(makePlan(snapshot(alike, busy)));
    const costs: number[] = [];
    for (const every of [1, 3]) {
      const planning = new Planning(snapshot(alike, busy));
      const spend = (operations: number): boolean => costs.push(operations) % every > 0;
      for (let turns = 0; !planning.goOn({ spend }); turns += 1) assert.ok(turns < 100_000);
      assert.deepEqual(placesOf(planning.plan), whole);
    }
    const longest = Math.max(...costs);
    assert.ok(longest <= 1 + alike.length + busy.length, `a step of ${longest} operations`);
  });

  it('leaves out jobs that went meanwhile, and goes on behind them', () => {
    const waiting = waitingLines(jobs);
    const lines = jobLinesOf(waiting, jobs);
    const planning = new Planning({ ...snapshot([], agents), lines });
    for (let steps = 0; steps < 10; steps += 1) planning.goOn(countedBudget(1));
    for (const { jobId } of jobs.slice(5, 25)) waiting.remove(jobId);
    assert.ok(planning.goOn(unlimitedBudget));
    const placed = planning.plan.placements.map(({ jobId }) => Number(jobId.slice(1)));
    // What was looked at before it went is in the plan: the caller checks what it carries out.
    const gone = placed.filter((n) => n >= 5 && n < 25);
    assert.deepEqual(gone.toSorted(byNumber), [5, 6, 7, 8, 9]);
    assert.deepEqual(
      placed.filter((n) => n < 5 || n >= 25).toSorted(byNumber),
      [0, 1, 2, 3, 4, 25, 26, 27, 28, 29],
    );
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
    const busy = agent('big', 10, {
      queues: ['4k_queue'],
      running: [attempt(1_000)],
    });
    const plan = makePlan(
      snapshot([...urgent, job('j900')], [busy, agent('small', 1, { queues: ['default_queue'] })]),
    );
    assert.deepEqual(
      plan.assignments.map(({ jobId, agentId }) => [jobId, agentId]),
      [['j900', 'small']],
    );
    assert.equal(plan.placements.length, 201);
  });
});

function byNumber(a: number, b: number): number {
  return a - b;
}

describe('free slots that cannot wait for the plan', () => {
  it('are filled in order, each once, with what ends first there', () => {
    const busy = agent('busy', 30, { running: [attempt(1)] });
    const shot = snapshot([job('j2'), job('j1'), job('j3')], [agent('slow', 1), agent('fast', 10), busy]);
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
    const shot = snapshot([job('j1', { refusedBy }), job('j2')], [agent('a', 1)]);
    assert.deepEqual(
      fillFreeSlots(shot).map(({ jobId }) => jobId),
      ['j2'],
    );
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { countedBudget, unlimitedBudget } from '../../../controller/scheduling/budget.ts';
import { fillFreeSlots, makePlan, Planning } from '../../../controller/scheduling/plan.ts';
import { inventory } from '../../helpers/agent-messages.ts';
import { jobLinesOf, waitingLines } from '../../helpers/job-lines.ts';
import { agent, attempt, job, placesOf, snapshot } from '../../helpers/planner-parts.ts';

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
    const lines = jobLinesOf(waiting, jobs);
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

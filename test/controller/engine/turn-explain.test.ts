import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explanation } from '../../../controller/engine/turn/explanation.ts';
import { planView } from '../../../controller/engine/turn/plan-view.ts';
import { agentView } from '../../../controller/engine/turn/views.ts';
import { countedBudget } from '../../../controller/scheduling/budget.ts';
import { inventory, journalEvent } from '../../helpers/agent-messages.ts';
import {
  agentOrder,
  heldAs,
  jobId,
  jobOrder,
  jobSpec,
  runningFarm,
  TurnFarm,
} from '../../helpers/turn-farm.ts';

function why(farm: TurnFarm, n: number) {
  const said = explanation(farm.state, farm.settings, farm.nowMs, jobId(n));
  assert.ok(said, `job ${n} is unknown`);
  return said;
}

function planOf(farm: TurnFarm) {
  const plan = planView(farm.state, farm.nowMs);
  return {
    ...plan,
    of: (agentId: string) => {
      const agent = plan.agents.find((each) => each.agentId === agentId);
      assert.ok(agent, `${agentId} is not in the plan`);
      return agent;
    },
  };
}

/** A job's output of so many seconds. */
function seconds(n: number, count: number, userId = 'ann') {
  const item = {
    position: 0,
    itemType: 'video',
    path: '\\\\nas\\Clips\\a.mp4',
    durationMs: count * 1_000,
  } as const;
  return jobSpec(n, { userId, items: [item] });
}

/** pc1 runs job 1, by its own word for 100 s more; pc2 is 20 times slower, and free. */
function unequalFarm(): TurnFarm {
  const { farm, pc1, ref } = runningFarm();
  farm.say(pc1, {
    kind: 'progress',
    ref,
    state: 'running',
    percent: 43,
    etaMs: 100_000,
    framesDone: 64,
    framesTotal: 150,
  });
  const speeds = [{ workClass: 'hd', speed: 0.1, runs: 0 }];
  farm.attach('pc2', { inventory: inventory({ hostname: 'pc2', speeds }) });
  return farm;
}

describe('an explanation', () => {
  it('of a waiting job is from the plan that assigns and announces', () => {
    const farm = unequalFarm();
    farm.submit(seconds(2, 120));
    const said = why(farm, 2);
    assert.equal(
      said.summary,
      'waits for pc1 (free in about 2 min), 20 times as fast as pc2, which is free now: there it would end about 17 min later',
    );
    const { plannedAgentId, plannedStartMs, plannedEndMs, placeInOrder, overdue, promisedStartMs } = said;
    assert.deepEqual([plannedAgentId, plannedStartMs, placeInOrder, overdue], ['pc1', 100_000, 1, false]);
    assert.equal(plannedEndMs, 160_000);
    assert.equal(promisedStartMs, farm.nowMs + 100_000);
    assert.match(
      said.basis,
      /^pc1 renders job .*1, about 2 min left by its agent's word; no hd render of pc1/,
    );
    assert.deepEqual(
      said.agents.map(({ agentId, outlook }) => [agentId, outlook?.speedBasis]),
      [
        ['pc1', 'test encode only; one in ten may take 1.5 times as long'],
        ['pc2', 'test encode only; one in ten may take 1.5 times as long'],
      ],
    );
    assert.equal(said.order[0], 'class: normal');
    assert.equal(farm.last('pc1-session-1', 'announce').jobId, jobId(2));
  });

  it('counts the time since the plan', () => {
    const farm = unequalFarm();
    farm.submit(seconds(2, 120));
    farm.nowMs += 700;
    assert.deepEqual([why(farm, 2).plannedStartMs, why(farm, 2).plannedEndMs], [99_300, 159_300]);
    const [next] = planOf(farm).of('pc1').next;
    assert.deepEqual([next?.startMs, next?.endMs], [99_300, 159_300]);
  });

  it('of a running job tells how far it is, and how good forecasts there have been', () => {
    const farm = unequalFarm();
    const { summary, basis, etaMs, agents } = why(farm, 1);
    assert.equal(summary, 'running on pc1: 43 % done, about 2 min left');
    assert.equal(etaMs, 100_000);
    assert.equal(basis, 'no hd render of pc1 was compared with its forecast yet');
    assert.deepEqual(agents, []);
    const record = farm.state.agents.get('pc1');
    assert.ok(record);
    farm.state.agents.set('pc1', { ...record, forecastRatios: { hd: [1.1, 1.2, 3, 0.9] } });
    assert.match(
      why(farm, 1).basis,
      /^the last 4 hd renders of pc1 took 10 % longer than predicted in the median/,
    );
    assert.deepEqual(agentView(farm.state, 'pc1', farm.nowMs).forecastErrors, [
      { workClass: 'hd', runs: 4, median: 1.1, p90: 3 },
    ]);
  });

  it('names agents that the farm knows and that are not there', () => {
    const farm = new TurnFarm();
    farm.attach('pc1');
    farm.order(agentOrder('cordon', 'pc1'));
    farm.restart();
    farm.attach('pc2', { inventory: inventory({ hostname: 'pc2', shares: ['results'] }) });
    farm.submit(jobSpec(1));
    assert.deepEqual(
      why(farm, 1).agents.map(({ agentId, feasible, reasons }) => [agentId, feasible, ...reasons]),
      [
        ['pc2', false, 'does not reach share clips'],
        ['pc1', false, 'not attached', 'cordoned by ops (new driver)'],
      ],
    );
  });

  it('of a held, delayed or recovered job says what it waits for', () => {
    const farm = new TurnFarm();
    farm.submit(jobSpec(1));
    farm.order(jobOrder('hold', 1));
    assert.equal(why(farm, 1).summary, 'held: held by a person');
    farm.submit(jobSpec(2, { notBeforeMs: farm.nowMs + 90 * 60_000 }));
    assert.match(why(farm, 2).summary, /^delayed for 1 h 30 min more: not before /);
    const { farm: running, ref } = runningFarm();
    running.restart();
    running.attach('pc1', { instanceId: 'pc1-2' });
    assert.match(why(running, 1).summary, /^waits for the end of the recovery window/);
    assert.deepEqual(
      planOf(running).blocked.map(({ jobs, jobIds }) => [jobs, jobIds]),
      [[1, [ref.jobId]]],
    );
  });

  it('of a job that no complete plan has seen says so, and nothing is planned for the question', () => {
    const { farm } = runningFarm();
    farm.submit(seconds(2, 120));
    farm.planning = () => countedBudget(1);
    farm.submit(seconds(3, 120));
    assert.match(why(farm, 3).summary, /^has come since the last plan/);
    assert.ok(farm.state.planning !== undefined);
    assert.equal(why(farm, 2).plannedAgentId, 'pc1');
  });
});

describe('the plan', () => {
  it('is empty for a farm without jobs, and names what is closed', () => {
    const farm = new TurnFarm();
    farm.attach('pc1');
    farm.attach('pc2');
    farm.order(agentOrder('drain', 'pc2'));
    const { agents, blocked, waiting, placed } = planOf(farm);
    assert.deepEqual([blocked, waiting, placed], [[], 0, 0]);
    assert.deepEqual(
      agents.map(({ agentId, closed, slots, running, next }) => [agentId, closed, slots, running, next]),
      [
        ['pc1', [], 1, [], []],
        ['pc2', ['draining by ops (new driver)'], 1, [], []],
      ],
    );
  });

  it('shows what runs, what comes next in order, and what is fetched already', () => {
    const farm = unequalFarm();
    farm.submit(seconds(2, 120));
    farm.submit(seconds(3, 240, 'ben'));
    const plan = planOf(farm);
    const { running, next } = plan.of('pc1');
    assert.deepEqual(
      running.map(({ jobId: id, userId, startMs, endMs, announced }) => [
        id,
        userId,
        startMs,
        endMs,
        announced,
      ]),
      [[jobId(1), 'ann', 0, 100_000, false]],
    );
    assert.equal(next.length, 2);
    // Another user's job loses more by waiting; what is being fetched keeps its turn in its class and round.
    assert.deepEqual(
      next.map(({ jobId: id, announced }) => [id, announced]),
      [
        [jobId(2), true],
        [jobId(3), false],
      ],
    );
    assert.ok((next[1]?.startMs ?? 0) >= (next[0]?.endMs ?? Number.NaN));
    assert.deepEqual([plan.waiting, plan.placed], [2, 2]);
  });

  it('gives the turn of what is being fetched to a job of a higher class, which is fetched instead', () => {
    const farm = unequalFarm();
    farm.submit(seconds(2, 120));
    farm.submit({ ...seconds(3, 240, 'ben'), priority: 'high' });
    const { next } = planOf(farm).of('pc1');
    assert.deepEqual(
      next.map(({ jobId: id, announced }) => [id, announced]),
      [
        [jobId(3), true],
        [jobId(2), false],
      ],
    );
  });

  it('has no job twice that was assigned or cancelled since', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.submit(seconds(2, 10));
    farm.submit(seconds(3, 10));
    farm.say(pc1, journalEvent(2, ref, { type: 'encoded' }));
    farm.cancel(jobId(3));
    const ids = planOf(farm).agents.flatMap(({ running, next }) =>
      [...running, ...next].map((job) => job.jobId),
    );
    assert.deepEqual(ids, [jobId(2)]);
  });

  it('puts jobs that no agent can take together, and names the first ten', () => {
    const farm = new TurnFarm();
    farm.attach('pc1');
    for (let n = 1; n <= 12; n += 1) {
      const wishes = { onlyOn: [], notOn: [], labels: ['rtx'] };
      farm.submit(jobSpec(n, { wishes, userId: n % 2 === 0 ? 'ann' : 'ben', enable4k: n > 6 }));
    }
    const { blocked, waiting, placed } = planOf(farm);
    assert.deepEqual(
      blocked.map(({ reason, jobs, jobIds }) => [reason, jobs, jobIds.length]),
      [['no agent can take it (pc1: lacks label rtx)', 12, 10]],
    );
    assert.deepEqual([waiting, placed], [12, 0]);
  });

  it('has an end, however many reasons there are', () => {
    const farm = new TurnFarm();
    farm.attach('pc1');
    for (let n = 1; n <= 105; n += 1) {
      farm.submit(jobSpec(n, { wishes: { onlyOn: [`pc${n + 1}`], notOn: [], labels: [] } }));
    }
    const { blocked, waiting } = planOf(farm);
    assert.deepEqual([blocked.length, waiting], [100, 105]);
  });

  it('shows an attempt that is adopted or away as its agent is', () => {
    const { farm, pc1, ref } = runningFarm();
    farm.run({ kind: 'stream-ended', sessionId: pc1, how: 'closed' });
    assert.deepEqual(planOf(farm).of('pc1').closed, ['not attached']);
    assert.equal(planOf(farm).of('pc1').running.length, 1);
    farm.attach('pc1', { held: [heldAs(ref, 'running')] });
    assert.deepEqual(planOf(farm).of('pc1').closed, []);
  });
});

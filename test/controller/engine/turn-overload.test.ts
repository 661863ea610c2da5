import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Effect, Input } from '../../../controller/engine/turn/inputs.ts';
import { emptyState } from '../../../controller/engine/turn/state.ts';
import { turn } from '../../../controller/engine/turn/turn.ts';
import { countedBudget, type PlanBudget } from '../../../controller/scheduling/budget.ts';
import type { Assign, Inventory } from '../../../proto/agent-link.ts';
import { hello, inventory } from '../../helpers/agent-messages.ts';
import { farmSettings } from '../../helpers/farm-settings.ts';
import { jobId, jobSpec } from '../../helpers/turn-farm.ts';

/** The turn alone, without the checks that cost as much as there are jobs. */
class BareFarm {
  readonly state = emptyState('farm-1', { term: 1, leaderId: 'leader-1' });
  readonly settings = farmSettings();
  /** By job, every assignment that was sent. */
  readonly assigned = new Map<string, Assign[]>();
  nowMs = 1_000_000_000_000;
  planning: () => PlanBudget = () => countedBudget(1_000_000);

  run(...inputs: readonly Input[]): readonly Effect[] {
    const moment = { nowMs: this.nowMs, random: () => 0.5, planning: this.planning() };
    const { effects } = turn(this.state, this.settings, inputs, moment);
    for (const effect of effects) {
      if (effect.kind !== 'send' || effect.message.kind !== 'assign') continue;
      const { ref } = effect.message;
      this.assigned.set(ref.jobId, [...(this.assigned.get(ref.jobId) ?? []), effect.message]);
    }
    return effects;
  }

  tick(): readonly Effect[] {
    this.nowMs += 1_000;
    return this.run({ kind: 'tick' });
  }

  submit(n: number, changes: Parameters<typeof jobSpec>[1] = {}, shares = ['clips']): readonly Effect[] {
    return this.run({
      kind: 'submit',
      replyId: `r${n}`,
      requestId: '',
      bodyHash: '',
      spec: jobSpec(n, { userId: `user-${n % 10}`, ...changes }),
      username: 'ann',
      resolved: [],
      resolution: { queryMs: 1, found: 0, missing: [], resolvedAtMs: this.nowMs },
      shares,
    });
  }

  attach(agentId: string, changes: Partial<Inventory> = {}): void {
    const said = hello(agentId, { inventory: inventory(changes) });
    this.run({ kind: 'attach', replyId: agentId, sessionId: agentId, hello: said });
  }

  /** The agent takes the job and has encoded its last frame: the slot is free. */
  finish(agentId: string, id: string): void {
    const [assign] = this.assigned.get(id) ?? [];
    assert.ok(assign);
    const presence = this.state.presences.get(agentId);
    const number = (this.state.agents.get(agentId)?.ackedEvent ?? 0) + 1;
    assert.ok(presence);
    const { ref } = assign;
    this.run(
      {
        kind: 'message',
        sessionId: agentId,
        message: { kind: 'assignment-reply', ref, accepted: true, presentBytes: 0, presentSegments: 0 },
      },
      {
        kind: 'message',
        sessionId: agentId,
        message: { kind: 'event', number, ref, atMs: this.nowMs, event: { type: 'encoded' } },
      },
    );
  }
}

/** What planning costs, in agents that were looked at. */
function counting(): { spent: number; budget: () => PlanBudget } {
  const count = {
    spent: 0,
    budget: () => ({
      spend(operations: number) {
        count.spent += operations;
        return true;
      },
    }),
  };
  return count;
}

describe('a farm with thousands of queued jobs', () => {
  it('plans at the cost of a short queue, and still takes the most urgent job first', () => {
    const costs = [300, 9_000].map((queued) => {
      const farm = new BareFarm();
      for (let n = 0; n < queued; n += 1) farm.submit(n);
      farm.attach('pc1');
      assert.deepEqual([...farm.assigned.keys()], [jobId(0)]);
      farm.submit(queued, { priority: 'urgent' });
      const count = counting();
      farm.planning = count.budget;
      farm.finish('pc1', jobId(0));
      assert.deepEqual([...farm.assigned.keys()], [jobId(0), jobId(queued)]);
      farm.tick();
      return count.spent;
    });
    assert.equal(costs[0], costs[1]);
  });

  it('tells only whom it concerns: nobody hears of a tick that changes nothing', () => {
    const farm = new BareFarm();
    for (let n = 0; n < 3_000; n += 1) farm.submit(n, {}, ['nowhere']);
    farm.attach('pc1');
    farm.tick();
    assert.deepEqual(
      farm.tick().filter(({ kind }) => kind === 'job-changed'),
      [],
    );
  });

  it('fills free slots at once while a plan goes on over many turns, and no job is assigned twice', () => {
    const farm = new BareFarm();
    // Each look at an agent counts: this plan takes hundreds of turns.
    farm.planning = () => countedBudget(1);
    for (let n = 0; n < 400; n += 1) farm.submit(n);
    const agents = ['a', 'b', 'c', 'd'];
    for (const agent of agents) farm.attach(agent);
    assert.deepEqual([...farm.assigned.keys()], [0, 1, 2, 3].map(jobId), 'no slot waits for the plan');
    let unfinished = 0;
    for (let round = 0; round < 90; round += 1) {
      for (const [id, [assign]] of [...farm.assigned]) {
        const job = farm.state.jobs.get(id);
        if (job?.state !== 'assigned' || assign === undefined) continue;
        farm.finish(job.agentId ?? '', id);
      }
      if (farm.state.planning !== undefined) unfinished += 1;
    }
    assert.ok(unfinished > 80, `${unfinished} turns had a plan under way`);
    assert.ok(farm.assigned.size > 300, `${farm.assigned.size} jobs`);
    for (const [id, messages] of farm.assigned) assert.equal(messages.length, 1, id);
    const order = [...farm.assigned.keys()];
    assert.deepEqual(order, order.toSorted(), 'oldest first');
  });

  it('finishes a plan at last, however little a turn may cost', () => {
    const farm = new BareFarm();
    farm.planning = () => countedBudget(1);
    for (let n = 0; n < 30; n += 1) farm.submit(n);
    farm.attach('pc1');
    let turns = 0;
    while (farm.state.planning !== undefined || farm.state.planStale) {
      turns += 1;
      // Each of 30 jobs is ranked, looks, is placed, and those left look again: 435 times.
      assert.ok(turns < 600, 'it never ends');
      farm.run();
    }
    assert.ok(turns > 20);
    assert.equal(farm.state.announcements.size, 1);
    assert.match(farm.state.waitReasons.get(jobId(20)) ?? '', /waits for pc1/);
  });

  it('lets a queue of jobs that nobody can take hold back nothing', () => {
    const farm = new BareFarm();
    farm.planning = () => countedBudget(50);
    for (let n = 0; n < 5_000; n += 1) farm.submit(n, { priority: 'urgent' }, ['nowhere']);
    for (let n = 5_000; n < 5_010; n += 1) farm.submit(n);
    farm.attach('pc1');
    assert.deepEqual([...farm.assigned.keys()], [jobId(5_000)]);
  });
});

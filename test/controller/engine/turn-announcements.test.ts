import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { QueueOrder } from '../../../controller/engine/orders.ts';
import { countedBudget } from '../../../controller/scheduling/budget.ts';
import type { Inventory } from '../../../proto/agent-link.ts';
import { heartbeat, inventory, journalEvent } from '../../helpers/agent-messages.ts';
import { farmSettings } from '../../helpers/farm-settings.ts';
import { agentOrder, jobId, jobOrder, longJob, priorityOrder, TurnFarm } from '../../helpers/turn-farm.ts';

const minute = 60_000;

/** Two PCs, pc1 a little faster; each runs a job of its own. Copying is none of these tests'. */
class BusyPair {
  readonly farm: TurnFarm;
  readonly sessions: Readonly<Record<'pc1' | 'pc2', string>>;

  constructor(slots = 1, settings: ConstructorParameters<typeof TurnFarm>[0] = {}) {
    const farm = new TurnFarm(settings);
    const attach = (agentId: string, speed: number) => {
      const changes: Partial<Inventory> = {
        speeds: [{ workClass: 'hd', speed, runs: 3 }],
        slots,
        copyBytesPerSecond: 1e12,
      };
      return farm.attach(agentId, { inventory: inventory({ hostname: agentId, ...changes }) });
    };
    this.farm = farm;
    this.sessions = { pc1: attach('pc1', 1), pc2: attach('pc2', 0.9) };
    for (const [n, agentId] of (['pc1', 'pc2'] as const).entries()) {
      for (let slot = 0; slot < slots; slot += 1) {
        farm.submit(
          longJob(100 + 10 * n + slot, 60, { wishes: { onlyOn: [agentId], notOn: [], labels: [] } }),
        );
        const { ref } = farm.assigned(this.sessions[agentId]);
        farm.say(this.sessions[agentId], {
          kind: 'assignment-reply',
          ref,
          accepted: true,
          presentBytes: 0,
          presentSegments: 0,
        });
      }
    }
  }

  /** The agents say so of the end of their newest render, and time passes. */
  eta(minutes: Partial<Record<'pc1' | 'pc2', number>>, passMs = 1_000): void {
    for (const agentId of ['pc1', 'pc2'] as const) {
      const session = this.sessions[agentId];
      const etaMs = minutes[agentId];
      this.farm.say(session, heartbeat);
      if (etaMs === undefined) continue;
      const { ref } = this.farm.assigned(session);
      this.farm.say(session, {
        kind: 'progress',
        ref,
        state: 'running',
        percent: 1,
        framesDone: 1,
        framesTotal: 100,
        etaMs: etaMs * minute,
      });
    }
    this.farm.pass(passMs);
  }

  /** Nothing is heard of the agents' ends, but of them. */
  passHeard(seconds: number): void {
    for (let left = seconds; left > 0; left -= 10) this.eta({}, Math.min(10, left) * 1_000);
  }

  where(n: number): string | undefined {
    return this.farm.state.announcements.get(jobId(n))?.agentId;
  }

  /** What an agent was told last to prefetch, and not to prefetch after all. */
  told(agentId: 'pc1' | 'pc2'): readonly string[] {
    return this.farm.sent.flatMap(({ sessionId, message }) => {
      if (sessionId !== this.sessions[agentId]) return [];
      if (message.kind === 'announce') return [`+${Number(message.jobId.slice(-4))}`];
      return message.kind === 'withdraw' ? [`-${Number(message.jobId.slice(-4))}`] : [];
    });
  }
}

describe('an announcement', () => {
  it('moves when its agent will be late, after two minutes, for more than a minute; both agents are told', () => {
    const pair = new BusyPair();
    pair.eta({ pc1: 20, pc2: 30 });
    pair.farm.submit(longJob(1, 10));
    assert.equal(pair.where(1), 'pc1');
    pair.eta({ pc1: 40 });
    assert.equal(pair.where(1), 'pc1', 'it is young');
    pair.passHeard(120);
    assert.equal(pair.where(1), 'pc2');
    assert.deepEqual([pair.told('pc1'), pair.told('pc2')], [['+1', '-1'], ['+1']]);
    pair.passHeard(130);
    pair.eta({ pc1: 30.5, pc2: 30 });
    assert.equal(pair.where(1), 'pc2', 'to end half a minute sooner is no gain');
  });

  it('is one a slot, and of nobody who takes nothing new', () => {
    const pair = new BusyPair(2);
    for (let n = 1; n <= 8; n += 1) pair.farm.submit(longJob(n, 10));
    const byAgent = () => Map.groupBy(pair.farm.state.announcements.values(), ({ agentId }) => agentId);
    assert.deepEqual([...byAgent()].map(([agentId, all]) => [agentId, all.length]).sort(), [
      ['pc1', 2],
      ['pc2', 2],
    ]);
    pair.farm.order(agentOrder('cordon', 'pc1'));
    assert.deepEqual([...byAgent().keys()], ['pc2']);
    const told = pair.told('pc1');
    assert.equal(told.filter((each) => each.startsWith('-')).length, 2);
    pair.passHeard(200);
    assert.deepEqual([...byAgent().keys()], ['pc2']);
    assert.deepEqual(pair.told('pc1'), told);
    pair.farm.order(agentOrder('uncordon', 'pc1'));
    assert.equal(byAgent().get('pc1')?.length, 2);
  });

  it('gives way at once to a job that was made urgent, and to none that came later', () => {
    const pair = new BusyPair();
    pair.eta({ pc1: 20, pc2: 300 });
    for (const n of [1, 2, 3]) pair.farm.submit(longJob(n, 10));
    assert.deepEqual([pair.where(1), pair.where(3)], ['pc1', undefined]);
    pair.farm.order(priorityOrder(3, 'urgent'));
    assert.deepEqual([pair.where(1), pair.where(3)], [undefined, 'pc1']);
    assert.deepEqual(pair.told('pc1'), ['+1', '-1', '+3']);
    pair.farm.order(priorityOrder(3, 'low'));
    assert.deepEqual(
      [pair.where(1), pair.where(3)],
      ['pc1', undefined],
      'and so does that to a higher class',
    );
    pair.farm.submit(longJob(4, 1));
    assert.equal(pair.where(1), 'pc1', 'its files are being fetched');
  });

  it('goes with its job: held, cancelled, or its queue paused; and comes back with it', () => {
    const pair = new BusyPair();
    pair.farm.submit(longJob(1, 10, { queue: 'gpu_queue' }));
    const order = (kind: QueueOrder['kind']) =>
      pair.farm.order({ kind, queue: 'gpu_queue', reason: 'r', by: 'ops', requestId: '' });
    for (const [away, back] of [
      [() => pair.farm.order(jobOrder('hold', 1)), () => pair.farm.order(jobOrder('release', 1))],
      [() => order('pause'), () => order('resume')],
      [() => pair.farm.cancel(jobId(1)), () => pair.farm.order(jobOrder('retry', 1))],
    ] as const) {
      assert.equal(pair.where(1), 'pc1');
      away();
      assert.equal(pair.where(1), undefined);
      assert.equal(pair.told('pc1').at(-1), '-1');
      back();
    }
    assert.equal(pair.where(1), 'pc1');
  });

  it('is told at once of a job that comes, and not again', () => {
    const pair = new BusyPair();
    pair.farm.submit(longJob(1, 10));
    assert.deepEqual(pair.told('pc1'), ['+1']);
    pair.passHeard(300);
    assert.deepEqual(pair.told('pc1'), ['+1']);
    pair.farm.say(
      pair.sessions.pc1,
      journalEvent(1, pair.farm.assigned(pair.sessions.pc1).ref, { type: 'encoded' }),
    );
    assert.equal(pair.farm.assigned(pair.sessions.pc1).ref.jobId, jobId(1));
    assert.deepEqual(pair.told('pc1'), ['+1'], 'the assignment says it all');
  });
});

describe('a plan that is a few turns old', () => {
  const pauseGpu: QueueOrder = { kind: 'pause', queue: 'gpu_queue', reason: '', by: 'ops', requestId: '' };

  /** Six jobs wait when an agent comes, and a turn may plan no more than so much. */
  function slowlyPlanned(operations: number): TurnFarm {
    const farm = new TurnFarm();
    for (let n = 1; n <= 6; n += 1) farm.submit(longJob(n, 10, { queue: 'gpu_queue', userId: `user ${n}` }));
    farm.planning = () => countedBudget(operations);
    return farm;
  }

  it('starts nothing of a queue that was paused meanwhile, nor does the slot that is filled in a hurry', () => {
    let plannedOn = 0;
    for (const operations of [1, 2, 3, 5, 8, 13, 21]) {
      const farm = slowlyPlanned(operations);
      farm.order(pauseGpu);
      farm.order({ ...pauseGpu, kind: 'resume' });
      farm.attach('pc1', { inventory: inventory({ slots: 8 }) });
      const startedBefore = farm.all('assign').length;
      if (farm.state.planning !== undefined) plannedOn += 1;
      farm.order(pauseGpu);
      for (let turn = 0; turn < 40; turn += 1) farm.pass(1);
      assert.equal(farm.all('assign').length, startedBefore, `with ${operations} operations a turn`);
    }
    assert.ok(plannedOn > 2, `a plan was under way ${plannedOn} times`);
  });

  it('is not carried out for a queue that was paused since it was begun', () => {
    const farm = new TurnFarm();
    farm.order(pauseGpu);
    // So many needs and agents that nothing can be filled in a hurry.
    for (let n = 1; n <= 110; n += 1) {
      const wishes = { onlyOn: [], notOn: [`pc-${n}`], labels: [] };
      farm.submit(longJob(n, 10, { queue: 'gpu_queue', wishes }));
    }
    for (let n = 1; n <= 40; n += 1)
      farm.attach(`agent-${n}`, { inventory: inventory({ hostname: `agent-${n}` }) });
    farm.planning = () => countedBudget(10);
    farm.order({ ...pauseGpu, kind: 'resume' });
    assert.ok(farm.state.planning !== undefined && farm.all('assign').length === 0, 'a plan is under way');
    farm.planning = () => countedBudget(1e9);
    farm.order(pauseGpu);
    assert.equal(farm.state.planning, undefined, 'it is complete');
    assert.equal(farm.all('assign').length, 0);
    farm.order({ ...pauseGpu, kind: 'resume' });
    assert.equal(farm.all('assign').length, 40);
  });

  it('is not carried out where another agent is preferred by now', () => {
    const farm = new TurnFarm();
    const attach = (agentId: string, speed: number) => {
      const speeds = [{ workClass: 'hd', speed, runs: 3 } as const];
      return farm.attach(agentId, { inventory: inventory({ hostname: agentId, speeds }) });
    };
    // So many needs that nothing can be filled in a hurry.
    for (let n = 1; n <= 110; n += 1)
      farm.submit(longJob(n, 10, { wishes: { onlyOn: [`none-${n}`], notOn: [], labels: [] } }));
    for (let n = 1; n <= 40; n += 1) attach(`slow-${n}`, 0.5);
    const fast = attach('fast', 2);
    farm.planning = () => countedBudget(10);
    farm.submit(longJob(200, 10));
    assert.ok(farm.state.planning !== undefined && farm.all('assign').length === 0, 'a plan is under way');
    farm.planning = () => countedBudget(1e9);
    farm.say(fast, { ...heartbeat, scratchAvailableBytes: 0 });
    assert.equal(farm.state.planning, undefined, 'it is complete');
    assert.equal(farm.state.jobs.get(jobId(200))?.agentId, undefined, 'its disk is full since');
    farm.pass(1_000);
    assert.match(farm.state.jobs.get(jobId(200))?.agentId ?? '', /^slow-/);
  });

  it('announces nothing that has left, and assigns nothing twice', () => {
    for (const operations of [1, 2, 3, 5, 8, 13, 21]) {
      const farm = slowlyPlanned(operations);
      farm.attach('pc1', { inventory: inventory({ slots: 2 }) });
      farm.cancel(jobId(5));
      farm.order(jobOrder('hold', 6));
      for (let turn = 0; turn < 40; turn += 1) farm.pass(1);
      const assigned = farm.all('assign').map(({ ref }) => ref.jobId);
      assert.equal(new Set(assigned).size, assigned.length);
      assert.equal(assigned.length, 2);
      for (const id of farm.state.announcements.keys()) assert.equal(farm.jobState(id), 'waiting');
      assert.equal(farm.state.announcements.size, 2);
    }
  });

  it('keeps to the slots, the agents and the limits that there are when it is carried out', () => {
    const { limits } = farmSettings();
    for (const operations of [1, 2, 3, 5, 8, 13, 21]) {
      const farm = new TurnFarm({ limits: { ...limits, runningMax: 3 } });
      for (let n = 1; n <= 6; n += 1) farm.submit(longJob(n, 10));
      farm.planning = () => countedBudget(operations);
      const pc1 = farm.attach('pc1', { inventory: inventory({ slots: 4 }) });
      farm.attach('pc2', { inventory: inventory({ hostname: 'pc2', slots: 4 }) });
      farm.order(agentOrder('cordon', 'pc2'));
      farm.say(pc1, { kind: 'inventory', inventory: inventory({ slots: 2 }) });
      const before = farm.all('assign').length;
      for (let turn = 0; turn < 40; turn += 1) farm.pass(1);
      const assigned = farm.all('assign').length;
      assert.ok(assigned <= 3, `${assigned} run`);
      const onPc1 = [...farm.state.attempts.values()].filter(({ agentId }) => agentId === 'pc1').length;
      assert.ok(onPc1 <= Math.max(2, before), `${onPc1} on pc1`);
    }
  });
});

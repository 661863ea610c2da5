import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { finished, heartbeat, inventory, journalEvent } from '../../helpers/agent-messages.ts';
import { AssistFarm, helping, itemCount, manyItems, released } from '../../helpers/assist-farm.ts';
import { agentOrder, evictOrder, jobSpec } from '../../helpers/turn-farm.ts';

describe('A helper that is lost', () => {
  it('costs its owner nothing but the item, which is given to nobody again; others are', () => {
    const farm = new AssistFarm().begin();
    const pc2 = farm.attach('pc2', helping());
    farm.release(2);
    farm.run({ kind: 'stream-ended', sessionId: pc2, how: 'closed' });
    farm.pass(farm.settings.times.disconnectedMs + 1);
    assert.match(farm.last(farm.pc1, 'item-ended').reason, /not heard of/u);
    const pc3 = farm.attach('pc3', helping());
    assert.deepEqual(
      farm.items(pc3).map((each) => each.item.position),
      [2],
    );
  });

  it('twice with items of one job helps it no more: it may be the job', () => {
    const farm = new AssistFarm().begin();
    const pc2 = farm.attach('pc2', helping());
    const pc3 = farm.attach('pc3', helping());
    farm.release(2);
    farm.release(2, 3);
    for (const sessionId of [pc2, pc3]) farm.run({ kind: 'stream-ended', sessionId, how: 'closed' });
    farm.attach('pc2', { ...helping(), instanceId: 'pc2-2' });
    farm.attach('pc3', { ...helping(), instanceId: 'pc3-2' });
    const given = farm.items().length;
    farm.attach('pc4', helping());
    farm.pass(60_000);
    assert.equal(farm.items().length, given);
  });

  it('goes on with its item when it is back soon, and not when it does not hold it', () => {
    const farm = new AssistFarm().begin();
    const pc2 = farm.attach('pc2', helping());
    farm.release(2);
    const [item] = farm.items(pc2);
    assert.ok(item);
    farm.run({ kind: 'stream-ended', sessionId: pc2, how: 'closed' });
    const again = farm.attach('pc2', { ...helping(), heldItems: [item.item] });
    assert.deepEqual(farm.given, [1]);
    assert.equal(farm.all('item-ended').length, 0);
    farm.run({ kind: 'stream-ended', sessionId: again, how: 'closed' });
    farm.attach('pc2', { ...helping(), instanceId: 'pc2-2' });
    assert.equal(farm.last(farm.pc1, 'item-ended').isDone, false);
  });
});

describe('A helper whose item never ends', () => {
  it('tells so on a new stream, which stays: what else it does goes on', () => {
    const farm = new AssistFarm().begin();
    const pc2 = farm.attach('pc2', helping());
    farm.release(2);
    const [item] = farm.items(pc2);
    assert.ok(item);
    farm.submit(jobSpec(2));
    const { assignmentReplyMs, cancelGraceMs } = farm.settings.times;
    farm.pass(assignmentReplyMs);
    for (const session of [pc2, farm.pc1]) farm.say(session, heartbeat);
    farm.pass(cancelGraceMs);
    assert.deepEqual(farm.ended, [pc2]);
    const again = farm.attach('pc2', { ...helping(), heldItems: [item.item] });
    assert.deepEqual(farm.last(again, 'cancel-item').item, item.item);
    for (let second = 0; second < 60; second += 1) {
      for (const session of [again, farm.pc1]) farm.say(session, heartbeat);
      farm.pass(1_000);
    }
    assert.deepEqual(farm.ended, [pc2]);
    assert.deepEqual(farm.items(again), []);
    farm.finish(again, item, 'stopped');
    assert.equal(farm.assigned(again).ref.jobId, jobSpec(2).jobId);
  });
});

describe('A helper that is cordoned', () => {
  it('finishes its item, unless it is sick too', () => {
    const farm = new AssistFarm().begin();
    const pc2 = farm.attach('pc2', helping({ slots: 4 }));
    const refs = [2, 3, 4].map((n) => {
      farm.submit(jobSpec(n));
      return farm.assigned(pc2).ref;
    });
    farm.release(1);
    assert.equal(farm.items(pc2).length, 1);
    farm.order(agentOrder('cordon', 'pc2'));
    farm.pass(1_000);
    assert.deepEqual(farm.all('cancel-item'), []);
    const problems = [{ code: 'DISK_FULL', message: 'no room' }];
    const failed = finished({ outcome: 'failed', failureClass: 'environment', message: 'no room', problems });
    for (const [index, ref] of refs.entries())
      farm.say(pc2, journalEvent(index + 1, ref, { type: 'finished', finished: failed }));
    farm.pass(1_000);
    assert.ok(farm.state.agents.get('pc2')?.health?.sick);
    assert.equal(farm.all('cancel-item').length, 1);
  });
});

describe('A helper that declines an item', () => {
  const afterDecline = (code: string) => {
    const farm = new AssistFarm().begin();
    const pc2 = farm.attach('pc2', helping());
    farm.release(2);
    const [item] = farm.items(pc2);
    assert.ok(item);
    const declined = { result: 'declined', code, message: code, reused: false, framesEncoded: 0 } as const;
    farm.say(pc2, { kind: 'item-finished', item: item.item, ...declined });
    assert.equal(farm.items(pc2).length, 1);
    for (let n = 0; n < 3; n += 1) {
      for (const session of [pc2, farm.pc1]) farm.say(session, heartbeat);
      farm.pass(5_000);
    }
    const [helped] = farm.state.assist.jobs.values();
    return { given: farm.items(pc2).length, isBarred: helped?.barred.has('pc2') };
  };

  for (const code of ['NO_SLOT', 'BUSY_PROBING', 'JOB_CAME', 'CORDONED', 'SHUTTING_DOWN']) {
    it(`with ${code} is asked again soon`, () => {
      assert.deepEqual(afterDecline(code), { given: 2, isBarred: false });
    });
  }

  it('because it would make another segment is asked no more for this attempt', () => {
    assert.deepEqual(afterDecline('KEY_DIFFERS'), { given: 1, isBarred: true });
  });
});

describe('A controller that is started anew', () => {
  it('keeps the rights that helpers tell of, while their fence lives', () => {
    const farm = new AssistFarm().begin();
    const pc2 = farm.attach('pc2', helping());
    farm.release(2);
    const [item] = farm.items(pc2);
    assert.ok(item);
    farm.restart();
    const owner = farm.attach('pc1', {
      ...helping(),
      held: [{ ref: farm.ref, state: 'running', percent: 5 }],
    });
    const helper = farm.attach('pc2', { ...helping(), heldItems: [item.item] });
    assert.deepEqual(farm.given, [1]);
    farm.finish(helper, item);
    assert.deepEqual(
      [farm.last(owner, 'item-ended').item, farm.last(owner, 'item-ended').isDone],
      [item.item, true],
    );
  });

  it('ends what it cannot know, and counts the slot until it is free', () => {
    const farm = new AssistFarm();
    const item = {
      ref: { jobId: 'gone', fence: { term: 1, counter: 1 } },
      position: 3,
      right: { term: 1, counter: 7 },
    };
    const pc2 = farm.attach('pc2', { ...helping(), heldItems: [item] });
    assert.deepEqual(farm.last(pc2, 'cancel-item').item, item);
    farm.submit(jobSpec(1));
    assert.equal(farm.all('assign').length, 0);
    farm.finish(pc2, { item }, 'stopped');
    assert.equal(farm.assigned(pc2).ref.jobId, jobSpec(1).jobId);
  });

  it('believes no right that only it could have given', () => {
    const farm = new AssistFarm().begin();
    const { epoch, nextFenceCounter } = farm.state;
    const right = { term: epoch.term, counter: nextFenceCounter };
    const liar = farm.attach('pc3', {
      ...helping(),
      heldItems: [{ ref: farm.ref, position: 1, right }],
    });
    assert.deepEqual(farm.last(liar, 'cancel-item').item.right, right);
    assert.deepEqual(farm.given, []);
    const pc2 = farm.attach('pc2', helping());
    farm.release(1);
    const [item] = farm.items(pc2);
    assert.ok(item);
    assert.notDeepEqual(item.item.right, right);
    farm.finish(liar, { item: { ...item.item, right } });
    assert.deepEqual(farm.given, [1], 'it is of another item that the liar told');
    farm.finish(pc2, item);
    assert.equal(farm.last(farm.pc1, 'item-ended').isDone, true);
  });

  it('asks the owner anew: of what was given to nobody both know nothing more', () => {
    const farm = new AssistFarm().begin();
    const pc2 = farm.attach('pc2', helping());
    farm.release(4);
    const before = farm.all('release-items').length;
    farm.run({ kind: 'stream-ended', sessionId: farm.pc1, how: 'closed' });
    farm.pc1 = farm.attach('pc1', { ...helping(), held: [{ ref: farm.ref, state: 'running', percent: 5 }] });
    const [item] = farm.items(pc2);
    assert.ok(item);
    farm.finish(pc2, item);
    assert.equal(farm.items(pc2).length, 1, 'nothing is at hand');
    assert.ok(farm.all('release-items').length > before);
  });
});

describe('An owner', () => {
  it('that has nothing to give is asked again after a while only', () => {
    const farm = new AssistFarm().begin();
    farm.attach('pc2', helping());
    farm.release(0);
    farm.pass(1_000);
    assert.equal(farm.all('release-items').length, 1);
    farm.pass(farm.settings.times.assistAskMs);
    assert.equal(farm.all('release-items').length, 2);
  });

  it('whose job renders every segment anew is not asked', () => {
    const farm = new AssistFarm();
    const options = {
      ...{ noCache: true, keepFailed: false, fullDecode: false },
      ...{ loudnessReport: false, contactSheet: false, preview: false },
    };
    const spec = { ...manyItems(1), options };
    farm.begin({}, spec);
    farm.attach('pc2', helping());
    farm.pass(1_000);
    assert.deepEqual(farm.all('release-items'), []);
  });

  it('is the agent of the job, and nobody else', () => {
    const farm = new AssistFarm().begin();
    const pc2 = farm.attach('pc2', helping());
    farm.say(pc2, { kind: 'items-released', ref: farm.ref, items: [released(1)] });
    farm.say(pc2, { kind: 'items-reclaimed', ref: farm.ref, positions: [1], why: 'own-turn' });
    assert.equal(farm.state.counters.staleEvents, 2);
    assert.deepEqual(farm.items(), []);
  });
});

describe('An agent that is to take nothing', () => {
  for (const [what, order] of [
    ['drained', agentOrder('drain', 'pc2')],
    ['evicted', evictOrder('pc2', 60_000)],
  ] as const) {
    it(`gives its item up when it is ${what}, and is empty when it has`, () => {
      const farm = new AssistFarm().begin();
      const pc2 = farm.attach('pc2', helping());
      farm.release(4);
      const [item] = farm.items(pc2);
      assert.ok(item);
      farm.order(order);
      farm.pass(100);
      assert.deepEqual(farm.last(pc2, 'cancel-item').item, item.item);
      assert.equal(farm.state.agents.get('pc2')?.ordered?.emptySinceMs, undefined);
      farm.finish(pc2, item, 'stopped');
      farm.pass(100);
      assert.ok(farm.state.agents.get('pc2')?.ordered?.emptySinceMs);
      assert.equal(farm.items(pc2).length, 1);
    });
  }

  it('finishes its item when it is only cordoned', () => {
    const farm = new AssistFarm().begin();
    const pc2 = farm.attach('pc2', helping());
    farm.release(4);
    farm.order(agentOrder('cordon', 'pc2'));
    farm.pass(100);
    assert.deepEqual(farm.all('cancel-item'), []);
    const [item] = farm.items(pc2);
    assert.ok(item);
    farm.finish(pc2, item);
    assert.equal(farm.items(pc2).length, 1);
  });
});

describe('A farm without a shared segment cache', () => {
  it('hears nothing of assist', () => {
    const farm = new AssistFarm();
    farm.attach('pc1', { features: ['assist'], inventory: inventory() });
    farm.submit(manyItems(1, itemCount));
    farm.attach('pc2', { features: ['assist'], inventory: inventory() });
    farm.pass(1_000);
    const kinds = new Set(farm.sent.map(({ message }) => message.kind));
    for (const kind of [
      'release-items',
      'assign-item',
      'cancel-item',
      'item-assigned',
      'item-ended',
    ] as const)
      assert.ok(!kinds.has(kind), kind);
  });
});

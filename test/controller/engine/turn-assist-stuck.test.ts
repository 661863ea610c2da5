import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { finished, heartbeat, journalEvent } from '../../helpers/agent-messages.ts';
import { AssistFarm, helping } from '../../helpers/assist-farm.ts';
import { jobSpec } from '../../helpers/turn-farm.ts';

const jobsGiven = (farm: AssistFarm): number =>
  farm.sent.filter(({ message }) => message.kind === 'assign').length;

describe('A helper that cannot end its item', () => {
  const begun = () => {
    const farm = new AssistFarm().begin();
    let session = farm.attach('pc2', helping());
    farm.release(2);
    const [item] = farm.items(session);
    assert.ok(item);
    farm.submit(jobSpec(2));
    const told = { ...helping(), heldItems: [item.item] };
    const wait = (ms: number): void => {
      for (let passed = 0; passed < ms; passed += 1_000) {
        farm.pass(1_000);
        if (farm.ended.includes(session)) session = farm.attach('pc2', told);
        for (const each of [session, farm.pc1]) farm.say(each, heartbeat);
      }
    };
    return { farm, item, told, wait, session: () => session };
  };
  const stuck = () => {
    const all = begun();
    all.wait(all.farm.settings.times.backstopMs - 2_000);
    assert.equal(jobsGiven(all.farm), 1);
    all.wait(5_000);
    return all;
  };
  const alarms = (farm: AssistFarm) =>
    farm.state.alarms.filter(({ event }) => event === 'item-stop-unanswered');

  it('gets jobs again after the backstop, with an alarm', () => {
    const { farm, session } = stuck();
    assert.equal(farm.assigned(session()).ref.jobId, jobSpec(2).jobId);
    assert.deepEqual(
      alarms(farm).map(({ fields }) => fields),
      [{ jobId: jobSpec(1).jobId, position: 1, agentId: 'pc2' }],
    );
  });

  it('keeps its slot while it is quiet: what an agent that is not heard does not say counts for nothing', () => {
    const { farm, wait } = begun();
    const { backstopMs, suspectMs } = farm.settings.times;
    wait(backstopMs - suspectMs - 1_000);
    for (let passed = 0; passed < suspectMs + 3_000; passed += 1_000) {
      farm.pass(1_000);
      farm.say(farm.pc1, heartbeat);
    }
    assert.equal(farm.state.presences.get('pc2')?.suspect, true);
    assert.deepEqual(alarms(farm), []);
    wait(2_000);
    assert.equal(alarms(farm).length, 1);
  });

  it('holds no slot by telling of it again, and is given no item until it has ended', () => {
    const { farm, item, told, session } = stuck();
    const { ref } = farm.assigned(session());
    farm.start(session(), ref, 300);
    farm.cancel(ref.jobId);
    farm.say(
      session(),
      journalEvent(2, ref, { type: 'finished', finished: finished({ outcome: 'cancelled' }) }),
    );
    farm.run({ kind: 'stream-ended', sessionId: session(), how: 'closed' });
    const again = farm.attach('pc2', told);
    assert.deepEqual(farm.last(again, 'cancel-item').item, item.item);
    assert.deepEqual([...farm.state.assist.items.keys()], []);
    farm.release(2, 3);
    farm.say(farm.pc1, heartbeat);
    farm.say(again, heartbeat);
    farm.pass(10_000);
    assert.deepEqual(farm.items(again), []);
    farm.finish(again, item, 'stopped');
    assert.equal(farm.state.assist.abandoned.size, 0);
    assert.equal(farm.items(again).length, 1);
  });

  it('is forgotten with the process that had it', () => {
    const { farm, session } = stuck();
    farm.run({ kind: 'stream-ended', sessionId: session(), how: 'closed' });
    assert.equal(farm.state.assist.abandoned.size, 1);
    farm.attach('pc2', { ...helping(), instanceId: 'pc2-2' });
    assert.equal(farm.state.assist.abandoned.size, 0);
  });
});

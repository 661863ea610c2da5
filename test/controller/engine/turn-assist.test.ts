import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { heartbeat, journalEvent } from '../../helpers/agent-messages.ts';
import { AssistFarm, helping, joinClasses, released } from '../../helpers/assist-farm.ts';
import { jobSpec } from '../../helpers/turn-farm.ts';

describe('An idle agent', () => {
  it('is given what the owner releases when it is asked, one item for each slot', () => {
    const farm = new AssistFarm().begin();
    const pc2 = farm.attach('pc2', helping({ slots: 2 }));
    const ask = farm.last(farm.pc1, 'release-items');
    assert.deepEqual(ask.ref, farm.ref);
    assert.ok(ask.itemsMax >= 2);
    farm.release(4);
    assert.deepEqual(
      farm.items(pc2).map(({ item }) => item.position),
      [1, 2],
    );
    const [first] = farm.items(pc2);
    assert.ok(first);
    assert.deepEqual(first.item.ref, farm.ref);
    assert.equal(first.segmentKey, 'key-1');
    assert.deepEqual(
      first.job.items.map(({ position }) => position),
      [1],
    );
    const told = farm.last(farm.pc1, 'item-assigned');
    assert.deepEqual([told.agentId, told.item.position], ['pc2', 2]);
    assert.ok(told.endsInMs > 4_000 && told.endsInMs < 20_000);
  });

  it('gets the next item at once when it has finished one; the owner hears of it', () => {
    const farm = new AssistFarm().begin();
    const pc2 = farm.attach('pc2', helping());
    farm.release(2);
    const [first] = farm.items(pc2);
    assert.ok(first);
    farm.finish(pc2, first);
    const ended = farm.last(farm.pc1, 'item-ended');
    assert.deepEqual([ended.item, ended.isDone], [first.item, true]);
    const [, second] = farm.items(pc2);
    assert.equal(second?.item.position, 2);
    assert.notDeepEqual(second.item.right, first.item.right);
  });

  it('leaves its item for a job of its own: that is assigned as soon as the slot is free', () => {
    const farm = new AssistFarm().begin();
    const pc2 = farm.attach('pc2', helping());
    farm.release(4);
    const [item] = farm.items(pc2);
    assert.ok(item);
    farm.submit(jobSpec(2));
    const cancel = farm.last(pc2, 'cancel-item');
    assert.deepEqual(cancel.item, item.item);
    assert.equal(farm.all('assign').length, 1, 'not before the slot is free');
    farm.finish(pc2, item, 'stopped');
    assert.equal(farm.assigned(pc2).ref.jobId, jobSpec(2).jobId);
    assert.equal(farm.last(farm.pc1, 'item-ended').isDone, false);
    assert.equal(farm.items(pc2).length, 1, 'it helps no more');
  });

  it('gives up one item for one job, and keeps the others', () => {
    const farm = new AssistFarm().begin();
    const pc2 = farm.attach('pc2', helping({ slots: 3 }));
    farm.release(6);
    assert.equal(farm.items(pc2).length, 3);
    farm.submit(jobSpec(2));
    farm.pass(100);
    farm.pass(100);
    assert.equal(farm.all('cancel-item').length, 1);
  });

  it('that does not stop keeps no job from another agent, and its stream is reset', () => {
    const farm = new AssistFarm().begin({ slots: 1 });
    const pc2 = farm.attach('pc2', helping());
    farm.release(4);
    farm.submit(jobSpec(2, { priority: 'urgent' }));
    assert.equal(farm.all('cancel-item').length, 1);
    farm.pass(farm.settings.times.assignmentReplyMs);
    const pc3 = farm.attach('pc3');
    assert.equal(farm.assigned(pc3).ref.jobId, jobSpec(2).jobId);
    farm.say(pc2, heartbeat);
    farm.pass(farm.settings.times.cancelGraceMs);
    assert.ok(farm.ended.includes(pc2));
    assert.equal(farm.last(farm.pc1, 'item-ended').isDone, false);
  });

  it('does not help while a job waits that it could take, or is announced to it', () => {
    const farm = new AssistFarm().begin();
    // Too slow for anything but waiting for pc1: the job is announced there, and pc2 could take it.
    farm.submit(jobSpec(2));
    farm.attach('pc2', helping({ speeds: [{ workClass: 'hd', speed: 0.0001, runs: 5 }] }));
    assert.equal(farm.jobState('00000000-0000-4000-8000-000000000002'), 'waiting');
    assert.deepEqual(farm.all('release-items'), []);
  });

  const strangers: readonly (readonly [string, Parameters<typeof helping>[0], (readonly string[])?])[] = [
    ['reaches another cache', { segmentCacheId: 'cache-2' }],
    ['has another join class', { joinClasses: joinClasses.map((each) => ({ ...each, id: 'class-2' })) }],
    ['has none for such jobs', { joinClasses: joinClasses.filter(({ enable4k }) => enable4k) }],
    ['is of an older release', {}, ['sources']],
    ['does not serve the queue', { queues: ['other'] }],
    ['does not reach the share', { shares: ['results'] }],
    ['has no slot', { slots: 0 }],
    [
      'would need more than five minutes for an item',
      { speeds: [{ workClass: 'hd', speed: 0.03, runs: 0 }] },
    ],
    ['would copy for half of what it saves', { copyBytesPerSecond: 4e6 }],
  ];
  for (const [what, changes, features] of strangers) {
    it(`that ${what} is given nothing`, () => {
      const farm = new AssistFarm().begin();
      const helper = helping(changes);
      farm.attach('pc2', features === undefined ? helper : { ...helper, features });
      farm.pass(1_000);
      assert.deepEqual(farm.all('release-items'), []);
      assert.deepEqual(farm.items(), []);
    });
  }

  it('is not looked for where assist is off', () => {
    const farm = new AssistFarm({ assist: false }).begin();
    farm.attach('pc2', helping());
    farm.pass(1_000);
    assert.deepEqual(farm.all('release-items'), []);
  });
});

describe('A right to an item', () => {
  it('ends with its fence, in the same turn', () => {
    const farm = new AssistFarm().begin();
    const pc2 = farm.attach('pc2', helping());
    farm.release(4);
    const [item] = farm.items(pc2);
    farm.cancel(farm.ref.jobId);
    assert.deepEqual(farm.last(pc2, 'cancel-item').item, item?.item);
    assert.deepEqual(farm.given, []);
    farm.release(2, 10);
    assert.equal(farm.items().length, 1, 'what its owner still says is old');
  });

  it('ends when the last frame of the attempt is encoded', () => {
    const farm = new AssistFarm().begin();
    const pc2 = farm.attach('pc2', helping());
    farm.release(4);
    farm.say(farm.pc1, journalEvent(2, farm.ref, { type: 'encoded' }));
    assert.equal(farm.last(pc2, 'cancel-item').reason, 'the attempt that it was for is over');
  });

  it('ends when its owner renders the item itself; the helper is told to stop', () => {
    const farm = new AssistFarm().begin();
    const pc2 = farm.attach('pc2', helping());
    farm.release(2);
    const [item] = farm.items(pc2);
    assert.ok(item);
    farm.say(farm.pc1, { kind: 'items-reclaimed', ref: farm.ref, positions: [1], why: 'own-turn' });
    assert.deepEqual(farm.last(pc2, 'cancel-item').item, item.item);
    farm.finish(pc2, item, 'stopped');
    assert.equal(farm.all('item-ended').length, 0, 'the owner knows');
    assert.equal(farm.items(pc2).at(-1)?.item.position, 2, 'its slot helps on');
  });

  it('is not one that the helper was never given', () => {
    const farm = new AssistFarm().begin();
    const pc2 = farm.attach('pc2', helping());
    const pc3 = farm.attach('pc3', helping());
    farm.release(4);
    const [item] = farm.items(pc2);
    assert.ok(item);
    farm.finish(pc3, item);
    farm.finish(pc2, { item: { ...item.item, right: { term: 9, counter: 9 } } });
    assert.equal(farm.all('item-ended').length, 0);
    assert.equal(farm.state.counters.staleEvents, 2);
    assert.deepEqual(farm.given, [1, 2]);
  });

  it('that has failed there is not given there again; the owner may have it rendered elsewhere', () => {
    const farm = new AssistFarm().begin();
    const pc2 = farm.attach('pc2', helping());
    farm.release(2);
    const [item] = farm.items(pc2);
    assert.ok(item);
    farm.say(pc2, {
      ...{ kind: 'item-finished', item: item.item, result: 'failed', reused: false, framesEncoded: 0 },
      ...{ code: 'FFMPEG_FAILED', message: 'no luck' },
    });
    assert.match(farm.last(farm.pc1, 'item-ended').reason, /failed: no luck/u);
    farm.pass(1_000);
    assert.equal(farm.items(pc2).length, 1);
    const pc3 = farm.attach('pc3', helping());
    assert.deepEqual(
      farm.items(pc3).map((each) => each.item.position),
      [1],
    );
  });

  it('that its owner did not find is nobody else to be trusted with there', () => {
    const farm = new AssistFarm().begin();
    const pc2 = farm.attach('pc2', helping());
    farm.release(2);
    const [item] = farm.items(pc2);
    assert.ok(item);
    farm.finish(pc2, item);
    farm.say(farm.pc1, { kind: 'items-reclaimed', ref: farm.ref, positions: [1], why: 'not-in-cache' });
    const given = farm.items(pc2).length;
    const second = farm.items(pc2).at(-1);
    assert.ok(second);
    farm.finish(pc2, second);
    farm.pass(1_000);
    assert.equal(farm.items(pc2).length, given);
  });

  it('is given to one agent only, whatever its owner says twice', () => {
    const farm = new AssistFarm().begin();
    const pc2 = farm.attach('pc2', helping());
    const items = [released(1), released(1), released(99), released(2, { frames: 1e9 })];
    farm.say(farm.pc1, { kind: 'items-released', ref: farm.ref, items });
    farm.attach('pc3', helping());
    farm.say(farm.pc1, { kind: 'items-released', ref: farm.ref, items });
    assert.deepEqual(
      farm.items().map(({ item }) => item.position),
      [1],
    );
    assert.equal(farm.items(pc2).length, 1);
  });

  it('ends where its helper takes too long', () => {
    const farm = new AssistFarm().begin();
    const pc2 = farm.attach('pc2', helping());
    farm.release(1);
    for (let ms = 0; ms <= 70_000; ms += 5_000) {
      farm.say(pc2, heartbeat);
      farm.say(farm.pc1, heartbeat);
      farm.pass(5_000);
    }
    assert.equal(farm.last(pc2, 'cancel-item').reason, 'took too long');
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import test, { type TestContext } from 'node:test';
import {
  type Store,
  type StoredRecord,
  StoreUnavailable,
  someoneElseLed,
} from '../../../controller/store/port.ts';
import { batch, lead, type MakeHarness, record, takeLead } from './store-harness.ts';

async function ids(store: Store): Promise<readonly string[]> {
  return (await store.load()).records.map((each) => each.id).toSorted();
}

/** What every store promises about who leads, and about a farm that is written anew. */
export function runLeaderConformance(name: string, makeHarness: MakeHarness): void {
  /** A leading store; it is closed at the end. */
  async function leading(t: TestContext, leaderId?: string) {
    const harness = await makeHarness(t);
    const store = harness.open();
    t.after(() => store.close());
    return { harness, store, epoch: await lead(store, leaderId) };
  }

  test(`${name}: others see who leads, and where it answers, as long as it does`, async (t) => {
    const harness = await makeHarness(t);
    const [first, second] = [harness.open(), harness.open()];
    t.after(() => Promise.all([first.close(), second.close()]));
    assert.equal(await second.leader(), undefined);
    const { epoch } = await takeLead(first, 'first', { addresses: ['one:7070', '[::1]:7070'] });
    assert.deepEqual(await second.leader(), { epoch, addresses: ['one:7070', '[::1]:7070'] });
    assert.deepEqual(await first.leader(), { epoch, addresses: ['one:7070', '[::1]:7070'] });
    await first.close();
    assert.equal(await second.leader(), undefined);
    const next = await takeLead(second, 'second');
    assert.deepEqual(await second.leader(), { epoch: next.epoch, addresses: [] });
  });

  test(`${name}: a leader that leads again knows whether somebody else led meanwhile`, async (t) => {
    const harness = await makeHarness(t);
    const first = harness.open();
    const nobody = { term: 0, leaderId: '' };
    const before = await takeLead(first, 'first');
    assert.deepEqual(before.otherEpoch, nobody);
    await first.commit(batch(1, [record('a')]), before.epoch);
    // As after answers that were lost: our own leaderships hide nobody.
    await takeLead(first, 'first');
    const again = await takeLead(first, 'first');
    assert.deepEqual(again.otherEpoch, nobody);
    assert.equal(again.lastBatch, 1);
    assert.equal(someoneElseLed(again, before.epoch), false);
    await first.close();
    const second = harness.open();
    const between = await takeLead(second, 'second');
    assert.equal(between.isHeld(), true);
    assert.deepEqual(between.otherEpoch, again.epoch);
    await second.close();
    const third = harness.open();
    t.after(() => third.close());
    await takeLead(third, 'first');
    const after = await takeLead(third, 'first');
    assert.deepEqual(after.otherEpoch, between.epoch);
    assert.equal(someoneElseLed(after, again.epoch), true);
  });

  test(`${name}: a rewrite replaces everything, and the chain goes on from it`, async (t) => {
    const { store, epoch } = await leading(t);
    await store.commit(batch(1, [record('a'), record('old')]), epoch);
    // More records, and more bytes, than one piece has.
    const many = Array.from({ length: 4_500 }, (_, index) => record(`r${index}`, { index }));
    const all = [record('a', 'new'), ...many, record('large', 'x'.repeat(5_000_000)), record('after it')];
    const whole = { farmId: 'the farm of memory', number: 7, records: new Set(all) };
    assert.deepEqual(await store.rewrite(whole, epoch), { result: 'committed' });
    const loaded = await store.load();
    assert.deepEqual([loaded.farmId, loaded.lastBatch], ['the farm of memory', 7]);
    assert.deepEqual(loaded.records.toSorted(byId), all.toSorted(byId));
    assert.deepEqual(await store.commit(batch(2, []), epoch), { result: 'broken-chain', lastBatch: 7 });
    const deletes = all.slice(1).map(({ kind, id }) => ({ kind, id }));
    assert.deepEqual(await store.commit(batch(8, [], { deletes }), epoch), { result: 'committed' });
    assert.deepEqual((await store.load()).records, [record('a', 'new')]);
  });

  test(`${name}: the very same rewrite again is harmless, and one of nothing leaves nothing`, async (t) => {
    const { store, epoch } = await leading(t);
    await store.commit(batch(1, [record('old')]), epoch);
    const whole = { farmId: 'f', number: 2, records: [record('a')] };
    for (let time = 0; time < 2; time += 1) {
      assert.deepEqual(await store.rewrite(whole, epoch), { result: 'committed' });
      assert.deepEqual(await store.load(), { farmId: 'f', lastBatch: 2, records: [record('a')] });
    }
    assert.deepEqual(await store.rewrite({ ...whole, number: 3, records: [] }, epoch), {
      result: 'committed',
    });
    assert.deepEqual(await store.load(), { farmId: 'f', lastBatch: 3, records: [] });
  });

  test(`${name}: a stale rewrite is refused, and one that fails leaves what was there`, async (t) => {
    const { harness, store, epoch } = await leading(t, 'old');
    await store.commit(batch(1, [record('old')]), epoch);
    const stored = await lead(store, 'new');
    const whole = { farmId: 'f', number: 9, records: [record('a')] };
    assert.deepEqual(await store.rewrite(whole, epoch), { result: 'stale-epoch', stored });
    if (harness.faults.includes('before')) {
      harness.failWrites('before');
      await assert.rejects(store.rewrite(whole, stored), StoreUnavailable);
      harness.failWrites(undefined);
    }
    const { lastBatch, records } = await store.load();
    assert.deepEqual([lastBatch, records], [1, [record('old')]]);
  });

  test(`${name}: a leader whose time has run out cannot write any more, and is told`, async (t) => {
    const { harness, store, epoch } = await leading(t, 'frozen');
    if (harness.expire === undefined) {
      t.skip('its lock never runs out');
      return;
    }
    const second = harness.open();
    t.after(() => second.close());
    const frozen = await takeLead(store, 'frozen');
    assert.equal(frozen.isHeld(), true);
    await harness.expire();
    const stored = await lead(second, 'second');
    assert.ok(stored.term > epoch.term);
    const refused = { result: 'stale-epoch', stored };
    assert.deepEqual(await store.commit(batch(1, [record('a')]), frozen.epoch), refused);
    const whole = { farmId: 'f', number: 1, records: [] };
    assert.deepEqual(await store.rewrite(whole, frozen.epoch), refused);
    if (!frozen.lost.aborted) await once(frozen.lost, 'abort');
    assert.equal(frozen.isHeld(), false);
    assert.deepEqual(await second.commit(batch(1, [record('b')]), stored), { result: 'committed' });
    assert.deepEqual(await ids(store), ['b']);
  });

  test(`${name}: a store that lost its tail is seen by the next batch, and written anew`, async (t) => {
    const { harness, store, epoch } = await leading(t);
    if (!harness.losesTailWhileOpen) {
      t.skip('it is lost only when nothing is open');
      return;
    }
    await store.commit(batch(1, [record('a')]), epoch);
    const loseTail = await harness.save();
    await store.commit(batch(2, [record('b')]), epoch);
    await loseTail();
    const third = batch(3, [record('c')]);
    assert.deepEqual(await store.commit(third, epoch), { result: 'broken-chain', lastBatch: 1 });
    const again = await takeLead(store);
    assert.equal(someoneElseLed(again, epoch), false);
    const { farmId } = await store.load();
    const memory = [record('a'), record('b'), record('c')];
    assert.deepEqual(await store.rewrite({ farmId, number: 4, records: memory }, again.epoch), {
      result: 'committed',
    });
    assert.deepEqual(await ids(store), ['a', 'b', 'c']);
  });
}

function byId(a: StoredRecord, b: StoredRecord): number {
  return a.id < b.id ? -1 : 1;
}

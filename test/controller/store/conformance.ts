import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import {
  batchLimits,
  type Store,
  type StoredRecord,
  StoreUnavailable,
} from '../../../controller/store/port.ts';
import { runLeaderConformance } from './conformance-leaders.ts';
import { checkAgainstModel } from './model.ts';
import { batch, type Fault, lead, type MakeHarness, record } from './store-harness.ts';

async function ids(store: Store): Promise<readonly string[]> {
  return (await store.load()).records.map((each) => each.id).toSorted();
}

/** What every store promises. */
export function runConformance(name: string, makeHarness: MakeHarness): void {
  runLeaderConformance(name, makeHarness);

  /** A leading store; it is closed at the end. */
  async function leading(t: TestContext, leaderId?: string) {
    const harness = await makeHarness(t);
    const store = harness.open();
    t.after(() => store.close());
    return { harness, store, epoch: await lead(store, leaderId) };
  }

  test(`${name}: what is committed is loaded, also by the next one to open it`, async (t) => {
    const { harness, store, epoch } = await leading(t);
    const body = { text: 'ü\u0000\n', list: [1, null, { deep: true }], none: null };
    assert.deepEqual(await store.commit(batch(1, [record('a', body), record('b')]), epoch), {
      result: 'committed',
    });
    await store.close();
    const next = harness.open();
    t.after(() => next.close());
    const loaded = await next.load();
    assert.equal(loaded.lastBatch, 1);
    assert.deepEqual(loaded.records.toSorted(byId), [record('a', body), record('b')]);
  });

  test(`${name}: an upsert replaces, a delete removes, and kinds are apart`, async (t) => {
    const { store, epoch } = await leading(t);
    const other: StoredRecord = { kind: 'attempt', id: 'a', version: 3, body: 1 };
    await store.commit(batch(1, [record('a'), record('b'), other]), epoch);
    const deletes = [
      { kind: 'job', id: 'b' },
      { kind: 'job', id: 'never there' },
    ];
    await store.commit(batch(2, [record('a', 'new')], { deletes }), epoch);
    const { records } = await store.load();
    assert.equal(records.length, 2);
    assert.deepEqual(
      records.find((each) => each.kind === 'job'),
      record('a', 'new'),
    );
    assert.deepEqual(
      records.find((each) => each.kind === 'attempt'),
      other,
    );
  });

  test(`${name}: the farm keeps its id, and terms only rise, above the term that is asked for`, async (t) => {
    const { harness, store, epoch } = await leading(t, 'one');
    const { farmId } = await store.load();
    assert.ok(farmId.length > 0);
    assert.deepEqual(epoch, { term: 1, leaderId: 'one' });
    assert.deepEqual(await lead(store, 'one', 70), { term: 71, leaderId: 'one' });
    await store.close();
    const next = harness.open();
    t.after(() => next.close());
    assert.deepEqual(await lead(next, 'two', 5), { term: 72, leaderId: 'two' });
    assert.equal((await next.load()).farmId, farmId);
  });

  test(`${name}: a stale epoch is refused, be it the term or the leader that differs`, async (t) => {
    const { store, epoch } = await leading(t);
    const stored = await lead(store, 'leader');
    for (const stale of [epoch, { ...stored, leaderId: 'another' }, { ...stored, term: stored.term + 1 }]) {
      assert.deepEqual(await store.commit(batch(1, [record('a')]), stale), { result: 'stale-epoch', stored });
    }
    assert.deepEqual(await ids(store), []);
  });

  test(`${name}: a batch that does not follow the last one is refused`, async (t) => {
    const { store, epoch } = await leading(t);
    await store.commit(batch(1, [record('a')]), epoch);
    await store.commit(batch(2, [record('b')]), epoch);
    for (const wrong of [batch(4, [record('c')]), batch(5, [record('c')], { previous: 1 }), batch(1, [])]) {
      assert.deepEqual(await store.commit(wrong, epoch), { result: 'broken-chain', lastBatch: 2 });
    }
    assert.deepEqual(await ids(store), ['a', 'b']);
    assert.deepEqual(await store.commit(batch(9, [record('c')], { previous: 2 }), epoch), {
      result: 'committed',
    });
  });

  test(`${name}: the very same batch again is committed once`, async (t) => {
    const { store, epoch } = await leading(t);
    const first = batch(1, [record('a', 1)]);
    await store.commit(first, epoch);
    assert.deepEqual(await store.commit(first, epoch), { result: 'committed' });
    const { lastBatch, records } = await store.load();
    assert.deepEqual({ lastBatch, count: records.length }, { lastBatch: 1, count: 1 });
  });

  test(`${name}: the same number under a later epoch is another batch`, async (t) => {
    const { store, epoch } = await leading(t);
    await store.commit(batch(1, [record('a')]), epoch);
    const later = await lead(store);
    assert.deepEqual(await store.commit(batch(1, [record('b')]), later), {
      result: 'broken-chain',
      lastBatch: 1,
    });
  });

  test(`${name}: a batch that fails in the middle, wherever that is, leaves nothing and can be repeated`, async (t) => {
    const { harness, store, epoch } = await leading(t);
    await store.commit(batch(1, [record('old', 1), record('gone')]), epoch);
    const written = ['new-1', 'old', 'new-2', 'new-3', 'gone'];
    const next = batch(2, [record('new-1'), record('old', 2), record('new-2'), record('new-3')], {
      deletes: [{ kind: 'job', id: 'gone' }],
    });
    for (const id of written) {
      harness.failAt(id);
      await assert.rejects(store.commit(next, epoch), StoreUnavailable);
      harness.failAt(undefined);
      const { lastBatch, records } = await store.load();
      assert.equal(lastBatch, 1, `after failing at ${id}`);
      assert.deepEqual(records.toSorted(byId), [record('gone'), record('old', 1)]);
    }
    assert.deepEqual(await store.commit(next, epoch), { result: 'committed' });
    assert.deepEqual(await ids(store), ['new-1', 'new-2', 'new-3', 'old']);
  });

  test(`${name}: commits that are made without waiting are applied in their order`, async (t) => {
    const { store, epoch } = await leading(t);
    const batches = Array.from({ length: 20 }, (_, index) => batch(index + 1, [record('a', index)]));
    const results = await Promise.all(batches.map((each) => store.commit(each, epoch)));
    assert.ok(results.every(({ result }) => result === 'committed'));
    assert.deepEqual((await store.load()).records, [record('a', 19)]);
  });

  test(`${name}: a batch of ${batchLimits.recordsMax} records is taken, one more is refused`, async (t) => {
    const { store, epoch } = await leading(t);
    const many = Array.from({ length: batchLimits.recordsMax + 1 }, (_, index) => record(`r${index}`, 0));
    await assert.rejects(store.commit(batch(1, many), epoch), RangeError);
    await store.commit(batch(1, many.slice(1)), epoch);
    assert.equal((await store.load()).records.length, batchLimits.recordsMax);
  });

  test(`${name}: a batch of too many bytes is refused`, async (t) => {
    const { store, epoch } = await leading(t);
    const body = 'x'.repeat(batchLimits.bytesMax / 2);
    await assert.rejects(store.commit(batch(1, [record('a', body), record('b', body)]), epoch), RangeError);
    assert.deepEqual(await ids(store), []);
  });

  test(`${name}: a second leader waits until the first one closes`, async (t) => {
    const { harness, store } = await leading(t, 'first');
    const second = harness.open();
    t.after(() => second.close());
    let leads = false;
    const waiting = lead(second, 'second').then((epoch) => {
      leads = true;
      return epoch;
    });
    // A full round trip of the waiting store: had it not waited, it would have led by now.
    await second.load();
    assert.equal(leads, false);
    await store.close();
    assert.deepEqual(await waiting, { term: 2, leaderId: 'second' });
  });

  test(`${name}: waiting for the leadership can be given up`, async (t) => {
    const { harness } = await leading(t);
    const second = harness.open();
    t.after(() => second.close());
    const giveUp = new AbortController();
    const waiting = second.lead({ leaderId: 'second', termAtLeast: 0, signal: giveUp.signal });
    giveUp.abort(new Error('never mind'));
    await assert.rejects(waiting, /never mind/u);
  });

  test(`${name}: any call that writes may fail, and the same call again goes on`, async (t) => {
    const { faults } = await makeHarness(t);
    assert.ok(faults.length > 0);
    for (const fault of faults) {
      for (let n = 1; n <= 5; n += 1) await failNthWrite(t, makeHarness, fault, n);
    }
  });

  test(`${name}: a kind with a colon is refused, an id may have one`, async (t) => {
    const { store, epoch } = await leading(t);
    const wrong = { ...record('a'), kind: 'job:a' };
    await assert.rejects(store.commit(batch(1, [wrong]), epoch), RangeError);
    await assert.rejects(store.commit(batch(1, [], { deletes: [wrong] }), epoch), RangeError);
    await store.commit(batch(1, [record('a:b:c')]), epoch);
    assert.deepEqual(await ids(store), ['a:b:c']);
  });

  test(`${name}: closing twice is harmless, and a closed store says so`, async (t) => {
    const { store, epoch } = await leading(t);
    await Promise.all([store.close(), store.close()]);
    await store.close();
    await assert.rejects(store.commit(batch(1, []), epoch), StoreUnavailable);
    await assert.rejects(lead(store), StoreUnavailable);
  });

  test(`${name}: what is under way when it is closed has an answer`, async (t) => {
    const { store, epoch } = await leading(t);
    const commit = store.commit(batch(1, [record('a')]), epoch);
    await store.close();
    assert.deepEqual(await commit, { result: 'committed' });
  });

  test(`${name}: any history leaves what the model says`, async (t) => {
    await checkAgainstModel(t, makeHarness);
  });
}

/** Every call that writes, in the order of a life; the n-th fails once, and is made again. */
async function failNthWrite(
  t: TestContext,
  makeHarness: MakeHarness,
  fault: Fault,
  n: number,
): Promise<void> {
  const harness = await makeHarness(t);
  const store = harness.open();
  // The storage is there, so that it can be spoiled.
  await store.load();
  let calls = 0;
  const write = async <T>(call: () => Promise<T>): Promise<T> => {
    calls += 1;
    if (calls !== n) return await call();
    harness.failWrites(fault);
    await assert.rejects(call(), StoreUnavailable, `${fault}, call ${n}`);
    harness.failWrites(undefined);
    return await call();
  };
  const committed = { result: 'committed' };
  const epoch = await write(() => lead(store));
  for (const number of [1, 2]) {
    assert.deepEqual(
      await write(() => store.commit(batch(number, [record(`r${number}`)]), epoch)),
      committed,
    );
  }
  const whole = { farmId: 'farm', number: 5, records: [record('r2'), record('r3')] };
  assert.deepEqual(await write(() => store.rewrite(whole, epoch)), committed);
  assert.deepEqual(await write(() => store.commit(batch(6, [record('r6')]), epoch)), committed);
  assert.deepEqual(await ids(store), ['r2', 'r3', 'r6'], `${fault}, call ${n}`);
  await store.close();
}

function byId(a: StoredRecord, b: StoredRecord): number {
  return a.id < b.id ? -1 : 1;
}

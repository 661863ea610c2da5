import assert from 'node:assert/strict';
import process from 'node:process';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import type { Batch, Epoch, Store, StoredRecord } from '../../../controller/store/port.ts';
import { type MakeHarness, record, type StoreHarness, takeLead } from './store-harness.ts';

/** What a store should hold: the whole specification of it. */
interface Contents {
  readonly epoch: Epoch;
  readonly otherEpoch: Epoch;
  readonly lastBatch: number;
  /** What may be repeated: it was committed under the present epoch. */
  readonly lastCommitted: Batch | undefined;
  readonly records: ReadonlyMap<string, StoredRecord>;
}

/** A storage under test, and what it should hold. */
interface Running {
  readonly harness: StoreHarness;
  store: Store;
  leaderId: string;
  leaders: number;
  model: Contents;
  saved: { readonly model: Contents; readonly restore: () => Promise<void> } | undefined;
}

type Step =
  | {
      readonly step: 'commit' | 'rewrite';
      readonly upserts: readonly [string, number][];
      readonly deletes: readonly string[];
    }
  | { readonly step: 'fail-then-commit'; readonly id: string }
  | { readonly step: 'commit-unchained'; readonly skip: number }
  | {
      readonly step:
        | 'commit-again'
        | 'commit-stale'
        | 'lead-again'
        | 'reopen'
        | 'expire'
        | 'save'
        | 'crash-and-lose-tail'
        | 'lose-tail-while-leading';
    };

const id = fc.constantFrom('a', 'b', 'c', 'd');
const change = {
  upserts: fc.array(fc.tuple(id, fc.nat()), { maxLength: 4 }),
  deletes: fc.array(id, { maxLength: 2 }),
};
const simpleSteps = ['commit-again', 'commit-stale', 'lead-again', 'reopen', 'expire', 'save'] as const;
const tailSteps = ['crash-and-lose-tail', 'lose-tail-while-leading'] as const;
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ step: fc.constant('commit' as const), ...change }) },
    { weight: 5, arbitrary: fc.record({ step: fc.constantFrom(...simpleSteps) }) },
    { weight: 2, arbitrary: fc.record({ step: fc.constantFrom(...tailSteps) }) },
    fc.record({ step: fc.constant('rewrite' as const), ...change }),
    fc.record({ step: fc.constant('commit-unchained' as const), skip: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ step: fc.constant('fail-then-commit' as const), id }),
  ),
  { maxLength: 15 },
);

/**
 * Random histories, each compared with the model after every step. RENDERFARM_STORE_SEED repeats one, and
 * RENDERFARM_STORE_RUNS runs more.
 */
export async function checkAgainstModel(t: TestContext, makeHarness: MakeHarness): Promise<void> {
  const seed = Number(process.env['RENDERFARM_STORE_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  const numRuns = Number(process.env['RENDERFARM_STORE_RUNS'] ?? 25);
  t.diagnostic(`RENDERFARM_STORE_SEED=${seed}`);
  const property = fc.asyncProperty(steps, async (history) => {
    await runHistory(await makeHarness(t), history);
  });
  await fc.assert(property, { numRuns, seed });
}

const nobody: Epoch = { term: 0, leaderId: '' };
const empty = {
  epoch: nobody,
  otherEpoch: nobody,
  lastBatch: 0,
  lastCommitted: undefined,
  records: new Map(),
};

async function runHistory(harness: StoreHarness, history: readonly Step[]): Promise<void> {
  const running: Running = {
    harness,
    store: harness.open(),
    leaderId: '',
    leaders: 0,
    model: empty,
    saved: undefined,
  };
  try {
    await leadAsAnother(running);
    for (const step of history) {
      await take(step, running);
      await compare(running);
    }
  } finally {
    await running.store.close();
  }
}

async function take(step: Step, running: Running): Promise<void> {
  const { store, model } = running;
  switch (step.step) {
    case 'commit':
      await commit(toBatch(model, step), running);
      break;
    case 'commit-again':
      if (model.lastCommitted === undefined) break;
      assert.deepEqual(await store.commit(model.lastCommitted, model.epoch), { result: 'committed' });
      break;
    case 'commit-stale':
      await refuseStale({ ...model.epoch, term: model.epoch.term - 1 }, running);
      break;
    case 'commit-unchained':
      await refuseUnchained(model.lastBatch + step.skip, running);
      break;
    case 'fail-then-commit':
      await failThenCommit(step.id, running);
      break;
    case 'rewrite':
      await rewrite(step, running);
      break;
    case 'lead-again':
      await leadNow(running);
      break;
    case 'reopen':
      await store.close();
      running.store = running.harness.open();
      await leadAsAnother(running);
      break;
    case 'expire':
      await expire(running);
      break;
    case 'save':
      running.saved = { model, restore: await running.harness.save() };
      break;
    case 'crash-and-lose-tail':
      await crashAndLoseTail(running);
      break;
    case 'lose-tail-while-leading':
      await loseTailWhileLeading(running);
  }
}

async function commit(batch: Batch, running: Running): Promise<void> {
  const { model, store } = running;
  assert.deepEqual(await store.commit(batch, model.epoch), { result: 'committed' });
  const records = new Map(model.records);
  for (const each of batch.upserts) records.set(each.id, each);
  for (const key of batch.deletes) records.delete(key.id);
  running.model = { ...model, records, lastBatch: batch.number, lastCommitted: batch };
}

async function refuseStale(stale: Epoch, { model, store }: Running): Promise<void> {
  const refused = { result: 'stale-epoch', stored: model.epoch };
  const batch = toBatch(model, { upserts: [['a', -1]], deletes: [] });
  assert.deepEqual(await store.commit(batch, stale), refused);
  const whole = { farmId: 'wrong', number: 1, records: batch.upserts };
  assert.deepEqual(await store.rewrite(whole, stale), refused);
}

async function refuseUnchained(previous: number, { model, store }: Running): Promise<void> {
  const unchained: Batch = { number: previous + 1, previous, upserts: [record('a', -2)], deletes: [] };
  const refused = { result: 'broken-chain', lastBatch: model.lastBatch };
  assert.deepEqual(await store.commit(unchained, model.epoch), refused);
}

async function failThenCommit(failing: string, running: Running): Promise<void> {
  const { harness, model, store } = running;
  const upserts = [
    ['d', 1],
    [failing, 7],
  ] as const;
  const batch = toBatch(model, { upserts, deletes: [] });
  harness.failAt(failing);
  await assert.rejects(store.commit(batch, model.epoch), { code: 'STORE_UNAVAILABLE' });
  harness.failAt(undefined);
  await compare(running);
  await commit(batch, running);
}

async function rewrite(change: Change, running: Running): Promise<void> {
  const { model, store } = running;
  const records = new Map(toBatch(model, change).upserts.map((each) => [each.id, each]));
  const number = model.lastBatch + 2;
  const { farmId } = await store.load();
  const whole = { farmId, number, records: records.values() };
  assert.deepEqual(await store.rewrite(whole, model.epoch), { result: 'committed' });
  running.model = { ...model, records, lastBatch: number, lastCommitted: undefined };
}

/** The leader is frozen, another one leads; what the frozen one says afterwards is refused. */
async function expire(running: Running): Promise<void> {
  const { harness, store, model } = running;
  if (harness.expire === undefined) return;
  await harness.expire();
  running.store = harness.open();
  await leadAsAnother(running);
  await refuseStale(model.epoch, { ...running, store });
  await store.close();
}

async function crashAndLoseTail(running: Running): Promise<void> {
  if (running.saved === undefined) return;
  await running.store.close();
  await loseTail(running);
  running.store = running.harness.open();
  await leadAsAnother(running);
}

/** The leader goes on from memory: a batch shows that the tail is gone, and it writes everything anew. */
async function loseTailWhileLeading(running: Running): Promise<void> {
  const { harness, store, model } = running;
  if (running.saved === undefined || !harness.losesTailWhileOpen) return;
  await loseTail(running);
  const lostEpoch = running.model.epoch.term !== model.epoch.term;
  const lostBatches = running.model.lastBatch !== model.lastBatch;
  const next = toBatch(model, { upserts: [['a', 3]], deletes: [] });
  if (lostEpoch) {
    const refused = { result: 'stale-epoch', stored: running.model.epoch };
    assert.deepEqual(await store.commit(next, model.epoch), refused);
  } else if (lostBatches) {
    const refused = { result: 'broken-chain', lastBatch: running.model.lastBatch };
    assert.deepEqual(await store.commit(next, model.epoch), refused);
  }
  await leadNow(running, model.epoch.term);
  const number = model.lastBatch + 1;
  const { farmId } = await store.load();
  const whole = { farmId, number, records: model.records.values() };
  assert.deepEqual(await store.rewrite(whole, running.model.epoch), { result: 'committed' });
  running.model = { ...running.model, records: model.records, lastBatch: number, lastCommitted: undefined };
}

async function loseTail(running: Running): Promise<void> {
  if (running.saved === undefined) return;
  await running.saved.restore();
  running.model = { ...running.saved.model, lastCommitted: undefined };
}

async function leadAsAnother(running: Running): Promise<void> {
  running.leaders += 1;
  running.leaderId = `leader-${running.leaders}`;
  await leadNow(running);
}

async function leadNow(running: Running, termAtLeast = 0): Promise<void> {
  const { store, leaderId, model } = running;
  const { epoch, otherEpoch, lastBatch } = await takeLead(store, leaderId, { termAtLeast });
  assert.deepEqual(epoch, { term: Math.max(model.epoch.term, termAtLeast) + 1, leaderId });
  const other = model.epoch.leaderId === leaderId ? model.otherEpoch : model.epoch;
  assert.deepEqual({ otherEpoch, lastBatch }, { otherEpoch: other, lastBatch: model.lastBatch });
  // What was committed under an earlier epoch is no repetition under this one.
  running.model = { ...model, epoch, otherEpoch, lastCommitted: undefined };
}

interface Change {
  readonly upserts: readonly (readonly [string, number])[];
  readonly deletes: readonly string[];
}

function toBatch(model: Contents, { upserts, deletes }: Change): Batch {
  return {
    number: model.lastBatch + 1,
    previous: model.lastBatch,
    upserts: upserts.map(([key, value]) => record(key, { value })),
    deletes: deletes.map((key) => ({ kind: 'job', id: key })),
  };
}

async function compare({ model, store }: Running): Promise<void> {
  const { lastBatch, records } = await store.load();
  assert.equal(lastBatch, model.lastBatch);
  assert.deepEqual(new Map(records.map((each) => [each.id, each])), model.records);
  assert.deepEqual((await store.leader())?.epoch, model.epoch);
}

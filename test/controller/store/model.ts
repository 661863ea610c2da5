import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import type { Batch, Epoch, Store, StoredRecord } from '../../../controller/store/port.ts';
import { lead, type MakeHarness, record, type StoreHarness } from './store-harness.ts';

/** What a store should hold: the whole specification of it. */
interface Model {
  epoch: Epoch;
  lastBatch: number;
  lastCommitted: Batch | undefined;
  readonly records: Map<string, StoredRecord>;
}

interface Running {
  readonly harness: StoreHarness;
  store: Store;
}

type Step =
  | {
      readonly step: 'commit';
      readonly upserts: readonly [string, number][];
      readonly deletes: readonly string[];
    }
  | { readonly step: 'commit-again' | 'commit-stale' | 'lead-again' | 'reopen' }
  | { readonly step: 'commit-unchained'; readonly skip: number }
  | { readonly step: 'fail-then-commit'; readonly id: string };

const id = fc.constantFrom('a', 'b', 'c', 'd');
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        step: fc.constant('commit' as const),
        upserts: fc.array(fc.tuple(id, fc.nat()), { maxLength: 4 }),
        deletes: fc.array(id, { maxLength: 2 }),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ step: fc.constantFrom('commit-again', 'commit-stale', 'lead-again', 'reopen') }),
    },
    fc.record({ step: fc.constant('commit-unchained' as const), skip: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ step: fc.constant('fail-then-commit' as const), id }),
  ),
  { maxLength: 15 },
);

/** Random histories, each compared with the model after every step. */
export async function checkAgainstModel(t: TestContext, makeHarness: MakeHarness): Promise<void> {
  await fc.assert(
    fc.asyncProperty(steps, async (history) => {
      const harness = await makeHarness(t);
      const running: Running = { harness, store: harness.open() };
      try {
        const epoch = await lead(running.store);
        const model: Model = { epoch, lastBatch: 0, lastCommitted: undefined, records: new Map() };
        for (const step of history) {
          await take(step, model, running);
          await compare(model, running.store);
        }
      } finally {
        await running.store.close();
      }
    }),
    { numRuns: 25 },
  );
}

async function take(step: Step, model: Model, running: Running): Promise<void> {
  switch (step.step) {
    case 'commit':
      await commit(toBatch(model, step), model, running.store);
      return;
    case 'commit-again':
      if (model.lastCommitted === undefined) return;
      assert.deepEqual(await running.store.commit(model.lastCommitted, model.epoch), { result: 'committed' });
      return;
    case 'commit-stale': {
      const stale = { ...model.epoch, term: model.epoch.term - 1 };
      const refused = await running.store.commit(
        toBatch(model, { upserts: [['a', -1]], deletes: [] }),
        stale,
      );
      assert.deepEqual(refused, { result: 'stale-epoch', stored: model.epoch });
      return;
    }
    case 'commit-unchained': {
      const previous = model.lastBatch + step.skip;
      const unchained: Batch = { number: previous + 1, previous, upserts: [record('a', -2)], deletes: [] };
      assert.deepEqual(await running.store.commit(unchained, model.epoch), {
        result: 'broken-chain',
        lastBatch: model.lastBatch,
      });
      return;
    }
    case 'fail-then-commit': {
      const batch = toBatch(model, {
        upserts: [
          ['d', 1],
          [step.id, 7],
        ],
        deletes: [],
      });
      running.harness.failAt(step.id);
      await assert.rejects(running.store.commit(batch, model.epoch), { code: 'STORE_UNAVAILABLE' });
      running.harness.failAt(undefined);
      await compare(model, running.store);
      await commit(batch, model, running.store);
      return;
    }
    case 'reopen':
      await running.store.close();
      running.store = running.harness.open();
      await leadAgain(model, running.store);
      return;
    case 'lead-again':
      await leadAgain(model, running.store);
  }
}

async function leadAgain(model: Model, store: Store): Promise<void> {
  const epoch = await lead(store);
  assert.equal(epoch.term, model.epoch.term + 1);
  model.epoch = epoch;
  // What was committed under an earlier epoch is no repetition under this one.
  model.lastCommitted = undefined;
}

function toBatch(
  model: Model,
  change: { readonly upserts: readonly (readonly [string, number])[]; readonly deletes: readonly string[] },
): Batch {
  return {
    number: model.lastBatch + 1,
    previous: model.lastBatch,
    upserts: change.upserts.map(([key, value]) => record(key, { value })),
    deletes: change.deletes.map((key) => ({ kind: 'job', id: key })),
  };
}

async function commit(batch: Batch, model: Model, store: Store): Promise<void> {
  assert.deepEqual(await store.commit(batch, model.epoch), { result: 'committed' });
  for (const each of batch.upserts) model.records.set(each.id, each);
  for (const key of batch.deletes) model.records.delete(key.id);
  model.lastBatch = batch.number;
  model.lastCommitted = batch;
}

async function compare(model: Model, store: Store): Promise<void> {
  const { lastBatch, records } = await store.load();
  assert.equal(lastBatch, model.lastBatch);
  assert.deepEqual(new Map(records.map((each) => [each.id, each])), model.records);
}

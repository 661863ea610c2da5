import assert from 'node:assert/strict';
import test from 'node:test';
import { MemoryDisk } from '../../../controller/store/memory/memory-disk.ts';
import { openMemoryStore } from '../../../controller/store/memory/memory-store.ts';
import { StoreUnavailable } from '../../../controller/store/port.ts';
import { runConformance } from './conformance.ts';
import { batch, lead, record } from './store-harness.ts';

runConformance('memory', () => {
  const disk = new MemoryDisk('farm');
  return Promise.resolve({
    open: () => openMemoryStore({ disk }),
    failAt: (recordId) =>
      disk.planFailures(({ recordIds }) =>
        recordId !== undefined && recordIds.includes(recordId) ? 'before' : undefined,
      ),
    faults: ['before', 'after'],
    failWrites: (fault) => disk.planFailures(({ name }) => (name === 'load' ? undefined : fault)),
    expire: () => {
      disk.expireLeadership();
      return Promise.resolve();
    },
    save: () => {
      const { contents } = disk;
      return Promise.resolve(() => {
        disk.write(contents);
        return Promise.resolve();
      });
    },
    losesTailWhileOpen: true,
  });
});

test('memory: the n-th call fails, for every n, and the same call again goes on', async () => {
  for (const failure of ['before', 'after'] as const) {
    for (let n = 1; n <= 4; n += 1) {
      const store = openMemoryStore();
      store.disk.planFailures(({ number }) => (number === n ? failure : undefined));
      const again = async <T>(call: () => Promise<T>): Promise<T> => {
        try {
          return await call();
        } catch (error) {
          assert.ok(error instanceof StoreUnavailable);
          return await call();
        }
      };
      const epoch = await again(() => lead(store));
      for (const number of [1, 2]) {
        const result = await again(() => store.commit(batch(number, [record(`r${number}`)]), epoch));
        assert.deepEqual(result, { result: 'committed' }, `${failure}, call ${n}`);
      }
      assert.equal((await again(() => store.load())).records.length, 2);
    }
  }
});

test('memory: a lost tail takes back the newest batches, and the chain shows it', async () => {
  const store = openMemoryStore();
  const epoch = await lead(store);
  for (const number of [1, 2, 3]) await store.commit(batch(number, [record(`r${number}`)]), epoch);
  store.disk.loseTail(2);
  assert.deepEqual(await store.commit(batch(4, []), epoch), { result: 'broken-chain', lastBatch: 1 });
});

test('memory: a lost tail can take back the term, so that it is issued twice', async () => {
  const store = openMemoryStore();
  const first = await lead(store);
  store.disk.loseTail(1);
  assert.equal((await lead(store)).term, first.term);
});

test('memory: a frozen disk answers when it is thawed', async () => {
  const store = openMemoryStore();
  const epoch = await lead(store);
  store.disk.freeze();
  let answered = false;
  const commit = store.commit(batch(1, [record('a')]), epoch).finally(() => {
    answered = true;
  });
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  assert.equal(answered, false);
  assert.equal(store.disk.contents.lastBatch, 0);
  store.disk.thaw();
  assert.deepEqual(await commit, { result: 'committed' });
});

test('memory: an expired leadership is heard of, and the next leader shuts the old one out', async () => {
  const old = openMemoryStore();
  const { epoch, lost } = await old.lead({
    leaderId: 'old',
    termAtLeast: 0,
    signal: AbortSignal.timeout(1_000),
  });
  old.disk.expireLeadership();
  assert.equal(lost.aborted, true);
  const stored = await lead(openMemoryStore({ disk: old.disk }), 'new');
  assert.deepEqual(await old.commit(batch(1, []), epoch), { result: 'stale-epoch', stored });
});

import assert from 'node:assert/strict';
import { stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { type Loaded, type Store, StoreUnavailable } from '../../../controller/store/port.ts';
import { startRedisServer } from '../../helpers/redis-server.ts';
import {
  eventually,
  isScript,
  newFarm,
  openOn,
  redisHarness,
  scriptsRun,
  untilItWorks,
} from './redis-harness.ts';
import { batch, lead, record, takeLead } from './store-harness.ts';

const server = await startRedisServer({ after });
const committed = { result: 'committed' } as const;

/** Batch `n` writes its number to two records and makes a third: a half of it would show. */
function countingBatch(number: number): ReturnType<typeof batch> {
  return batch(number, [record('a', number), record(`n${number}`, number), record('b', number)]);
}

function assertWhole({ lastBatch, records }: Loaded): void {
  const bodies = new Map(records.map(({ id, body }) => [id, body]));
  assert.deepEqual([bodies.get('a'), bodies.get('b'), records.length], [lastBatch, lastBatch, lastBatch + 2]);
}

/** Every kind of script that writes, each call repeated until it works. */
async function liveOnce(store: Store): Promise<readonly string[]> {
  const epoch = await untilItWorks(() => lead(store));
  for (const number of [1, 2]) {
    assert.deepEqual(await untilItWorks(() => store.commit(countingBatch(number), epoch)), committed);
  }
  assertWhole(await store.load());
  const whole = { farmId: 'f', number: 4, records: [record('r'), record('s')] };
  assert.deepEqual(await untilItWorks(() => store.rewrite(whole, epoch)), committed);
  assert.deepEqual(await untilItWorks(() => store.commit(batch(5, [record('t')]), epoch)), committed);
  return (await store.load()).records.map(({ id }) => id).toSorted();
}

for (const fault of ['cut', 'lose-reply'] as const) {
  test(`Redis: whichever script of a life meets "${fault}", the same call again goes on`, async (t) => {
    let scripts = 0;
    for (let n = 1; n <= Math.max(1, scripts); n += 1) {
      const { proxy, farmName } = await redisHarness(t, server);
      const store = openOn(proxy, farmName);
      t.after(() => store.close());
      let seen = 0;
      const isNth = (request: string): boolean => isScript(request) && ++seen > 0;
      proxy.failNth(n, isNth, fault);
      assert.deepEqual(await liveOnce(store), ['r', 's', 't'], `script ${n}`);
      scripts = n === 1 ? seen : scripts;
      await store.close();
    }
    assert.ok(scripts >= 6, `only ${scripts} scripts were seen`);
  });
}

test('Redis: an answer that never comes ends in time, and the batch is there once', async (t) => {
  const { proxy, farmName } = await redisHarness(t, server);
  const store = openOn(proxy, farmName, { callMs: 150 });
  t.after(() => store.close());
  const { epoch, lost } = await takeLead(store);
  proxy.failNth(1, (request) => request.includes('job:n1\r\n'), 'hang');
  await assert.rejects(store.commit(countingBatch(1), epoch), StoreUnavailable);
  assert.deepEqual(await untilItWorks(() => store.commit(countingBatch(1), epoch)), committed);
  assert.deepEqual(await untilItWorks(() => store.commit(countingBatch(2), epoch)), committed);
  assertWhole(await store.load());
  assert.equal(lost.aborted, false);
});

test('Redis: a copy of a batch that the network kept back changes nothing when it arrives', async (t) => {
  const { proxy, farmName } = await redisHarness(t, server);
  const store = openOn(proxy, farmName, { callMs: 150 });
  t.after(() => store.close());
  const epoch = await lead(store);
  proxy.failNth(1, (request) => request.includes('job:n1\r\n'), 'hold');
  await assert.rejects(store.commit(countingBatch(1), epoch), StoreUnavailable);
  for (const number of [1, 2, 3]) {
    assert.deepEqual(await untilItWorks(() => store.commit(countingBatch(number), epoch)), committed);
  }
  const before = await scriptsRun(server);
  proxy.release();
  await eventually(async () => (await scriptsRun(server)) > before);
  const loaded = await store.load();
  assert.equal(loaded.lastBatch, 3);
  assertWhole(loaded);
  assert.deepEqual(await store.commit(countingBatch(4), epoch), committed);
});

test('Redis: a late piece of a rewrite that was given up does not mix with the next one', async (t) => {
  const { proxy, farmName } = await redisHarness(t, server);
  const store = openOn(proxy, farmName, { callMs: 300 });
  t.after(() => store.close());
  const epoch = await lead(store);
  const whole = { farmId: 'f', number: 1, records: [record('a', 'old')] };
  proxy.failNth(1, (request) => request.includes('job:a\r\n'), 'hold');
  await assert.rejects(store.rewrite(whole, epoch), StoreUnavailable);
  const others = Array.from({ length: 5_000 }, (_, index) => record(`r${index}`));
  const next = { ...whole, records: [record('a', 'new'), ...others] };
  proxy.plan = (request) => {
    // The first piece, with `a`, was carried out when the second one comes.
    if (request.includes('job:r2500\r\n')) proxy.release();
    return undefined;
  };
  assert.deepEqual(await untilItWorks(() => store.rewrite(next, epoch)), committed);
  const { records } = await store.load();
  assert.equal(records.length, 5_001);
  assert.deepEqual(
    records.find(({ id }) => id === 'a'),
    record('a', 'new'),
  );
});

test('Redis: a server that has forgotten the scripts is told them again', async (t) => {
  const store = openOn(server, newFarm());
  t.after(() => store.close());
  const epoch = await lead(store);
  assert.deepEqual(await store.commit(countingBatch(1), epoch), committed);
  await server.command('SCRIPT', 'FLUSH', 'SYNC');
  const results = await Promise.all([2, 3, 4].map((number) => store.commit(countingBatch(number), epoch)));
  assert.deepEqual(results, [committed, committed, committed]);
  assertWhole(await store.load());
});

async function acknowledges(commit: Promise<unknown>): Promise<boolean> {
  try {
    assert.deepEqual(await commit, committed);
    return true;
  } catch (error) {
    assert.ok(error instanceof StoreUnavailable, String(error));
    return false;
  }
}

test('Redis: kill -9 of the server amid commits loses no acknowledged batch, and the leader goes on', async (t) => {
  const own = await startRedisServer(t);
  const store = openOn(own, 'farm');
  t.after(() => store.close());
  const epoch = await lead(store);
  let acknowledged = 0;
  for (const stopAt of [3, 20, 50]) {
    while (acknowledged < stopAt) {
      acknowledged += 1;
      assert.deepEqual(await store.commit(countingBatch(acknowledged), epoch), committed);
    }
    // One is under way while it dies: it may be there or not, and not in half.
    const underWay = acknowledges(store.commit(countingBatch(acknowledged + 1), epoch));
    await own.kill();
    if (await underWay) acknowledged += 1;
    await own.start();
    const { lastBatch } = await untilItWorks(() => store.load());
    assert.ok(
      lastBatch === acknowledged || lastBatch === acknowledged + 1,
      `${acknowledged} of ${lastBatch}`,
    );
    // The batch whose answer was lost, again.
    assert.deepEqual(
      await untilItWorks(() => store.commit(countingBatch(acknowledged + 1), epoch)),
      committed,
    );
    acknowledged += 1;
    assertWhole(await store.load());
  }
});

test('Redis: an append-only file that lost its tail shows whole batches, a broken chain, and is written anew', async (t) => {
  const own = await startRedisServer(t);
  const store = openOn(own, 'farm', { lease: { ttlMs: 20_000, renewMs: 15_000, graceMs: 18_000 } });
  t.after(() => store.close());
  const epoch = await lead(store);
  for (let number = 1; number <= 10; number += 1) await store.commit(countingBatch(number), epoch);
  const { farmId } = await store.load();
  await own.stop();
  const file = join(own.folder, 'appendonlydir', 'appendonly.aof.1.incr.aof');
  // In the middle of a batch, some batches before the end.
  await truncate(file, Math.floor((await stat(file)).size * 0.7));
  await own.start();
  const cut = await untilItWorks(() => store.load());
  assert.ok(cut.lastBatch > 0 && cut.lastBatch < 10, `batch ${cut.lastBatch}`);
  assertWhole(cut);
  const refused = { result: 'broken-chain', lastBatch: cut.lastBatch };
  assert.deepEqual(await store.commit(countingBatch(11), epoch), refused);
  const again = await takeLead(store);
  assert.ok(again.epoch.term > epoch.term);
  const numbers = Array.from({ length: 11 }, (_, index) => record(`n${index + 1}`, index + 1));
  const whole = { farmId, number: 11, records: [record('a', 11), record('b', 11), ...numbers] };
  assert.deepEqual(await store.rewrite(whole, again.epoch), committed);
  assertWhole(await store.load());
});

test('Redis: a server that lost everything is written anew by the leader that has it in memory', async (t) => {
  const own = await startRedisServer(t);
  const store = openOn(own, 'farm');
  t.after(() => store.close());
  const epoch = await lead(store, 'leader', 100);
  await store.commit(countingBatch(1), epoch);
  const { farmId, records } = await store.load();
  await own.command('FLUSHALL');
  const nobody = { term: 0, leaderId: '' };
  assert.deepEqual(await store.commit(countingBatch(2), epoch), { result: 'stale-epoch', stored: nobody });
  const again = await takeLead(store, 'leader', { termAtLeast: epoch.term });
  assert.ok(again.epoch.term > epoch.term);
  assert.deepEqual(await store.rewrite({ farmId, number: 1, records }, again.epoch), committed);
  assert.equal((await store.load()).farmId, farmId);
  assert.deepEqual(await store.commit(countingBatch(2), again.epoch), committed);
});

test('Redis: memory that is used up refuses a batch as a whole, and takes it when there is room', async (t) => {
  const own = await startRedisServer(t);
  const store = openOn(own, 'farm');
  t.after(() => store.close());
  const epoch = await lead(store);
  await store.commit(countingBatch(1), epoch);
  await own.command('CONFIG', 'SET', 'maxmemory', '1mb');
  await assert.rejects(store.commit(countingBatch(2), epoch), { code: 'STORE_UNAVAILABLE', message: /OOM/u });
  assert.equal((await store.load()).lastBatch, 1);
  await own.command('CONFIG', 'SET', 'maxmemory', '0');
  assert.deepEqual(await store.commit(countingBatch(2), epoch), committed);
  assertWhole(await store.load());
});

test('Redis: what is loaded while somebody writes is one batch, whole', async (t) => {
  const { proxy, farmName } = await redisHarness(t, server);
  const [writer, reader] = [openOn(server, farmName), openOn(proxy, farmName)];
  t.after(() => Promise.all([writer.close(), reader.close()]));
  const epoch = await lead(writer);
  // Some pages, all with the number of their batch.
  const all = (number: number) =>
    batch(
      number,
      Array.from({ length: 1_000 }, (_, index) => record(`r${index}`, `${number} ${'x'.repeat(80)}`)),
    );
  await writer.commit(all(1), epoch);
  let pages = 0;
  const writing: Promise<unknown>[] = [];
  proxy.plan = (request) => {
    pages += request.includes('hscan') ? 1 : 0;
    // Twice, while the second page is asked for, and while the first one is when it reads again.
    if (request.includes('hscan') && (pages === 2 || pages === 5)) {
      writing.push(writer.commit(all(writing.length + 2), epoch));
    }
    return undefined;
  };
  const { lastBatch, records } = await reader.load();
  assert.deepEqual(await Promise.all(writing), [committed, committed]);
  assert.equal(records.length, 1_000);
  assert.ok(
    records.every(({ body }) => String(body).startsWith(`${lastBatch} `)),
    `batch ${lastBatch}`,
  );
});

test('Redis: a batch of the largest size is one script', async (t) => {
  const store = openOn(server, newFarm(), { callMs: 30_000 });
  t.after(() => store.close());
  const epoch = await lead(store);
  const body = 'x'.repeat(6_500);
  const large = batch(
    1,
    Array.from({ length: 10_000 }, (_, index) => record(`r${index}`, body)),
  );
  assert.deepEqual(await store.commit(large, epoch), committed);
  const { records } = await store.load();
  assert.equal(records.length, 10_000);
  const deletes = records.map(({ kind, id }) => ({ kind, id }));
  assert.deepEqual(await store.commit(batch(2, [], { deletes }), epoch), committed);
  assert.deepEqual((await store.load()).records, []);
});

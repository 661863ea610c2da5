import assert from 'node:assert/strict';
import { once } from 'node:events';
import test, { after } from 'node:test';
import type { Leadership } from '../../../controller/store/port.ts';
import { startRedisServer } from '../../helpers/redis-server.ts';
import { newFarm, openOn, redisHarness, renewals, untilItWorks } from './redis-harness.ts';
import { batch, lead, record, takeLead } from './store-harness.ts';

const server = await startRedisServer({ after });

/** Runs out soon, so that a test can wait for it. */
const shortLease = { ttlMs: 1_200, renewMs: 150, graceMs: 600 };

async function lossOf({ lost }: Leadership): Promise<Error> {
  if (!lost.aborted) await once(lost, 'abort', { signal: AbortSignal.timeout(20_000) });
  return lost.reason as Error;
}

test('Redis: a leader that is cut off gives up before another one can lead, and cannot write any more', async (t) => {
  const { proxy, farmName } = await redisHarness(t, server);
  const cutOff = openOn(proxy, farmName, { lease: shortLease, callMs: 300 });
  const standby = openOn(server, farmName, { lease: shortLease });
  t.after(() => Promise.all([cutOff.close(), standby.close()]));
  const old = await takeLead(cutOff, 'old');
  const order: string[] = [];
  old.lost.addEventListener('abort', () => order.push(`lost, held: ${old.isHeld()}`));
  const waiting = lead(standby, 'standby').then((epoch) => {
    order.push('the standby leads');
    return epoch;
  });
  proxy.plan = () => 'hang';
  const stored = await waiting;
  assert.match((await lossOf(old)).message, /not renewed for 600 ms/u);
  assert.deepEqual(order, ['lost, held: false', 'the standby leads']);
  proxy.plan = () => undefined;
  const refused = await untilItWorks(() => cutOff.commit(batch(1, [record('a')]), old.epoch));
  assert.deepEqual(refused, { result: 'stale-epoch', stored });
});

test('Redis: a leadership lives on by being renewed, for longer than it lasts', async (t) => {
  const store = openOn(server, newFarm(), { lease: shortLease });
  t.after(() => store.close());
  const leadership = await takeLead(store);
  await renewals(server, Math.ceil((2 * shortLease.ttlMs) / shortLease.renewMs));
  assert.equal(leadership.lost.aborted, false);
  assert.equal(leadership.isHeld(), true);
  assert.deepEqual((await store.leader())?.epoch, leadership.epoch);
});

test('Redis: a server that is away for less than the grace costs no leadership', async (t) => {
  const own = await startRedisServer(t);
  const store = openOn(own, 'farm');
  t.after(() => store.close());
  const leadership = await takeLead(store);
  await own.kill();
  await own.start();
  await renewals(own, 2);
  assert.equal(leadership.isHeld(), true);
  assert.deepEqual(await store.commit(batch(1, [record('a')]), leadership.epoch), { result: 'committed' });
});

test('Redis: a frozen server costs the leadership; thawed, the same leader leads again at once', async (t) => {
  const own = await startRedisServer(t);
  const store = openOn(own, 'farm', { lease: { ...shortLease, ttlMs: 60_000 }, callMs: 300 });
  t.after(() => store.close());
  const first = await takeLead(store, 'leader');
  own.freeze();
  await lossOf(first);
  assert.equal(first.isHeld(), false);
  await assert.rejects(store.commit(batch(1, [record('a')]), first.epoch), { code: 'STORE_UNAVAILABLE' });
  await assert.rejects(takeLead(store, 'leader'), { code: 'STORE_UNAVAILABLE' });
  own.thaw();
  const again = await untilItWorks(() => takeLead(store, 'leader'));
  assert.ok(again.epoch.term > first.epoch.term);
  assert.equal(again.isHeld(), true);
});

test('Redis: a newer epoch ends the leadership at the next renewal', async (t) => {
  const farmName = newFarm();
  const store = openOn(server, farmName);
  const thief = openOn(server, farmName);
  t.after(() => Promise.all([store.close(), thief.close()]));
  const leadership = await takeLead(store, 'one');
  await server.command('DEL', `{renderfarm:${farmName}}:lease`);
  await lead(thief, 'two');
  assert.match((await lossOf(leadership)).message, /holds term 2 of leader two, ours is 1/u);
});

test('Redis: a server without memory for more keeps its leader', async (t) => {
  const own = await startRedisServer(t);
  const store = openOn(own, 'farm', { lease: shortLease });
  t.after(() => store.close());
  const leadership = await takeLead(store);
  await own.command('CONFIG', 'SET', 'maxmemory', '1mb');
  await renewals(own, Math.ceil((2 * shortLease.graceMs) / shortLease.renewMs));
  assert.equal(leadership.isHeld(), true);
});

test('Redis: another farm on the same server notices nothing', async (t) => {
  const [one, other] = [newFarm(), newFarm()];
  const [store, neighbour] = [openOn(server, one), openOn(server, other)];
  t.after(() => Promise.all([store.close(), neighbour.close()]));
  const epoch = await lead(store, 'one');
  const theirs = await takeLead(neighbour, 'other');
  await store.commit(batch(1, [record('a')]), epoch);
  await neighbour.commit(batch(1, [record('x')]), theirs.epoch);
  const { farmId } = await neighbour.load();
  assert.notEqual(farmId, (await store.load()).farmId);
  for (const name of ['farm', 'lease', 'records']) await server.command('DEL', `{renderfarm:${one}}:${name}`);
  const again = await lead(store, 'again');
  await store.rewrite({ farmId: 'f', number: 9, records: [] }, again);
  await store.close();
  assert.equal(theirs.isHeld(), true);
  assert.deepEqual(await neighbour.load(), { farmId, lastBatch: 1, records: [record('x')] });
  assert.deepEqual(await neighbour.commit(batch(2, []), theirs.epoch), { result: 'committed' });
});

test('Redis: whoever is closed while it waits for the leadership stops waiting', async (t) => {
  const farmName = newFarm();
  const [leader, waiter] = [openOn(server, farmName), openOn(server, farmName)];
  t.after(() => leader.close());
  await lead(leader, 'one');
  const waiting = lead(waiter, 'two');
  const refused = assert.rejects(waiting, { code: 'STORE_UNAVAILABLE' });
  await waiter.leader();
  await waiter.close();
  await refused;
});

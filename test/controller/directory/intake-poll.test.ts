import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IntakeClaims } from '../../../controller/directory/intake-table.ts';
import { FarmError } from '../../../controller/domain/errors.ts';
import { TakingFarm } from '../../helpers/intake-farm.ts';
import { claimantOf, polling } from '../../helpers/intake-polling.ts';
import { rowId, StudioTables } from '../../helpers/studio-tables.ts';

const never = new AbortController().signal;

test('Queued rows of our kind are claimed and submitted, oldest first; all others are left alone', async (t) => {
  const tables = await StudioTables.open(t);
  for (const n of [5, 3, 1, 4, 2]) await tables.insert(rowId(n), n);
  await tables.insert(rowId(11), 0, { farm: null });
  await tables.insert(rowId(12), 0, { farm: 'celery' });
  await tables.insert(rowId(13), 0, { status: 'processing' });
  await tables.insert(rowId(14), 0, { claimed_by: 'south' });
  const { farm, round } = polling(tables);
  assert.deepEqual(await round(), { submitted: 5, failed: 0, waiting: 0 });
  assert.deepEqual(farm.order, [1, 2, 3, 4, 5].map(rowId));
  assert.deepEqual(await Promise.all([1, 5].map((n) => claimantOf(tables, n))), ['north', 'north']);
  assert.deepEqual(await Promise.all([11, 12, 13, 14].map((n) => claimantOf(tables, n))), [
    ...[null, null, null],
    'south',
  ]);
  assert.deepEqual(await round(), { submitted: 0, failed: 0, waiting: 0 });
});

test('Two farms that look at the same rows at once have each of them once', async (t) => {
  const tables = await StudioTables.open(t);
  const ids = Array.from({ length: 24 }, (_, n) => rowId(n));
  for (const [n, id] of ids.entries()) await tables.insert(id, n);
  const [north, south] = [polling(tables), polling(tables, { claimant: 'south' })];
  for (let rounds = 0; rounds < 3; rounds += 1) await Promise.all([north.round(), south.round()]);
  const both = [...north.farm.order, ...south.farm.order];
  assert.deepEqual(both.toSorted(), ids);
  for (const [name, { farm }] of [
    ['north', north],
    ['south', south],
  ] as const)
    for (const id of farm.order) assert.equal((await tables.row(id))['claimed_by'], name);
});

test('A row that another farm took between the look and the claim is not taken', async (t) => {
  const tables = await StudioTables.open(t);
  await tables.insert(rowId(1), 1);
  let isTaken = false;
  const { farm, round } = polling(tables);
  // The claim is held back until the other farm has claimed.
  const south = new IntakeClaims(tables.access, 'south');
  tables.server.before = async ({ method, url }) => {
    if (method !== 'PATCH' || isTaken) return;
    isTaken = true;
    assert.ok(url?.includes(rowId(1)));
    assert.ok(await south.claim(rowId(1), never));
  };
  assert.deepEqual(await round(), { submitted: 0, failed: 0, waiting: 0 });
  assert.ok(isTaken);
  assert.equal(farm.order.length, 0);
  assert.equal(await claimantOf(tables, 1), 'south');
});

test('A row that was cancelled between the look and the claim is not taken', async (t) => {
  const tables = await StudioTables.open(t);
  await tables.insert(rowId(1), 1);
  const { farm, round } = polling(tables);
  let isCancelled = false;
  tables.server.before = async ({ method }) => {
    if (method !== 'PATCH' || isCancelled) return;
    isCancelled = true;
    await tables.change(rowId(1), { status: 'cancelled' });
  };
  await round();
  assert.equal(farm.order.length, 0);
  assert.equal(await claimantOf(tables, 1), null);
});

test('A crash between claim and submit loses nothing: who leads next finds the row by its claim', async (t) => {
  const tables = await StudioTables.open(t);
  for (const n of [1, 2, 3]) await tables.insert(rowId(n), n);
  const farm = new TakingFarm();
  farm.before = ({ jobId }) => {
    if (jobId === rowId(2)) throw new Error('the process is gone');
  };
  const first = polling(tables, { farm });
  await first.round();
  assert.equal(await claimantOf(tables, 2), 'north');
  assert.ok(!farm.order.includes(rowId(2)));
  farm.before = () => undefined;
  const second = polling(tables, { farm });
  assert.deepEqual(await second.round(), { submitted: 1, failed: 0, waiting: 0 });
  assert.deepEqual(farm.order.toSorted(), [1, 2, 3].map(rowId));
});

test('Many claims of before are found over all pages, and what the farm knows is not submitted again', async (t) => {
  const tables = await StudioTables.open(t);
  const farm = new TakingFarm();
  for (let n = 0; n < 11; n += 1) await tables.insert(rowId(n), 50 - n, { claimed_by: 'north' });
  await polling(tables, { farm }).round();
  assert.deepEqual(
    farm.order,
    Array.from({ length: 11 }, (_, n) => rowId(10 - n)),
    'oldest first',
  );
  assert.deepEqual(await polling(tables, { farm }).round(), { submitted: 0, failed: 0, waiting: 0 });
});

test('A claim whose reply was lost is found in the next round', async (t) => {
  const tables = await StudioTables.open(t);
  await tables.insert(rowId(1), 1);
  const { farm, round } = polling(tables);
  await round();
  await tables.insert(rowId(2), 2);
  tables.server.fault = ({ method }) => (method === 'PATCH' ? 'lose-reply' : 'none');
  await assert.rejects(round(), { name: 'DirectoryAway' });
  tables.server.fault = () => 'none';
  assert.equal(await claimantOf(tables, 2), 'north');
  assert.deepEqual(await round(), { submitted: 1, failed: 0, waiting: 0 });
  assert.deepEqual(farm.order, [rowId(1), rowId(2)]);
});

test('Away, slow or refusing, Supabase ends a round, and changes nothing', async (t) => {
  const tables = await StudioTables.open(t);
  await tables.insert(rowId(1), 1);
  const { farm, round } = polling(tables);
  const refusals = [500, 503, 429, 401].map((status) => ({ status }));
  for (const fault of [...refusals, 'lose-reply'] as const) {
    tables.server.fault = () => fault;
    tables.server.asked.length = 0;
    await assert.rejects(round(), { name: 'DirectoryAway' }, JSON.stringify(fault));
    assert.equal(tables.server.asked.length, 1, 'who polls decides when to ask again');
  }
  tables.server.fault = () => 'hang';
  await assert.rejects(polling(tables, { farm, timeoutMs: 200 }).round(), { name: 'DirectoryAway' });
  tables.server.fault = () => 'none';
  assert.equal(farm.order.length, 0);
  assert.equal((await round()).submitted, 1);
});

test('A user who is full keeps one claim and nobody else waiting; later it goes on in order', async (t) => {
  const tables = await StudioTables.open(t);
  const farm = new TakingFarm();
  farm.jobsPerUserMax = 2;
  for (let n = 0; n < 40; n += 1) await tables.insert(rowId(n), n);
  await tables.insert(rowId(50), 50, { user_id: 'a,b"c)(' });
  const { round } = polling(tables, { farm });
  assert.deepEqual(await round(), { submitted: 3, failed: 0, waiting: 1 });
  assert.deepEqual(farm.order, [rowId(0), rowId(1), rowId(50)]);
  assert.equal(await claimantOf(tables, 2), 'north');
  assert.equal(await claimantOf(tables, 3), null);
  farm.jobsPerUserMax = 5;
  assert.deepEqual(await round(), { submitted: 3, failed: 0, waiting: 1 });
  assert.deepEqual(farm.order.slice(3), [2, 3, 4].map(rowId));
});

test('A farm that is full claims no more than the one that it found no room for', async (t) => {
  const tables = await StudioTables.open(t);
  const farm = new TakingFarm();
  farm.jobsMax = 1;
  for (const n of [1, 2, 3]) await tables.insert(rowId(n), n, { user_id: `u${n}` });
  const { round } = polling(tables, { farm });
  assert.deepEqual(await round(), { submitted: 1, failed: 0, waiting: 1 });
  assert.deepEqual(await round(), { submitted: 0, failed: 0, waiting: 1 });
  assert.equal(await claimantOf(tables, 3), null);
  farm.jobsMax = 9;
  assert.deepEqual(await round(), { submitted: 2, failed: 0, waiting: 0 });
  assert.deepEqual(farm.order, [1, 2, 3].map(rowId));
});

test('A farm that lost its lead, or its store, ends the round: the claim stays, and the order', async (t) => {
  const tables = await StudioTables.open(t);
  const farm = new TakingFarm();
  for (const n of [1, 2]) await tables.insert(rowId(n), n);
  farm.before = () => {
    throw new FarmError('NOT_LEADING', 'another controller leads');
  };
  const { round } = polling(tables, { farm });
  await assert.rejects(round(), { code: 'NOT_LEADING' });
  assert.deepEqual([await claimantOf(tables, 1), await claimantOf(tables, 2)], ['north', null]);
  farm.before = () => undefined;
  await round();
  assert.deepEqual(farm.order, [rowId(1), rowId(2)]);
});

test('A row that somebody cancelled, or gave to another farm, after our claim is let go', async (t) => {
  const tables = await StudioTables.open(t);
  const farm = new TakingFarm();
  farm.jobsMax = 0;
  for (const n of [1, 2]) await tables.insert(rowId(n), n, { claimed_by: 'north' });
  const { round } = polling(tables, { farm });
  assert.equal((await round()).waiting, 2);
  await tables.change(rowId(1), { status: 'cancelled' });
  await tables.change(rowId(2), { claimed_by: 'south' });
  farm.jobsMax = 9;
  assert.deepEqual(await round(), { submitted: 0, failed: 0, waiting: 0 });
  assert.equal(farm.order.length, 0);
});

test('On PostgreSQL, with the columns of the migrations, of two farms each row has one', async (t) => {
  const tables = await StudioTables.migrated(t, 'pglite');
  const ids = Array.from({ length: 6 }, (_, n) => rowId(n));
  for (const [n, id] of ids.entries()) await tables.insert(id, n);
  await tables.insert(rowId(9), 9, {}, [{ position: 2, item_type: 'video' }]);
  const [north, south] = [polling(tables), polling(tables, { claimant: 'south' })];
  for (let rounds = 0; rounds < 2; rounds += 1) await Promise.all([north.round(), south.round()]);
  assert.deepEqual([...north.farm.order, ...south.farm.order].toSorted(), ids);
  const failed = await tables.row(rowId(9));
  assert.equal(failed['status'], 'failed');
  assert.match(String(failed['error_message']), /^No path for video at position 2/u);
  await tables.insert(rowId(20), 20, { claimed_by: 'north' });
  const next = polling(tables, { farm: north.farm });
  assert.equal((await next.round()).submitted, 1, 'found by its claim');
});

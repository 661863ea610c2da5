import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { IntakePoll } from '../../../controller/directory/intake-poll.ts';
import { IntakeClaims, IntakeRows } from '../../../controller/directory/intake-table.ts';
import { FarmError } from '../../../controller/domain/errors.ts';
import { TakingFarm } from '../../helpers/intake-farm.ts';
import { oneItem, rowId, StudioTables } from '../../helpers/studio-tables.ts';

const never = new AbortController().signal;

interface Polling {
  readonly farm?: TakingFarm;
  readonly claimant?: string;
  readonly timeoutMs?: number;
  readonly nowMs?: () => number;
}

/** One leadership's rounds over these tables. */
function polling(tables: StudioTables, options: Polling = {}) {
  const { farm = new TakingFarm(), claimant = 'north', timeoutMs = 5_000, nowMs = () => 1_000 } = options;
  const access = { ...tables.access, timeoutMs };
  const logged: string[] = [];
  const log = {
    info: (_fields: object, message: string) => logged.push(message),
    warn: (_fields: object, message: string) => logged.push(message),
  };
  const poll = new IntakePoll({
    ...{ farm, log, pageRows: 3, stopping: never },
    rows: new IntakeRows(access),
    claims: new IntakeClaims(access, claimant),
    rules: { isInSourceShare: (path) => path.startsWith('\\\\nas\\Clips\\'), nowMs },
  });
  return { farm, logged, poll, round: () => poll.round(never) };
}

async function claimantOf(tables: StudioTables, n: number): Promise<unknown> {
  return (await tables.row(rowId(n)))['claimed_by'];
}

async function open(t: TestContext): Promise<StudioTables> {
  return await StudioTables.open(t);
}

test('Queued rows of our kind are claimed and submitted, oldest first; all others are left alone', async (t) => {
  const tables = await open(t);
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
  const tables = await open(t);
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
  const tables = await open(t);
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
  const tables = await open(t);
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
  const tables = await open(t);
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
  const tables = await open(t);
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
  const tables = await open(t);
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
  const tables = await open(t);
  await tables.insert(rowId(1), 1);
  const { farm, round } = polling(tables, { timeoutMs: 200 });
  for (const fault of [{ status: 500 }, { status: 429 }, { status: 401 }, 'hang', 'lose-reply'] as const) {
    tables.server.fault = () => fault;
    await assert.rejects(round(), { name: 'DirectoryAway' }, JSON.stringify(fault));
  }
  tables.server.fault = () => 'none';
  assert.equal(farm.order.length, 0);
  assert.equal((await round()).submitted, 1);
});

test('A row that cannot be rendered is marked as failed once, with why, and is in nobody’s way', async (t) => {
  const tables = await open(t);
  await tables.insert(rowId(1), 1, {}, [{ position: 4, item_type: 'video' }]);
  await tables.insert(rowId(2), 2, {}, [{ ...oneItem, path: '\\\\nas\\Other\\a.mp4' }]);
  await tables.insert(rowId(3), 3, { user_id: null });
  await tables.insert(rowId(4), 4);
  const { farm, round } = polling(tables);
  assert.deepEqual(await round(), { submitted: 1, failed: 3, waiting: 0 });
  assert.deepEqual(farm.order, [rowId(4)]);
  const row = await tables.row(rowId(1));
  assert.equal(row['status'], 'failed');
  assert.match(String(row['error_message']), /^No path for video at position 4/u);
  assert.ok(Date.parse(String(row['completed_at'])) > 0);
  const writes = tables.server.asked.length;
  assert.deepEqual(await round(), { submitted: 0, failed: 0, waiting: 0 });
  assert.equal(tables.server.asked.length, writes + 1, 'one look for new rows');
});

test('What only the farm knows to be wrong is told by position too', async (t) => {
  const tables = await open(t);
  await tables.insert(rowId(1), 1, {}, [{ position: 9, item_type: 'video', video_id: 'v404' }]);
  const farm = new TakingFarm();
  farm.before = () => {
    const violations = [
      { field: 'items[0].video_id', description: 'Video ID v404 not found in the catalogue' },
    ];
    throw new FarmError('UNKNOWN_VIDEO_ID', 'items[0]: unknown', { violations });
  };
  await polling(tables, { farm }).round();
  const why = (await tables.row(rowId(1)))['error_message'];
  assert.equal(why, 'Video ID v404 not found in the catalogue (job_items[position 9].video_id)');
});

test('A row whose items are still being inserted is waited for a minute, then failed', async (t) => {
  const tables = await open(t);
  let nowMs = 0;
  await tables.insert(rowId(1), 1, {}, []);
  await tables.insert(rowId(2), 2, {}, []);
  const { farm, round } = polling(tables, { nowMs: () => nowMs });
  assert.deepEqual(await round(), { submitted: 0, failed: 0, waiting: 2 });
  await tables.insertItems(rowId(2), [oneItem]);
  nowMs += 59_000;
  assert.deepEqual(await round(), { submitted: 1, failed: 0, waiting: 1 });
  nowMs += 2_000;
  assert.deepEqual(await round(), { submitted: 0, failed: 1, waiting: 0 });
  assert.deepEqual(farm.order, [rowId(2)]);
  assert.match(String((await tables.row(rowId(1)))['error_message']), /^No items found for job/u);
});

test('A user who is full keeps one claim and nobody else waiting; later it goes on in order', async (t) => {
  const tables = await open(t);
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
  const tables = await open(t);
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
  const tables = await open(t);
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

test('A row that somebody cancelled after our claim is let go', async (t) => {
  const tables = await open(t);
  const farm = new TakingFarm();
  farm.jobsMax = 0;
  await tables.insert(rowId(1), 1);
  const { round } = polling(tables, { farm });
  await round();
  await tables.change(rowId(1), { status: 'cancelled' });
  farm.jobsMax = 9;
  assert.deepEqual(await round(), { submitted: 0, failed: 0, waiting: 0 });
  assert.equal(farm.order.length, 0);
});

test('What can be neither submitted nor marked is left for people after a few tries', async (t) => {
  const tables = await open(t);
  const farm = new TakingFarm();
  farm.before = () => {
    throw new TypeError('nobody expected that');
  };
  await tables.insert(rowId(1), 1);
  const { logged, round } = polling(tables, { farm });
  for (let tries = 1; tries < 5; tries += 1) assert.equal((await round()).waiting, 1);
  assert.equal((await round()).waiting, 0);
  assert.ok(logged.some((line) => line.includes('left for people')));
  assert.equal((await tables.row(rowId(1)))['status'], 'queued');
});

test('A row that the table lets nobody claim is left for people, and is in nobody’s way', async (t) => {
  const tables = await open(t);
  for (const n of [1, 2, 3]) await tables.insert(rowId(n), n);
  // A constraint that is younger than the row; a trigger that raises an error.
  const codes = new Map([
    [rowId(1), '23514'],
    [rowId(2), 'P0001'],
  ]);
  tables.server.fault = ({ method, url }) => {
    const [, code] = [...codes].find(([id]) => method === 'PATCH' && url?.includes(id) === true) ?? [];
    return code === undefined ? 'none' : { status: 400, code };
  };
  const { farm, logged, round } = polling(tables);
  for (let rounds = 0; rounds < 2; rounds += 1) assert.equal((await round()).submitted, rounds === 0 ? 1 : 0);
  assert.deepEqual(farm.order, [rowId(3)]);
  assert.equal(logged.filter((line) => line.includes('left for people')).length, 2);
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

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FarmError } from '../../../controller/domain/errors.ts';
import { TakingFarm } from '../../helpers/intake-farm.ts';
import { polling } from '../../helpers/intake-polling.ts';
import { oneItem, rowId, StudioTables } from '../../helpers/studio-tables.ts';

test('A row that cannot be rendered is marked as failed once, with why, and is in nobody’s way', async (t) => {
  const tables = await StudioTables.open(t);
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
  const tables = await StudioTables.open(t);
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
  const tables = await StudioTables.open(t);
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

test('What can be neither submitted nor marked is left for people after a few tries', async (t) => {
  const tables = await StudioTables.open(t);
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
  const tables = await StudioTables.open(t);
  for (const n of [1, 2, 3, 4]) await tables.insert(rowId(n), n);
  // A constraint that is younger than the row; a trigger that raises an error; another row that is in its way.
  const codes = new Map([
    [rowId(1), '23514'],
    [rowId(2), 'P0001'],
    [rowId(3), '23505'],
  ]);
  tables.server.fault = ({ method, url }) => {
    const [, code] = [...codes].find(([id]) => method === 'PATCH' && url?.includes(id) === true) ?? [];
    return code === undefined ? 'none' : { status: code === '23505' ? 409 : 400, code };
  };
  const { farm, logged, round } = polling(tables);
  for (let rounds = 0; rounds < 2; rounds += 1) assert.equal((await round()).submitted, rounds === 0 ? 1 : 0);
  assert.deepEqual(farm.order, [rowId(4)]);
  assert.equal(logged.filter((line) => line.includes('left for people')).length, 3);
});

test('More rows that nobody can claim than a page has are in nobody’s way either', async (t) => {
  const tables = await StudioTables.open(t);
  const stuck = [0, 1, 2, 3, 4, 5, 6].map(rowId);
  for (const [n, id] of stuck.entries()) await tables.insert(id, n);
  for (const n of [7, 8, 9, 10]) await tables.insert(rowId(n), n);
  tables.server.fault = ({ method, url }) =>
    method === 'PATCH' && stuck.some((id) => url?.includes(id) === true)
      ? { status: 400, code: 'P0001' }
      : 'none';
  const { farm, logged, round } = polling(tables);
  assert.deepEqual(await round(), { submitted: 4, failed: 0, waiting: 0 });
  await tables.insert(rowId(11), 11);
  assert.deepEqual(await round(), { submitted: 1, failed: 0, waiting: 0 });
  assert.deepEqual(farm.order, [7, 8, 9, 10, 11].map(rowId));
  assert.equal(logged.filter((line) => line.includes('left for people')).length, stuck.length);
});

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { storedJobs } from '../../../controller/directory/intake.ts';
import { readRows } from '../../../controller/directory/intake-rows.ts';
import { IntakeClaims, IntakeRows } from '../../../controller/directory/intake-table.ts';
import { FarmError } from '../../../controller/domain/errors.ts';
import { TakingFarm } from '../../helpers/intake-farm.ts';
import { rowId as jobId, oneItem, StudioTables } from '../../helpers/studio-tables.ts';

async function open(t: TestContext, claimant = 'north') {
  const tables = await StudioTables.open(t);
  return { tables, ...intakeOf(tables, claimant) };
}

function intakeOf(tables: StudioTables, claimant: string) {
  const farm = new TakingFarm();
  const intake = storedJobs({
    farm,
    rows: new IntakeRows(tables.access),
    claims: new IntakeClaims(tables.access, claimant),
    rules: { isInSourceShare: (path) => path.startsWith('\\\\nas\\Clips\\'), nowMs: () => Date.now() },
    stopping: new AbortController().signal,
  });
  const submit = (n: number | string, validateOnly = false) =>
    intake.submit({ requestId: '', jobId: typeof n === 'string' ? n : jobId(n), validateOnly });
  return { farm, submit };
}

async function refused(done: Promise<unknown>): Promise<FarmError> {
  const error = await done.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof FarmError, String(error));
  return error;
}

test('A row is submitted with its items by position, and claimed', async (t) => {
  const { tables, farm, submit } = await open(t);
  // The old API never says whose its rows are; who submits one by its id does.
  await tables.insert(jobId(1), 1, { farm: null, enable_4k: true }, [
    { position: 7, item_type: 'outro', path: '\\\\nas\\Clips\\z.mp4', duration: 2.5 },
    {
      position: 3,
      item_type: 'video',
      video_id: 'v9',
      path: '\\\\old\\x.mp4',
      text_animation_text: 'Hi',
      is_4k: true,
    },
  ]);
  assert.deepEqual(await submit(jobId(1).toUpperCase()), {
    ...{ jobId: jobId(1), queue: 'default_queue', routeRule: 'all others', existed: false },
  });
  assert.deepEqual(farm.taken.get(jobId(1)), {
    ...{ jobId: jobId(1), userId: 'ann', channelName: 'Kids TV', enable4k: true, priority: 'normal' },
    items: [
      { position: 3, itemType: 'video', videoId: 'v9', text: 'Hi', is4k: true },
      { position: 7, itemType: 'outro', path: '\\\\nas\\Clips\\z.mp4', durationMs: 2_500 },
    ],
  });
  const row = await tables.row(jobId(1));
  assert.deepEqual([row['farm'], row['claimed_by'], row['status']], ['renderfarm', 'north', 'queued']);
  assert.ok(Date.parse(String(row['claimed_at'])) > 0);
});

test('The same row again is the same job, also when somebody has changed the row since', async (t) => {
  const { tables, farm, submit } = await open(t);
  await tables.insert(jobId(1), 1);
  await submit(1);
  await tables.change(jobId(1), { status: 'processing' });
  assert.equal((await submit(1)).existed, true);
  assert.deepEqual(farm.order, [jobId(1)]);
});

test('What is only checked is claimed by nobody', async (t) => {
  const { tables, farm, submit } = await open(t);
  await tables.insert(jobId(1), 1);
  assert.equal((await submit(1, true)).queue, 'default_queue');
  assert.equal((await tables.row(jobId(1)))['claimed_by'], null);
  assert.equal(farm.taken.size, 0);
});

test('What is not there, or cannot be an id, is not found, in the old words', async (t) => {
  const { submit } = await open(t);
  for (const id of [jobId(9), "x' or true; --", 'a,b.eq.c)', '']) {
    const { code, message } = await refused(submit(id));
    assert.equal(code, 'JOB_NOT_FOUND');
    assert.ok(message.startsWith('Job not found'), message);
  }
});

test('A row that somebody renders or has rendered is refused, and left as it is', async (t) => {
  const { tables, farm, submit } = await open(t);
  for (const [n, status] of ['processing', 'completed', 'failed', 'cancelled', ''].entries()) {
    await tables.insert(jobId(n), n, { status, worker_id: 'PC2' });
    const error = await refused(submit(n));
    assert.equal(error.code, 'ROW_NOT_QUEUED', status);
    assert.match(error.message, /PC2/u);
    assert.equal((await tables.row(jobId(n)))['claimed_by'], null);
  }
  assert.equal(farm.taken.size, 0);
});

test('Of two farms one has the row: the other is told whose it is', async (t) => {
  const { tables, submit } = await open(t, 'north');
  const south = intakeOf(tables, 'south');
  await tables.insert(jobId(1), 1);
  const both = await Promise.allSettled([submit(1), south.submit(1)]);
  assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  const lost = both.find((each) => each.status === 'rejected');
  assert.equal((lost?.reason as FarmError).code, 'ROW_CLAIMED');
  const loser = both[0].status === 'rejected' ? submit : south.submit;
  const again = await refused(loser(1));
  assert.equal(again.code, 'ROW_CLAIMED');
  assert.match(again.message, /claimed by (north|south)/u);
});

test('A job that finds no room gives its row back', async (t) => {
  const { tables, farm, submit } = await open(t);
  farm.jobsMax = 0;
  await tables.insert(jobId(1), 1, { farm: null });
  assert.equal((await refused(submit(1))).code, 'TOO_MANY_JOBS');
  const row = await tables.row(jobId(1));
  assert.deepEqual([row['farm'], row['claimed_by'], row['claimed_at']], [null, null, null]);
  // What was ours before, polling has in its order.
  await tables.insert(jobId(2), 2, { claimed_by: 'north' });
  assert.equal((await refused(submit(2))).code, 'TOO_MANY_JOBS');
  assert.equal((await tables.row(jobId(2)))['claimed_by'], 'north');
});

test('A row whose job may have been taken, or was by somebody else, is not given back', async (t) => {
  const { tables, farm, submit } = await open(t);
  for (const [n, code] of (['NOT_LEADING', 'SHUTTING_DOWN', 'STORAGE_UNAVAILABLE'] as const).entries()) {
    await tables.insert(jobId(n), n, { farm: null });
    farm.before = () => {
      throw new FarmError(code, 'the reply was lost');
    };
    assert.equal((await refused(submit(n))).code, code);
    assert.equal((await tables.row(jobId(n)))['claimed_by'], 'north', code);
  }
  await tables.insert(jobId(7), 7, { farm: null });
  farm.before = (spec) => {
    farm.taken.set(spec.jobId, spec);
    throw new FarmError('TOO_MANY_JOBS', 'the farm is full');
  };
  assert.equal((await refused(submit(7))).code, 'TOO_MANY_JOBS');
  assert.equal((await tables.row(jobId(7)))['claimed_by'], 'north');
});

test('What is wrong is named by position, all at once, in the old words', async (t) => {
  const { tables, submit } = await open(t);
  await tables.insert(jobId(1), 1, { channel_name: '' }, [
    { position: 12, item_type: 'video' },
    { position: 4, item_type: 'video', path: '\\\\evil\\x\\a.mp4' },
    { position: 4, item_type: 'song', path: '\\\\nas\\Clips\\..\\a.mp4' },
    { position: 30, item_type: 'image', path: '\\\\nas\\Clips\\a.png', duration: -1 },
  ]);
  const { code, message, violations } = await refused(submit(1));
  assert.equal(code, 'INVALID_JOB');
  assert.match(message, /^channel_name: must/u);
  const fields = violations.map(({ field }) => field);
  for (const field of [
    'job_items[position 4].path',
    'job_items[position 4].item_type',
    'job_items[position 12].path',
    'job_items[position 30].duration',
  ])
    assert.ok(fields.includes(field), `${field} is not among ${fields.join()}`);
  assert.ok(violations.some(({ description }) => description === 'No path for video at position 12'));
  assert.equal((await tables.row(jobId(1)))['claimed_by'], null);
});

test('A row without items says so in the old words', async (t) => {
  const { tables, submit } = await open(t);
  await tables.insert(jobId(1), 1, {}, []);
  assert.match((await refused(submit(1))).message, /^No items found for job/u);
});

test('Columns of other types are named and never guessed at', () => {
  const job = { job_id: jobId(1), user_id: ['ann'], channel_name: 7, enable_4k: 'yes' };
  const { violations = [] } = readRows(job, [
    { ...oneItem, position: 'first' },
    { ...oneItem, position: 5, duration: 'long', is_4k: 'false', title: { toString: 'x' } },
    { ...oneItem, position: null, path: true },
    'no row at all',
  ]);
  assert.deepEqual(
    violations.map(({ field, description }) => `${field} ${description}`),
    [
      'user_id must be a text',
      'enable_4k must be true or false',
      'job_items[0].position must be a whole number',
      'job_items[position 5].title must be a text',
      'job_items[position 5].duration must be a number',
      'job_items[position 5].is_4k must be true or false',
      'job_items[2].position must be a whole number',
      'job_items[2].path must be a text',
      'job_items[3].position must be a whole number',
    ],
  );
});

test('A table may write numbers as texts, flags as 0 and 1, and ids as numbers', () => {
  const job = { job_id: jobId(1), user_id: 12, channel_name: 'c', enable_4k: 1, farm_job: '{"asked": 5}' };
  const { draft } = readRows(job, [
    { position: 0, item_type: 'video', video_id: 77, duration: '1.5', is_4k: 0 },
  ]);
  assert.deepEqual([draft?.userId, draft?.enable4k, draft?.priority], ['12', true, 'normal']);
  const [item] = draft?.items ?? [];
  assert.deepEqual([item?.videoId, item?.durationMs, item?.is4k], ['77', 1_500, false]);
});

test('Controls and NUL have no place in names and paths', async (t) => {
  const { tables, submit } = await open(t);
  await tables.insert(jobId(1), 1, { channel_name: 'a\u0000b' }, [
    { ...oneItem, path: '\\\\nas\\Clips\\a\u0000.mp4' },
  ]);
  const { violations } = await refused(submit(1));
  assert.deepEqual(
    violations.map(({ field }) => field),
    ['channel_name', 'job_items[position 0].path'],
  );
});

test('2,000 items are read whole, by as many pages as it takes; 5,000 are counted and not read', async (t) => {
  const { tables, farm, submit } = await open(t);
  const items = (count: number) => Array.from({ length: count }, (_, position) => ({ ...oneItem, position }));
  await tables.insert(jobId(1), 1, {}, items(2_000).reverse());
  await submit(1);
  const taken = farm.taken.get(jobId(1))?.items.map(({ position }) => position);
  assert.deepEqual(
    taken,
    items(2_000).map(({ position }) => position),
  );
  await tables.insert(jobId(2), 2, {}, items(5_000));
  tables.server.asked.length = 0;
  const { code, message } = await refused(submit(2));
  assert.equal(code, 'JOB_TOO_LARGE');
  assert.match(message, /at most 2000 items, not 5000/u);
  assert.equal(tables.server.asked.filter((path) => path.includes('job_items')).length, 1);
});

test('Away, slow or refusing, Supabase makes a submit wait, not fail for good; nothing is submitted', async (t) => {
  const { tables, farm } = await open(t);
  await tables.insert(jobId(1), 1);
  const { submit } = intakeOf(
    Object.create(tables, { access: { value: { ...tables.access, timeoutMs: 200 } } }) as StudioTables,
    'north',
  );
  for (const fault of [{ status: 500 }, { status: 429 }, 'hang', 'lose-reply'] as const) {
    tables.server.fault = () => fault;
    const error = await refused(submit(1));
    assert.equal(error.code, 'DIRECTORY_UNAVAILABLE', JSON.stringify(fault));
    assert.ok((error.retryAfterMs ?? 0) > 0);
  }
  assert.equal(farm.taken.size, 0);
});

test('A claim whose reply was lost is ours: the next try submits', async (t) => {
  const { tables, farm, submit } = await open(t);
  await tables.insert(jobId(1), 1);
  tables.server.fault = ({ method }) => (method === 'PATCH' ? 'lose-reply' : 'none');
  assert.equal((await refused(submit(1))).code, 'DIRECTORY_UNAVAILABLE');
  tables.server.fault = () => 'none';
  assert.equal((await tables.row(jobId(1)))['claimed_by'], 'north');
  assert.equal((await submit(1)).existed, false);
  assert.deepEqual(farm.order, [jobId(1)]);
});

test('A row that is too large to hold is refused, and not asked for again and again', async (t) => {
  const { tables, submit } = await open(t);
  await tables.insert(jobId(1), 1, { error_message: 'x'.repeat(17 * 2 ** 20) });
  const { code, message } = await refused(submit(1));
  assert.equal(code, 'JOB_TOO_LARGE');
  assert.match(message, /over 16777216 bytes/u);
});

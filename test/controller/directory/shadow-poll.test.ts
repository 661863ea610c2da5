import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { IntakeRows } from '../../../controller/directory/intake-table.ts';
import { refusedCopies, ShadowPoll } from '../../../controller/directory/shadow-poll.ts';
import { shadowReports, verdictOf } from '../../../controller/directory/shadow-report.ts';
import type { JobRecord } from '../../../controller/domain/job.ts';
import { TakingFarm } from '../../helpers/intake-farm.ts';
import { oneItem, rowId, StudioTables } from '../../helpers/studio-tables.ts';

const never = new AbortController().signal;
/** When row 0 is created. */
const startMs = 1_700_000_000_000;

async function shadowing(t: TestContext, { newestCopyMs }: { newestCopyMs?: number } = {}) {
  const tables = await StudioTables.open(t);
  const farm = new TakingFarm();
  const refused = refusedCopies();
  const clock = { nowMs: startMs };
  const silent = () => undefined;
  const poll = new ShadowPoll({
    ...{ farm, refused, pageRows: 2, log: { info: silent, warn: silent } },
    rows: new IntakeRows(tables.access),
    rules: { isInSourceShare: (path) => path.startsWith('\\\\nas\\Clips\\'), nowMs: () => clock.nowMs },
    newestCopyMs: () => Promise.resolve(newestCopyMs),
  });
  const old = (n: number, changes: Readonly<Record<string, unknown>> = {}, items = [oneItem]) =>
    tables.insert(rowId(n), n, { farm: null, status: 'queued', ...changes }, items);
  // What the poll asks for, and nothing that the test does.
  const methods = new Set<string | undefined>();
  const round = async () => {
    tables.server.before = ({ method }) => {
      methods.add(method);
      return Promise.resolve();
    };
    const done = await poll.round(never);
    tables.server.before = () => Promise.resolve();
    return done;
  };
  return { tables, farm, refused, clock, old, round, methods };
}

test('Copies are taken of what the other farm renders or has, since the start, and only by reading', async (t) => {
  const { tables, farm, old, round, methods } = await shadowing(t);
  await old(-5);
  for (const [n, status] of ['queued', 'processing', 'completed', 'failed', 'cancelled'].entries())
    await old(n, { status });
  await old(7, { farm: 'renderfarm' });
  assert.deepEqual(await round(), { submitted: 3 });
  assert.deepEqual(farm.order, [0, 1, 2].map(rowId));
  await old(9);
  assert.deepEqual(await round(), { submitted: 1 });
  assert.deepEqual(await round(), { submitted: 0 });
  assert.deepEqual([...methods], ['GET']);
  assert.equal((await tables.row(rowId(0)))['claimed_by'], null);
});

test('A row that becomes visible after a later one is found all the same', async (t) => {
  const { farm, old, round } = await shadowing(t);
  await old(200);
  await round();
  await old(150);
  await round();
  await old(201);
  await round();
  assert.deepEqual(farm.order, [200, 150, 201].map(rowId));
});

test('More rows than a round looks at are taken in by several', async (t) => {
  const { farm, old, round } = await shadowing(t);
  for (let n = 0; n < 45; n += 1) await old(n);
  const rounds = [];
  for (let count = 0; count < 4; count += 1) rounds.push((await round()).submitted);
  assert.deepEqual(rounds, [20, 20, 5, 0]);
  assert.equal(new Set(farm.order).size, 45);
});

test('Who comes after a shadow goes on an hour before its newest copy, and takes none twice', async (t) => {
  const { farm, old, round } = await shadowing(t, { newestCopyMs: startMs });
  await old(-3_700);
  await old(-3_500);
  await old(-10);
  farm.taken.set(rowId(-10), {} as never);
  await round();
  assert.deepEqual(farm.order, [rowId(-3_500)]);
});

test('A farm that is full goes on later, in order', async (t) => {
  const { farm, old, round } = await shadowing(t);
  for (let n = 0; n < 5; n += 1) await old(n);
  farm.jobsMax = 3;
  await round();
  await round();
  assert.equal(farm.order.length, 3);
  farm.jobsMax = 9;
  await round();
  assert.deepEqual(farm.order, [0, 1, 2, 3, 4].map(rowId));
});

test('What cannot be rendered here is told in the report, once; rows without items are waited for', async (t) => {
  const { tables, farm, refused, clock, old, round } = await shadowing(t);
  await old(1, {}, [{ position: 3, item_type: 'video', path: '' }]);
  await old(2, {}, []);
  await round();
  assert.deepEqual([...refused.keys()], [rowId(1)]);
  assert.match(refused.get(rowId(1))?.why ?? '', /^No path for video at position 3/u);
  clock.nowMs += 30_000;
  await tables.insertItems(rowId(2), [oneItem]);
  await round();
  assert.deepEqual(farm.order, [rowId(2)]);
});

test('The report says what both farms made of a job, also while the other cannot be asked', async (t) => {
  const { tables, refused, old } = await shadowing(t);
  await old(1, { status: 'completed', final_duration: 61.2, started_at: '2026-01-01T10:00:00Z' });
  refused.set(rowId(3), { jobId: rowId(3), why: 'No items found' });
  const entries = [1, 2].map((n) => ({ job: shadowed(n) }));
  const reports = shadowReports({
    rows: new IntakeRows(tables.access),
    jobs: () => Promise.resolve({ entries, nextToken: 'more' }),
    ...{ refused, stopping: never },
  });
  const { jobs, nextToken, trouble } = await reports.report({ size: 50, token: '' });
  assert.equal(nextToken, 'more');
  assert.equal(trouble, undefined);
  assert.deepEqual(
    jobs.map(({ jobId, verdict }) => [jobId, verdict]),
    [
      [rowId(3), 'old-unknown'],
      [rowId(1), 'length-differs'],
      [rowId(2), 'old-unknown'],
    ],
  );
  assert.deepEqual(jobs[1]?.old, {
    ...{ status: 'completed', startedAtMs: Date.UTC(2026, 0, 1, 10), durationMs: 61_200 },
  });
  assert.deepEqual(jobs[1].ours, {
    ...{ status: 'completed', startedAtMs: 1_000, endedAtMs: 9_000, durationMs: 60_000, workerId: 'pc1' },
  });
  assert.equal(
    (await reports.report({ size: 50, token: 'more' })).jobs.length,
    2,
    'refused ones stand on the first page',
  );
  tables.server.fault = () => ({ status: 500 });
  const blind = await reports.report({ size: 50, token: '' });
  assert.match(blind.trouble ?? '', /Supabase answers with HTTP 500/u);
  assert.ok(blind.jobs.every(({ old: theirs }) => theirs === undefined));
});

for (const [ours, old, verdict] of [
  ['processing', 'completed', 'open'],
  ['completed', 'processing', 'open'],
  ['completed', 'failed', 'only-old-failed'],
  ['failed', 'completed', 'only-ours-failed'],
  ['refused', 'cancelled', 'both-failed'],
  ['completed', 'completed', 'same'],
] as const) {
  test(`Ours ${ours}, the old one ${old}: ${verdict}`, () => {
    assert.equal(
      verdictOf({ status: ours, durationMs: 60_000 }, { status: old, durationMs: 60_000 }, 1),
      verdict,
    );
  });
}

test('Half a second, and a frame for each item, is no difference of length', () => {
  const verdict = (ms: number) =>
    verdictOf(
      { status: 'completed', durationMs: 60_000 },
      { status: 'completed', durationMs: 60_000 - ms },
      30,
    );
  assert.equal(verdict(1_499), 'same');
  assert.equal(verdict(-1_499), 'same');
  assert.equal(verdict(1_502), 'length-differs');
});

function shadowed(n: number): JobRecord {
  const entry = { atMs: 1_000, what: 'assigned', detail: '', agentId: 'pc1' };
  const job: Partial<JobRecord> = {
    ...{
      jobId: rowId(n),
      channelName: 'Kids TV',
      state: 'published',
      itemCount: 1,
      attemptCount: 1,
      agentId: 'pc1',
    },
    ...{
      endedAtMs: 9_000,
      finalDurationMs: 60_000,
      shadow: { frames: 1_800, sizeBytes: 5 },
      timeline: [entry],
    },
  };
  return job as JobRecord;
}

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { FarmError } from '../../../controller/domain/errors.ts';
import { webApp } from '../../../controller/web/server.ts';
import { FakeFarm, noLogs } from '../../helpers/fake-farm.ts';

const nowMs = 100_000;
const owed = {
  destination: 'directory',
  rows: 7,
  oldestSinceMs: nowMs - 60_000,
  awaySinceMs: nowMs - 50_000,
  lastError: 'fetch failed',
  refused: 1,
  refusals: [{ jobId: 'j1', reason: 'no such user', sinceMs: 0, nextTryAtMs: nowMs }],
} as const;

async function open(access: { token?: string } = {}) {
  const farm = new FakeFarm();
  farm.farmSummary = { ...farm.farmSummary, outbox: [owed] };
  const log = () => undefined;
  const logger = { info: log, warn: log, error: log };
  const app = await webApp({
    ...{ farm, logger, access: { ...access, origins: [] } },
    ...{ isInSourceShare: () => true, reads: noLogs, nowMs: () => nowMs },
  });
  const get = (url: string, headers: Record<string, string> = {}) =>
    app.inject({ method: 'GET', url, headers: { host: '127.0.0.1:8000', ...headers } });
  return { farm, get, [Symbol.asyncDispose]: () => app.close() };
}

function samples(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.replace(/ \S+$/u, ''), Number(line.split(' ').at(-1))]));
}

test('metrics tell of the farm, and of what destinations are owed', async () => {
  await using web = await open();
  const reply = await web.get('/metrics');
  assert.equal(reply.statusCode, 200);
  assert.match(reply.headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/u);
  const found = samples(reply.body);
  for (const [name, value] of [
    ['renderfarm_jobs{queue="gpu_queue",state="waiting"}', 2],
    ['renderfarm_agents{liveness="attached"}', 1],
    ['renderfarm_logs_unwritable', 0],
    ['renderfarm_outbox_rows{destination="directory"}', 7],
    ['renderfarm_outbox_refused_rows{destination="directory"}', 1],
    ['renderfarm_outbox_oldest_seconds{destination="directory"}', 60],
    ['renderfarm_outbox_away_seconds{destination="directory"}', 50],
  ] as const) {
    assert.equal(found.get(name), value, name);
  }
});

test('a second scrape keeps nothing of the first', async () => {
  await using web = await open();
  await web.get('/metrics');
  const alarms = [{ atMs: 0, event: 'logs-unwritable', fields: { reason: 'ENOSPC' } }];
  web.farm.farmSummary = { ...web.farm.farmSummary, jobsByQueue: [], outbox: [], alarms };
  const { body } = await web.get('/metrics');
  assert.ok(!body.includes('gpu_queue') && !body.includes('directory'), body);
  assert.equal(samples(body).get('renderfarm_logs_unwritable'), 1);
});

test('docs/metrics.md has exactly the metrics that there are', async () => {
  await using web = await open();
  const status = web.farm.status();
  web.farm.status = () => ({ ...status, lastCommitAgeMs: 1_500 });
  const served = new Set(
    [...(await web.get('/metrics')).body.matchAll(/^# TYPE (\S+)/gmu)].map(([, name]) => name),
  );
  const page = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');
  const documented = new Set([...page.matchAll(/^\| `(renderfarm_\w+)`/gmu)].map(([, name]) => name));
  assert.deepEqual(served, documented);
});

test('a controller that does not lead tells of itself only', async () => {
  await using web = await open();
  web.farm.summary = () => Promise.reject(new FarmError('NOT_LEADING', 'another controller leads'));
  const { body, statusCode } = await web.get('/metrics');
  assert.equal(statusCode, 200);
  assert.ok(body.includes('renderfarm_serving') && !body.includes('renderfarm_jobs'), body);
  const status = await web.get('/api/admin/status');
  assert.equal(status.statusCode, 200);
  assert.equal(status.json<{ farm: unknown }>().farm, null);
});

test('what cannot be read is an error, and no empty farm', async () => {
  await using web = await open();
  web.farm.summary = () => Promise.reject(new FarmError('STORAGE_UNAVAILABLE', 'the store is away'));
  assert.equal((await web.get('/metrics')).statusCode, 503);
  assert.equal((await web.get('/api/admin/status')).statusCode, 503);
});

test('both ask for the token of the farm', async () => {
  const token = 'a-token-of-the-farm';
  await using web = await open({ token });
  for (const url of ['/metrics', '/api/admin/status']) {
    assert.equal((await web.get(url)).statusCode, 401);
    assert.equal((await web.get(url, { authorization: `Bearer ${token}` })).statusCode, 200);
  }
});

test('status shows what waits, since when it is away, why, and who was refused', async () => {
  await using web = await open();
  const { farm } = (await web.get('/api/admin/status')).json<{ farm: { outbox: readonly object[] } }>();
  assert.deepEqual(farm.outbox, [
    {
      destination: 'directory',
      rows: 7,
      oldest_since: new Date(nowMs - 60_000).toISOString(),
      away_since: new Date(nowMs - 50_000).toISOString(),
      last_error: 'fetch failed',
      refused: 1,
      refusals: [
        {
          job_id: 'j1',
          reason: 'no such user',
          since: new Date(0).toISOString(),
          next_try: new Date(nowMs).toISOString(),
        },
      ],
    },
  ]);
});

import assert from 'node:assert/strict';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { stringify } from 'yaml';
import { connect, type RenderfarmClient } from '../../client/renderfarm-client.ts';
import { readConfig } from '../../controller/config.ts';
import { startController } from '../../controller/controller.ts';
import { startCli } from '../helpers/cli-process.ts';
import { startRedisServer } from '../helpers/redis-server.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

interface Started {
  readonly client: RenderfarmClient;
  readonly address: string;
  readonly folder: string;
  readonly web: (path: string, body?: object) => Promise<{ status: number; body: Record<string, unknown> }>;
  readonly stop: () => Promise<void>;
}

/** A controller whose ended jobs leave the hot store at its next look at the clock. */
async function start(t: TestContext, folder: string, more: object = {}): Promise<Started> {
  const file = join(folder, 'controller.yaml');
  const shares = [
    { name: 'clips', roots: ['\\\\nas\\Clips'], role: 'source' },
    { name: 'results', roots: ['\\\\nas\\Results'], role: 'output' },
  ];
  const settings = {
    listen: ['127.0.0.1:0'],
    web: { listen: ['127.0.0.1:0'] },
    shares,
    output: { share: 'results' },
    dataDir: folder,
    logsDir: join(folder, 'logs'),
    results: 'all',
    times: { endedJobsMs: 1, deliveryRetryMinMs: 20, deliveryRetryMaxMs: 50 },
    ...more,
  };
  await writeFile(file, stringify(settings));
  const config = readConfig({ argv: ['--config', file], env: {}, folder });
  assert.ok(config !== 'help');
  const controller = await startController({ config, log: silent, signal: AbortSignal.timeout(20_000) });
  t.after(() => controller.stop());
  const [address = ''] = controller.addresses;
  const client = connect({ addresses: [address] });
  t.after(() => client.close());
  const web: Started['web'] = async (path, body) => {
    const headers = { 'content-type': 'application/json' };
    const init = body && { method: 'POST', body: JSON.stringify(body), headers };
    const response = await fetch(`http://${controller.webAddresses[0] ?? ''}${path}`, init);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  return { client, address, folder, web, stop: () => controller.stop() };
}

const items = [{ itemType: 'image', path: '\\\\nas\\Clips\\a.png', durationMs: 3_000 }] as const;

async function ended({ client }: Started, channelName: string, userId = 'ann'): Promise<string> {
  const { jobId } = await client.submit({ userId, channelName, items });
  await client.cancel(jobId, { reason: 'not needed' });
  return jobId;
}

/** Until the hot store has none of them. */
async function gone({ client }: Started): Promise<void> {
  for (;;) {
    const left = await Array.fromAsync(client.list());
    if (left.length === 0) return;
    await pause(20);
  }
}

async function idsOf(entries: AsyncIterable<{ readonly jobId: string }>): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const { jobId } of entries) ids.push(jobId);
  return ids;
}

test('A job is the same for callers when it has left the hot store, over gRPC, HTTP and at the CLI', async (t) => {
  const farm = await start(t, await tempFolder(t), { times: { endedJobsMs: 86_400_000 } });
  const first = await ended(farm, 'Kids');
  const second = await ended(farm, 'Nature', 'bob');
  const hot = {
    get: await farm.client.get(first),
    web: (await farm.web(`/api/jobs/${first}`)).body,
    history: (await farm.web('/api/history')).body,
    cli: (await startCli(['history', '--address', farm.address]).ended).lines,
  };
  await farm.stop();
  const again = await start(t, farm.folder);
  await gone(again);
  assert.deepEqual(await again.client.get(first), hot.get);
  assert.deepEqual((await again.web(`/api/jobs/${first}`)).body, hot.web);
  assert.deepEqual((await again.web('/api/history')).body, hot.history);
  const cli = await startCli(['history', '--address', again.address]).ended;
  assert.deepEqual([cli.lines, cli.stderr], [hot.cli, '']);
  assert.deepEqual(await idsOf(again.client.past.jobs({ channelText: 'nat' })), [second]);
  assert.deepEqual(await idsOf(again.client.past.jobs({ userId: 'ann', pageSize: 1 })), [first]);
  assert.deepEqual(await idsOf(again.client.attempts(first)), []);
  const filtered = await again.web('/api/history?status=failed&queue=&ended_from=');
  assert.deepEqual(filtered.body['jobs'], []);
  for (const path of [
    '/api/history?status=queued',
    '/api/history?page_token=x',
    '/api/history?ended_from=2',
  ]) {
    assert.equal((await again.web(path)).status, 400, path);
  }
  assert.equal((await again.web('/api/jobs/00000000-0000-4000-8000-000000000009')).status, 404);
});

test('Pages join the hot store and history in one order, each job once', async (t) => {
  const folder = await tempFolder(t);
  const before = await start(t, folder);
  const old: string[] = [];
  for (let n = 0; n < 4; n += 1) old.push(await ended(before, `old ${n}`));
  await gone(before);
  await before.stop();
  const farm = await start(t, folder, { times: { endedJobsMs: 86_400_000 } });
  // Also one that comes back: where it ended first it is no more.
  const [back = ''] = old;
  await farm.client.retry(back);
  await farm.client.cancel(back);
  const recent = [back];
  for (let n = 0; n < 3; n += 1) recent.push(await ended(farm, `new ${n}`));
  const expected = [...recent.reverse(), ...old.slice(1).reverse()];
  for (const pageSize of [1, 2, 3, 50]) {
    assert.deepEqual(await idsOf(farm.client.past.jobs({ pageSize })), expected, `pages of ${pageSize}`);
  }
});

test('A job that has left the hot store is retried over HTTP, once, and a hostile export is harmless', async (t) => {
  const farm = await start(t, await tempFolder(t));
  const jobId = await ended(farm, '=HYPERLINK("http://x","a,b")', '@SUM(A1)');
  await gone(farm);
  const body = { reason: 'once more' };
  const retried = await farm.web(`/api/jobs/${jobId}/retry`, body);
  assert.deepEqual([retried.status, retried.body['state']], [200, 'waiting'], JSON.stringify(retried.body));
  const open = await farm.client.get(jobId);
  assert.deepEqual(
    open.timeline.map(({ what }) => what),
    ['submitted', 'cancelled', 'retried'],
  );
  assert.deepEqual(
    open.items.map(({ path }) => path),
    ['\\\\nas\\Clips\\a.png'],
  );
  assert.deepEqual(await idsOf(farm.client.past.jobs()), [], 'it is open: its old end is history no more');
  await assert.rejects(farm.client.retry(jobId), { code: 'JOB_NOT_ENDED' });
  await farm.client.cancel(jobId);
  await gone(farm);
  const csv = await startCli(['export', 'results', '--since', '1d', '--address', farm.address]).ended;
  assert.equal(csv.stderr, '');
  const [head, ...rows] = csv.lines;
  assert.equal(
    head,
    'job_id,username,channel_name,timestamp,video_count,total_duration,output_path,worker_id,features_used,processing_time,status',
  );
  assert.equal(rows.length, 2, 'one for each end');
  for (const row of rows)
    assert.ok(row.startsWith(`${jobId},'@SUM(A1),"'=HYPERLINK(""http://x"",""a,b"")",`), row);
  const lines = await startCli(['export', 'history', '--format', 'jsonl', '--address', farm.address]).ended;
  const [job] = lines.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    [job?.['job_id'], job?.['user_id'], job?.['status'], job?.['total']],
    [jobId, '@SUM(A1)', 'cancelled', undefined],
  );
});

test('A file that cannot be used stops nothing: jobs stay in the hot store, and it is said why', async (t) => {
  const folder = await tempFolder(t);
  const file = join(folder, 'history.sqlite');
  await mkdir(file);
  const farm = await start(t, folder);
  const jobId = await ended(farm, 'Kids');
  const unknown = await farm.web('/api/jobs/00000000-0000-4000-8000-000000000009');
  assert.deepEqual([unknown.status, unknown.body['code']], [503, 'HISTORY_UNAVAILABLE']);
  assert.equal((await farm.web('/api/history')).status, 503);
  for (;;) {
    const { outbox } = await farm.client.operator.status();
    const away = outbox.find(
      ({ destination, lastError }) => destination === 'history' && lastError !== undefined,
    );
    if (away !== undefined) break;
    await pause(20);
  }
  assert.equal((await farm.client.get(jobId)).job.state, 'cancelled');
  await rm(file, { recursive: true });
  await gone(farm);
  assert.equal((await farm.client.get(jobId)).job.state, 'cancelled');
  assert.ok((await readdir(folder)).includes('history.sqlite'));
});

test('A farm on Redis keeps its history there, and another controller reads it', async (t) => {
  const server = await startRedisServer(t);
  const store = { store: { kind: 'redis', url: server.url } };
  const farm = await start(t, await tempFolder(t), store);
  const jobId = await ended(farm, 'Kids');
  await gone(farm);
  await farm.stop();
  const other = await start(t, await tempFolder(t), store);
  assert.deepEqual(await idsOf(other.client.past.jobs()), [jobId]);
  assert.equal((await other.client.retry(jobId)).state, 'waiting');
});

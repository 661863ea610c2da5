import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { bigQueryCatalog } from '../../controller/catalog/bigquery-catalog.ts';
import { bigQueryResults } from '../../controller/catalog/bigquery-results.ts';
import { defaultTimes, scaleTimes } from '../../controller/domain/times.ts';
import { createEngine, type Engine } from '../../controller/engine/engine.ts';
import { deliveriesTo } from '../../controller/outbox/start-deliveries.ts';
import { jobResolver, jobsLookUp } from '../../controller/resolve-jobs.ts';
import { MemoryDisk } from '../../controller/store/memory/memory-disk.ts';
import { openMemoryStore } from '../../controller/store/memory/memory-store.ts';
import { systemClock } from '../../controller/system-clock.ts';
import { BigQueryServer, type SentQuery } from '../helpers/bigquery-server.ts';
import { RestError } from '../helpers/bigquery-words.ts';
import { farmSettings } from '../helpers/farm-settings.ts';
import { jobId, jobSpec } from '../helpers/turn-farm.ts';

const jobs = [1, 2, 3, 4, 5];

/** An engine that leads, on a disk that survives it, with the real client against the stand-in. */
async function lead(t: TestContext, server: BigQueryServer, disk: MemoryDisk): Promise<Engine> {
  const clock = systemClock();
  const times = scaleTimes(defaultTimes, 0.02);
  const settings = farmSettings({ times, results: 'all', destinations: ['results'] });
  const bigQuery = { projectId: 'studio-1', apiEndpoint: server.url, timeoutMs: 5_000 };
  const catalog = bigQueryCatalog({
    ...bigQuery,
    table: 'studio-1.media.videos',
    idColumn: 'video_id',
    pathColumn: 'path',
    cacheMs: 1,
    cacheEntriesMax: 10,
  });
  const results = bigQueryResults({
    ...bigQuery,
    resultsTable: 'studio-1.media.results',
    resultsFeatures: 'array',
    results: 'all',
  });
  const { shares } = settings;
  const directory = { username: () => Promise.resolve('ann') };
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const engine = createEngine({
    store: openMemoryStore({ disk }),
    settings,
    resolve: jobResolver({ catalog, directory, shares, clock }),
    lookUp: jobsLookUp({ catalog, shares, clock }),
    deliver: deliveriesTo([results], { times, clock, random: Math.random, log }),
    clock,
    random: Math.random,
    log,
    onFatal: (error) => assert.fail(String(error)),
  });
  t.after(() => engine.stop());
  await engine.start([]);
  return engine;
}

function idsOf({ queryParameters }: SentQuery): readonly string[] {
  return queryParameters[0]?.parameterValue.arrayValues?.map(({ value }) => value) ?? [];
}

async function reasonOf(engine: Engine, n: number): Promise<string> {
  return (await engine.job(jobId(n))).job.reason ?? '';
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await isSo())) {
    assert.ok(performance.now() < deadline, 'it did not come about');
    await pause(10);
  }
}

test('Jobs come and go while BigQuery is away: all are looked up and recorded later, each once', async (t) => {
  const server = await BigQueryServer.open(t);
  const away = (): void => {
    throw new RestError(403, 'accessDenied', 'Access Denied: not now');
  };
  server.answer = (query) => idsOf(query).map((id) => ({ video_id: id, path: `\\\\nas\\Clips\\${id}.mp4` }));
  server.before = away;
  const disk = new MemoryDisk('farm-1');
  const first = await lead(t, server, disk);
  for (const n of jobs) {
    const spec = jobSpec(n, { items: [{ position: 0, itemType: 'video', videoId: `v${n}` }] });
    await first.submit({ requestId: '', spec, validateOnly: false, jobIdMade: false });
    assert.match(await reasonOf(first, n), /^catalogue: BigQuery cannot be asked: Access Denied: not now/u);
  }
  server.before = () => undefined;
  await until(async () => (await reasonOf(first, 5)) === 'no agent is attached');
  for (const n of jobs) assert.equal(await reasonOf(first, n), 'no agent is attached');
  // The question that was under way may have been about the first ones alone.
  assert.deepEqual(server.sent.flatMap(idsOf).toSorted(), ['v1', 'v2', 'v3', 'v4', 'v5'], 'each once');
  assert.ok(server.sent.length <= 2, 'together');

  // Their ends are recorded later: refused, then lost on the way, and by the next leader in the end.
  server.before = away;
  for (const n of jobs) await first.orderJob({ kind: 'cancel', jobId: jobId(n), reason: '', requestId: '' });
  assert.deepEqual(server.jobs.rows, []);
  server.jobs.plan = () => ({ lost: true });
  server.before = () => undefined;
  await until(() => server.jobs.rows.length > 0);
  server.before = away;
  await first.stop();
  server.jobs.plan = () => ({ looks: 1 });
  server.before = () => undefined;
  await lead(t, server, disk);
  await until(() => server.jobs.rows.length === jobs.length);
  assert.deepEqual(server.jobs.column('job_id').toSorted(), jobs.map(jobId));
  assert.deepEqual(new Set(server.jobs.column('status')), new Set(['cancelled']));
});

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { connect } from '../../client/renderfarm-client.ts';
import { startController } from '../../controller/controller.ts';
import { startCli } from '../helpers/cli-process.ts';
import { read, shares } from '../helpers/read-config.ts';
import { rowId, StudioTables } from '../helpers/studio-tables.ts';

const item = { position: 0, item_type: 'video', path: '\\\\nas\\Share\\a.mp4' };

/** A controller as it is started, beside the studio's tables. */
async function open(t: TestContext, yaml: (url: string) => string) {
  const tables = await StudioTables.migrated(t, 'sqlite');
  const settings = `${shares}listen: ['127.0.0.1:0']\nweb: { listen: ['127.0.0.1:0'] }\n${yaml(tables.server.url)}`;
  const config = await read(t, settings, { env: { FARM_SUPABASE_KEY: 'key-of-the-farm' } });
  const logged: string[] = [];
  const note = (_fields: object, message: string) => logged.push(message);
  const controller = await startController({
    config: { ...config, logsDir: `${config.folder}/logs` },
    log: { info: note, warn: note, error: note },
    signal: AbortSignal.timeout(20_000),
  });
  t.after(() => controller.stop());
  const web = `http://${controller.webAddresses[0] ?? ''}`;
  const client = connect({ addresses: controller.addresses });
  t.after(() => client.close());
  const ask = async (path: string, method = 'GET') => {
    const response = await fetch(`${web}${path}`, { method });
    return { status: response.status, body: (await response.json()) as Readonly<Record<string, unknown>> };
  };
  const cli = (...args: string[]) => startCli([...args, '--address', controller.addresses[0] ?? '']).ended;
  return { tables, client, ask, cli, logged, stop: () => controller.stop() };
}

test('A row is submitted by its id over HTTP and gRPC, once, and claimed by the farm’s name', async (t) => {
  const { tables, client, ask, cli } = await open(
    t,
    (url) => `farm: north\nsupabase: { url: '${url}', mirror: {} }`,
  );
  await tables.insert(rowId(1), 1, { farm: null }, [item]);
  const first = await ask(`/api/jobs/${rowId(1)}/submit`, 'POST');
  assert.deepEqual([first.status, first.body['existed'], first.body['status']], [200, false, 'queued']);
  assert.equal((await tables.row(rowId(1)))['claimed_by'], 'north');
  const again = await client.submitStored(rowId(1));
  assert.deepEqual([again.existed, again.queue], [true, 'default_queue']);
  assert.equal((await ask(`/api/jobs/${rowId(1)}`)).body['status'], 'queued');

  await tables.insert(rowId(2), 2, { status: 'processing', worker_id: 'PC2' }, [item]);
  const taken = await ask(`/api/jobs/${rowId(2)}/submit`, 'POST');
  assert.deepEqual([taken.status, taken.body['code']], [409, 'ROW_NOT_QUEUED']);
  await assert.rejects(client.submitStored(rowId(3)), { code: 'JOB_NOT_FOUND' });
  await assert.rejects(client.submitStored('no id'), { code: 'INVALID_REQUEST' });
  assert.equal((await ask('/api/jobs/no-id/submit', 'POST')).status, 400);
  assert.equal((await ask('/api/shadow/report')).body['code'], 'NOT_IN_SHADOW');
  await assert.rejects(Array.fromAsync(client.operator.shadowReports()), { code: 'NOT_IN_SHADOW' });

  await tables.insert(rowId(5), 5, {}, [item]);
  const said = await cli('submit', '--stored', rowId(5), '--stored', rowId(1));
  assert.equal(said.code, 0, said.stderr);
  assert.deepEqual(said.lines, [
    `${rowId(5)}  Job submitted successfully to default_queue`,
    `${rowId(1)}  Job submitted successfully to default_queue (it was there already)`,
  ]);
  for (const args of [['--stored', rowId(5), '--priority', 'high'], ['--stored', rowId(5), 'a.json'], []])
    assert.match((await cli('submit', ...args)).stderr, /INVALID_OPTIONS/u);

  tables.server.fault = () => ({ status: 500 });
  const away = await ask(`/api/jobs/${rowId(4)}/submit`, 'POST');
  assert.deepEqual([away.status, away.body['code']], [503, 'DIRECTORY_UNAVAILABLE']);
});

test('A farm without Supabase has no rows to submit', async (t) => {
  const { client, ask } = await open(t, () => '');
  await assert.rejects(client.submitStored(rowId(1)), { code: 'NO_STORED_JOBS' });
  assert.equal((await ask(`/api/jobs/${rowId(1)}/submit`, 'POST')).status, 409);
});

test('The leader polls: a queued row becomes a job by itself; nothing is asked for any more after the stop', async (t) => {
  const poll = (url: string) => `farm: north\nsupabase: { url: '${url}', poll: { everyMs: 20 }, mirror: {} }`;
  const { tables, client, stop } = await open(t, poll);
  await tables.insert(rowId(1), 1, {}, [item]);
  for await (const { job } of client.watch({})) {
    assert.equal(job.jobId, rowId(1));
    break;
  }
  assert.equal((await tables.row(rowId(1)))['claimed_by'], 'north');
  await stop();
  const asked = tables.server.asked.filter((path) => path.includes('claimed_by=is.null')).length;
  assert.ok(asked > 0);
  await tables.insert(rowId(2), 2, {}, [item]);
  assert.equal((await tables.row(rowId(2)))['claimed_by'], null);
});

test('A shadow tells nobody outside, submits no rows, and says what it is', async (t) => {
  const { tables, client, ask, cli } = await open(
    t,
    (url) => `farm: north\nshadow: true\nsupabase: { url: '${url}', poll: { everyMs: 20 } }
bigQuery: { projectId: p, table: p.d.clips, resultsTable: p.d.results, apiEndpoint: '${url}' }`,
  );
  const status = await ask('/api/admin/status');
  assert.equal(status.body['shadow'], true);
  const { outbox } = status.body['farm'] as { outbox: readonly { destination: string }[] };
  assert.deepEqual(
    outbox.map(({ destination }) => destination),
    ['history'],
  );
  assert.equal((await client.operator.status()).controller.shadow, true);
  await assert.rejects(client.submitStored(rowId(1)), { code: 'NO_STORED_JOBS' });

  await tables.insert(rowId(1), (Date.now() - 1_700_000_000_000) / 1_000 + 5, { farm: null }, [item]);
  for await (const { job } of client.watch({})) {
    assert.equal(job.jobId, rowId(1));
    break;
  }
  const report = await ask('/api/shadow/report');
  assert.deepEqual(
    (report.body['jobs'] as readonly { verdict: string }[]).map(({ verdict }) => verdict),
    ['open'],
  );
  assert.equal((await tables.row(rowId(1)))['claimed_by'], null);
  assert.match((await cli('status')).lines.join('\n'), /^Mode: +SHADOW/mu);
  const { lines } = await cli('shadow');
  assert.match(lines[0] ?? '', /^JOB +VERDICT +OURS +OLD +TIME/u);
  assert.match(lines[1] ?? '', new RegExp(`^${rowId(1)} +open +queued +queued`, 'u'));
  assert.equal(lines.at(-1), '1 jobs: 1 open');
});

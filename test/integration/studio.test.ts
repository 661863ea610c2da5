import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { ControllerConfig } from '../../controller/config.ts';
import { type Controller, startController } from '../../controller/controller.ts';
import { BigQueryServer } from '../helpers/bigquery-server.ts';
import { RestError } from '../helpers/bigquery-words.ts';
import { timeOf } from '../helpers/mirror-studio.ts';
import { read, shares } from '../helpers/read-config.ts';
import { rowId } from '../helpers/studio-tables.ts';
import { SupabaseServer } from '../helpers/supabase-server.ts';
import { WaitingAgent } from '../helpers/waiting-agent.ts';

const farmKey = 'key-of-the-farm';

type Row = Readonly<Record<string, unknown>>;

/** Supabase and BigQuery, and a controller that tells both, as it is started; it comes back at its address. */
class Studio {
  readonly supabase: SupabaseServer;
  readonly bigQuery: BigQueryServer;
  #config: ControllerConfig;
  #controller: Controller | undefined;

  private constructor(supabase: SupabaseServer, bigQuery: BigQueryServer, config: ControllerConfig) {
    this.supabase = supabase;
    this.bigQuery = bigQuery;
    this.#config = config;
  }

  static async open(t: TestContext): Promise<Studio> {
    const supabase = await SupabaseServer.studio(t, 'sqlite');
    const bigQuery = await BigQueryServer.open(t);
    const settings = `${shares}farm: north
timeScale: 0.1
listen: ['127.0.0.1:0']
web: { listen: ['127.0.0.1:0'] }
supabase: { url: '${supabase.url}', timeoutMs: 500, mirror: { requestMs: 1000 } }
bigQuery: { projectId: studio, table: studio.media.videos, resultsTable: studio.media.results, apiEndpoint: '${bigQuery.url}' }
`;
    const config = await read(t, settings, { env: { FARM_SUPABASE_KEY: farmKey } });
    const studio = new Studio(supabase, bigQuery, { ...config, logsDir: `${config.folder}/logs` });
    t.after(() => studio.stop());
    await studio.start();
    return studio;
  }

  get addresses(): readonly string[] {
    return this.#controller?.addresses ?? [];
  }

  async start(): Promise<void> {
    const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
    const signal = AbortSignal.timeout(20_000);
    this.#controller = await startController({ config: this.#config, log: silent, signal });
    this.#config = { ...this.#config, listen: this.addresses };
  }

  async stop(): Promise<void> {
    await this.#controller?.stop();
  }

  /** Both are away for the farm, or there again. */
  cut(isCut: boolean): void {
    this.supabase.fault = ({ headers }) =>
      isCut && headers['apikey'] === farmKey ? { status: 503 } : 'none';
    this.bigQuery.before = () => {
      if (isCut) throw new RestError(503, 'backendError', 'away');
    };
  }

  async submit(n: number, userId: string): Promise<void> {
    const path = '\\\\nas\\Share\\a.mp4';
    const reply = await this.#ask('/api/jobs/submit', {
      job_id: rowId(n),
      user_id: userId,
      channel_name: 'Kids TV',
      items: [{ position: 0, item_type: 'video', path, duration: 12.5, title: `clip ${n}` }],
    });
    assert.equal(reply['status'], 'queued');
  }

  /** What waits to be told, of all destinations. */
  async waiting(): Promise<number> {
    const { farm } = await this.#ask('/api/admin/status');
    return (farm as { outbox: readonly { rows: number }[] }).outbox.reduce((sum, { rows }) => sum + rows, 0);
  }

  async addUser(id: string, username: string): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ id, username });
    const reply = await fetch(`${this.supabase.url}/rest/v1/profiles`, { method: 'POST', headers, body });
    assert.ok(reply.ok, await reply.text());
  }

  /** Of one job, as anybody reads them. */
  async rows(table: 'jobs' | 'job_items', n: number): Promise<readonly Row[]> {
    const reply = await fetch(`${this.supabase.url}/rest/v1/${table}?job_id=eq.${rowId(n)}`);
    return (await reply.json()) as readonly Row[];
  }

  resultsOf(n: number): readonly Row[] {
    return this.bigQuery.jobs.rows.filter((row) => row['job_id'] === rowId(n));
  }

  async #ask(path: string, body?: object): Promise<Row> {
    const post = { method: 'POST', headers: { 'content-type': 'application/json' } };
    const init = body === undefined ? {} : { ...post, body: JSON.stringify(body) };
    const response = await fetch(`http://${this.#controller?.webAddresses[0] ?? ''}${path}`, init);
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return JSON.parse(text) as Row;
  }
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await isSo())) {
    assert.ok(performance.now() < deadline, 'it did not come about');
    await pause(10);
  }
}

test('Jobs over HTTP end as rows of the studio, though Supabase and BigQuery go in the middle and the controller restarts', async (t) => {
  const studio = await Studio.open(t);
  await studio.addUser('u-1', 'Ann');
  const agent = new WaitingAgent({ agentId: 'pc1', controllers: studio.addresses, slots: 2 });
  t.after(() => agent.stop());
  await agent.until(({ welcomes }) => welcomes.length === 1);

  await studio.submit(1, 'u-1');
  await studio.submit(2, 'u-1');
  await agent.until(({ started }) => started.length === 2);
  await until(async () => (await studio.waiting()) === 0);
  const [running] = await studio.rows('jobs', 1);
  assert.deepEqual(
    ['status', 'worker_id', 'claimed_by', 'completed_at', 'output_path'].map((column) => running?.[column]),
    ['processing', 'pc1', 'north', null, null],
  );

  studio.cut(true);
  await studio.submit(3, 'u-1');
  agent.finish();
  await agent.until(({ publishedJobIds }) => publishedJobIds.length === 3);
  await until(async () => (await studio.waiting()) === 6);
  await studio.stop();
  await studio.start();
  await agent.until(({ welcomes }) => welcomes.length === 2);
  await studio.submit(4, 'u-1');
  await agent.until(({ publishedJobIds }) => publishedJobIds.length === 4);
  await until(async () => (await studio.waiting()) === 8);
  assert.equal((await studio.rows('jobs', 1))[0]?.['status'], 'processing');
  assert.deepEqual([await studio.rows('jobs', 3), studio.bigQuery.jobs.rows], [[], []]);

  studio.cut(false);
  await until(async () => (await studio.waiting()) === 0);
  for (const n of [1, 2, 3, 4]) await assertTold(studio, n);
  // The restarted controller may still have taken Supabase for away when the last one was told.
  for (const n of [1, 2, 3]) assert.equal(studio.resultsOf(n)[0]?.['username'], 'Ann');
});

/** One row everywhere, with what became of the job. */
async function assertTold(studio: Studio, n: number): Promise<void> {
  const [row, ...others] = await studio.rows('jobs', n);
  assert.ok(row);
  assert.deepEqual(others, []);
  const { status, progress, worker_id, farm, claimed_by, farm_state, error_message, final_duration } = row;
  assert.deepEqual(
    [status, progress, worker_id, farm, claimed_by, farm_state, error_message, final_duration],
    ['completed', 100, 'pc1', 'renderfarm', 'north', 'published', null, 1],
  );
  assert.match(String(row['output_path']), /^\\\\nas\\Out\\Renders\\2026\\/u);
  assert.ok(timeOf(row['created_at']) <= timeOf(row['started_at']));
  assert.ok(timeOf(row['started_at']) <= timeOf(row['completed_at']));
  const items = await studio.rows('job_items', n);
  assert.deepEqual(
    items.map(({ position, title, duration }) => [position, title, duration]),
    [[0, `clip ${n}`, 12.5]],
  );
  const [result, ...more] = studio.resultsOf(n);
  assert.ok(result);
  assert.deepEqual(more, []);
  assert.deepEqual(
    [result['worker_id'], result['status'], result['output_path'], result['timestamp']],
    ['pc1', 'completed', row['output_path'], new Date(timeOf(row['completed_at'])).toISOString()],
  );
}

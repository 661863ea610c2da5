import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { stringify } from 'yaml';
import { readConfig } from '../../controller/config.ts';
import { startController } from '../../controller/controller.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

async function configWith(t: TestContext, web: object) {
  const folder = await tempFolder(t);
  const file = join(folder, 'controller.yaml');
  const shares = [
    { name: 'clips', roots: ['\\\\nas\\Clips'], role: 'source' },
    { name: 'results', roots: ['\\\\nas\\Results'], role: 'output' },
  ];
  const settings = { listen: ['127.0.0.1:0'], shares, output: { share: 'results' }, dataDir: folder, web };
  await writeFile(file, stringify(settings));
  const config = readConfig({ argv: ['--config', file], env: {}, folder });
  assert.notEqual(config, 'help');
  return config as Exclude<typeof config, 'help'>;
}

async function start(t: TestContext, web: object) {
  const config = await configWith(t, web);
  const controller = await startController({ config, log: silent, signal: AbortSignal.timeout(20_000) });
  t.after(() => controller.stop());
  return controller;
}

test('A job of the old web application goes into the queue, is followed and cancelled over HTTP', async (t) => {
  const controller = await start(t, { listen: ['127.0.0.1:0', '[::1]:0'] });
  const [address = '', six = ''] = controller.webAddresses;
  const call = async (path: string, body?: object) => {
    const init = body && {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    };
    const response = await fetch(`http://${address}${path}`, init);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const items = [{ position: 0, item_type: 'image', path: '\\\\nas\\Clips\\a.png', duration: 3 }];
  const job = { user_id: 'ann', channel_name: 'Kids', enable_4k: true, items };
  const { status, body } = await call('/api/jobs/submit', job);
  assert.equal(status, 200, JSON.stringify(body));
  assert.equal(body['message'], 'Job submitted successfully to 4k_queue');
  const jobId = String(body['job_id']);

  const again = await call('/api/jobs/submit', { ...job, job_id: jobId });
  assert.equal(again.body['existed'], true);
  const row = await call(`/api/jobs/${jobId}`);
  assert.deepEqual([row.body['status'], row.body['state'], row.body['progress']], ['queued', 'waiting', 0]);
  const queues = await call('/api/queues');
  assert.deepEqual(
    (queues.body['queues'] as { name: string; waiting: number }[]).map(({ name, waiting }) => [
      name,
      waiting,
    ]),
    [
      ['4k_queue', 1],
      ['gpu_queue', 0],
      ['default_queue', 0],
    ],
  );
  const cancelled = await call(`/api/jobs/${jobId}/cancel`, { reason: 'no longer wanted' });
  assert.equal(cancelled.body['status'], 'cancelled');
  const history = await call('/api/history?user_id=ann');
  assert.deepEqual(
    (history.body['jobs'] as { job_id: string }[]).map(({ job_id }) => job_id),
    [jobId],
  );
  assert.equal((await call(`/api/jobs/${jobId}/cancel`)).status, 404, 'an order is no GET');
  assert.equal((await fetch(`http://${six}/api/queues`)).status, 200);

  await controller.stop();
  await assert.rejects(fetch(`http://${address}/api/queues`));
});

test('An address that is taken, or that others reach without TLS, ends the start with its code', async (t) => {
  const [taken = ''] = (await start(t, { listen: ['127.0.0.1:0'] })).webAddresses;
  await assert.rejects(start(t, { listen: [taken] }), { code: 'LISTEN_FAILED' });
  await assert.rejects(start(t, { listen: ['0.0.0.0:0'] }), { code: 'INSECURE_LISTEN' });
});

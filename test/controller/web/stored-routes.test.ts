import assert from 'node:assert/strict';
import { test } from 'node:test';
import { webApp } from '../../../controller/web/server.ts';
import { FakeFarm, noLogs } from '../../helpers/fake-farm.ts';
import { storedRows } from '../../helpers/stored-rows.ts';

test('A comparison of two farms reads in the words of the table', async (t) => {
  const silent = (): void => undefined;
  const app = await webApp({
    ...storedRows,
    farm: new FakeFarm(),
    logger: { info: silent, warn: silent, error: silent },
    access: { origins: [] },
    isInSourceShare: () => true,
    reads: noLogs,
    nowMs: () => 1_000,
  });
  t.after(() => app.close());
  const reply = await app.inject({ url: '/api/shadow/report', headers: { host: '127.0.0.1:8000' } });
  const [compared] = reply.json<{ jobs: Record<string, unknown>[] }>().jobs;
  assert.deepEqual(compared?.['old'], {
    ...{ status: 'completed', wall_seconds: 2.5, final_duration: 60, worker_id: null, error_message: null },
    ...{ started_at: '1970-01-01T00:00:01.000Z', completed_at: '1970-01-01T00:00:03.500Z' },
  });
  assert.deepEqual([compared['verdict'], compared['frames']], ['only-ours-failed', null]);
});

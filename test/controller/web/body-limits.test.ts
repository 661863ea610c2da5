import assert from 'node:assert/strict';
import { test } from 'node:test';
import { webApp } from '../../../controller/web/server.ts';
import { FakeFarm, noLogs } from '../../helpers/fake-farm.ts';

test('a list of items that no job has is refused before each of them is looked at', async (t) => {
  const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const world = { isInSourceShare: () => true, reads: noLogs, nowMs: () => 1_000 };
  const app = await webApp({ farm: new FakeFarm(), logger: silent, access: { origins: [] }, ...world });
  t.after(() => app.close());
  const headers = { host: '127.0.0.1:8000' };
  for (const url of ['/api/jobs/submit', '/api/jobs/verify']) {
    const post = async (count: number) =>
      await app.inject({
        ...{ method: 'POST', url, headers },
        payload: { items: Array.from({ length: count }, () => ({})) },
      });
    const reply = await post(100_000);
    assert.equal(reply.statusCode, 400);
    const { code, violations } = reply.json<{ code: string; violations: readonly unknown[] }>();
    const description = 'has 100000 entries: a job has at most 2000';
    assert.deepEqual([code, violations], ['INVALID_REQUEST', [{ field: 'items', description }]]);
    // All that is wrong with what could be a job is told.
    const told = (await post(2)).json<{ violations: readonly unknown[] }>();
    assert.ok(told.violations.length > 1);
  }
});

import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { request } from 'node:https';
import { test } from 'node:test';
import { startWebServer } from '../../../controller/web/server.ts';
import { makeCertificates } from '../../helpers/certificates.ts';
import { FakeFarm, noLogs } from '../../helpers/fake-farm.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

test('With a CA every caller shows a certificate, and its name stands before what a caller says of itself', async (t) => {
  const { folder, ca, server, pc1 } = await makeCertificates();
  t.after(() => rm(folder, { recursive: true }));
  const farm = new FakeFarm();
  const web = await startWebServer({
    farm,
    logger: silent,
    isInSourceShare: () => true,
    reads: noLogs,
    nowMs: () => 1_000,
    access: { origins: [] },
    addresses: ['127.0.0.1:0'],
    stopMs: 50,
    tls: { ...server, ca },
  });
  t.after(() => web.stop());
  const drain = async (identity: object): Promise<number | undefined> => {
    const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
    const call = request(
      `https://${web.addresses[0]}/api/admin/agents/pc2/drain`,
      { method: 'POST', servername: '', ca, ...identity, headers: { 'content-type': 'application/json' } },
      (response) => resolve(response.resume().statusCode),
    );
    call.on('error', reject);
    call.end(JSON.stringify({ by: 'somebody else' }));
    return await promise;
  };
  await assert.rejects(drain({}));
  assert.equal(farm.orders.length, 0);
  assert.equal(await drain(pc1), 200);
  assert.partialDeepStrictEqual(farm.orders, [{ kind: 'drain', agentId: 'pc2', by: 'pc1' }]);
});

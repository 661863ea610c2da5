import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { test } from 'node:test';
import type { LogReads } from '../../../controller/domain/log-files.ts';
import { startWebServer } from '../../../controller/web/server.ts';
import { FakeFarm, oneJobId } from '../../helpers/fake-farm.ts';

test('a reader of a log that leaves before its first byte gives its place back', async (t) => {
  const asked = Promise.withResolvers<undefined>();
  const givenBack = Promise.withResolvers<boolean>();
  const reads: LogReads = {
    async *read(_query, signal) {
      try {
        asked.resolve(undefined);
        // The disk is as slow as that: the reader has gone meanwhile.
        await once(signal, 'abort');
        yield { kind: 'begin', attempt: 0, offsetBytes: 0, sizeBytes: 3 };
      } finally {
        givenBack.resolve(true);
      }
    },
  };
  const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const web = await startWebServer({
    ...{ farm: new FakeFarm(), reads, logger: silent, access: { origins: [] } },
    ...{ addresses: ['127.0.0.1:0'], isInSourceShare: () => true, nowMs: Date.now, stopMs: 1_000 },
  });
  t.after(() => web.stop());
  const { port } = new URL(`http://${web.addresses[0]}`);
  const socket = createConnection(Number(port), '127.0.0.1');
  await once(socket, 'connect');
  socket.write(`GET /api/jobs/${oneJobId}/log HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`);
  await asked.promise;
  socket.destroy();
  const late = AbortSignal.timeout(5_000);
  late.addEventListener('abort', () => givenBack.resolve(false));
  assert.ok(await givenBack.promise);
});

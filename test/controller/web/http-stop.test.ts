import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { startWebServer } from '../../../controller/web/server.ts';
import { FakeFarm, noLogs } from '../../helpers/fake-farm.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

const halfRequests = {
  head: 'GET /api/jobs HTTP/1.1\r\nHost: 127',
  body:
    'POST /api/jobs/submit HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n' +
    'Content-Length: 1000\r\n\r\n{"user_id":',
};

for (const [part, begun] of Object.entries(halfRequests)) {
  test(`A client that never ends the ${part} of its request does not keep the server from stopping`, {
    timeout: 10_000,
  }, async (t) => {
    const web = await startWebServer({
      farm: new FakeFarm(),
      logger: silent,
      isInSourceShare: () => true,
      reads: noLogs,
      nowMs: () => 1_000,
      access: { origins: [] },
      addresses: ['127.0.0.1:0'],
      stopMs: 50,
    });
    const socket = connect(Number(web.addresses[0]?.split(':')[1]), '127.0.0.1');
    t.after(() => socket.destroy());
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(begun);
    // It is alive: no limit on silence ends it.
    const drip = setInterval(() => socket.write(' '), 10);
    t.after(() => clearInterval(drip));
    const closed = once(socket, 'close');
    // Answered behind it: the server has read what was begun.
    await (await fetch(`http://${web.addresses[0]}/`)).text();
    await web.stop();
    await closed;
    await web.stop();
    assert.ok(socket.destroyed);
  });
}

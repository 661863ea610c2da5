import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import type { LinkOptions } from '../../agent/link/controller-link.ts';
import { startControllerLink } from '../../agent/link/controller-link.ts';
import type { ControllerMessage } from '../../proto/index.ts';
import { welcome } from '../helpers/agent-core.ts';
import { hello } from '../helpers/agent-messages.ts';
import { Arrivals } from '../helpers/arrivals.ts';
import { startScriptedController } from '../helpers/scripted-controller.ts';

async function controller(t: TestContext, port?: number) {
  const scripted = await startScriptedController(port === undefined ? {} : { port });
  t.after(() => scripted.stop());
  return scripted;
}

function dial(t: TestContext, controllers: readonly string[], options: Partial<LinkOptions> = {}) {
  const opened = new Arrivals<{ linkId: number; address: string }>();
  const closed = new Arrivals<string>();
  const trouble = new Arrivals<string>();
  const received = new Arrivals<ControllerMessage>();
  const link = startControllerLink({
    controllers,
    security: { token: 'secret' },
    connectMs: 500,
    backoffFirstMaxMs: 10,
    backoffMaxMs: 20,
    ...options,
    listener: {
      opened: (linkId, address) => {
        opened.add({ linkId, address });
        link.send(linkId, hello('pc1'));
      },
      received: (_linkId, message) => received.add(message),
      closed: (_linkId, reason) => closed.add(reason),
      trouble: (message) => trouble.add(message),
    },
  });
  t.after(() => link.stop());
  return { link, opened, closed, trouble, received };
}

describe('the way to the controller', () => {
  test('carries messages both ways, with the token', async (t) => {
    const scripted = await controller(t);
    const { received } = dial(t, [scripted.address]);
    const session = await scripted.session();
    assert.equal((await session.hello()).agentId, 'pc1');
    assert.equal(session.authorization, 'Bearer secret');
    session.send(welcome());
    assert.equal((await received.next()).kind, 'welcome');
  });

  test('gives up on a server that accepts and stays silent, and tries the next controller', async (t) => {
    const sockets = new Set<Socket>();
    const silent = createServer((socket) => void sockets.add(socket)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    t.after(() => {
      for (const socket of sockets) socket.destroy();
      silent.close();
    });
    const scripted = await controller(t);
    const { trouble, opened } = dial(t, [
      `127.0.0.1:${(silent.address() as AddressInfo).port}`,
      scripted.address,
    ]);
    assert.match(await trouble.next(), /not connected within 500 ms/u);
    assert.equal((await opened.next()).address, scripted.address);
    assert.ok(sockets.size > 0);
  });

  test('opens a new stream after a reset, under another number', async (t) => {
    const scripted = await controller(t);
    const { opened, closed } = dial(t, [scripted.address]);
    (await scripted.session()).close(new Error('reset'));
    await closed.next();
    const again = await scripted.session();
    await again.hello();
    assert.notEqual((await opened.next()).linkId, (await opened.next()).linkId);
  });

  test('comes back to a controller that was away', async (t) => {
    const first = await controller(t);
    const { closed } = dial(t, [first.address]);
    await (await first.session()).hello();
    first.stop();
    await closed.next();
    const second = await controller(t, first.port);
    await (await second.session()).hello();
  });

  test('goes first where it was redirected to', async (t) => {
    const one = await controller(t);
    const leader = await controller(t);
    const other = await controller(t);
    const { link, opened } = dial(t, [one.address, other.address, leader.address]);
    const { linkId } = await opened.next();
    link.reopen(linkId, 'redirected', 0, leader.address);
    await (await leader.session()).hello();
    assert.equal((await opened.next()).address, leader.address);
  });

  test('goes to no address that it was not given', async (t) => {
    const one = await controller(t);
    const stranger = await controller(t);
    const { link, opened } = dial(t, [one.address]);
    for (const address of [stranger.address, '']) {
      link.reopen((await opened.next()).linkId, 'redirected', 0, address);
    }
    assert.equal((await opened.next()).address, one.address);
  });

  test('goes on to the next controller where one is silent after its session, or knows no leader', async (t) => {
    const frozen = await controller(t);
    const standby = await controller(t);
    const { link, opened } = dial(t, [frozen.address, standby.address]);
    const session = await frozen.session();
    await session.hello();
    session.send(welcome());
    const first = await opened.next();
    assert.equal(first.address, frozen.address);
    link.reopen(first.linkId, 'no heartbeat was answered', 0);
    const second = await opened.next();
    assert.equal(second.address, standby.address);
    (await standby.session()).send({ kind: 'goodbye', reason: 'redirect', comeBackAfterMs: 0 });
    link.reopen(second.linkId, 'redirect without an address', 0);
    assert.equal((await opened.next()).address, frozen.address);
  });

  test('drops what is meant for another stream', async (t) => {
    const scripted = await controller(t);
    const { link, opened } = dial(t, [scripted.address]);
    const session = await scripted.session();
    await session.hello();
    const { linkId } = await opened.next();
    const goodbye = { kind: 'goodbye' as const, reason: 'shutdown' as const, givesBack: [] };
    link.send(linkId + 1, goodbye);
    link.send(linkId, { ...goodbye, reason: 'upgrade' });
    assert.equal((await session.nextOf('goodbye')).reason, 'upgrade');
  });

  test('ends after its last words', async (t) => {
    const scripted = await controller(t);
    const { link, opened } = dial(t, [scripted.address]);
    const session = await scripted.session();
    await session.hello();
    const { linkId } = await opened.next();
    link.send(linkId, { kind: 'goodbye', reason: 'shutdown', givesBack: [] });
    await link.stop();
    await session.nextOf('goodbye');
    await session.ended;
  });
});

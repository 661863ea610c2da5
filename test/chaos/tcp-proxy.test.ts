import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { openTcpProxy, type TcpProxy } from '../../chaos/tcp-proxy.ts';

/** An echo behind the proxy, and what a dialling end sees of it. */
async function echoBehindProxy(
  t: TestContext,
): Promise<{ proxy: TcpProxy; dial: () => Dialled; direct: () => Dialled }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await openTcpProxy(() => (server.address() as AddressInfo).port);
  const dialled: Dialled[] = [];
  t.after(async () => {
    for (const { socket } of dialled) socket.destroy();
    await proxy.close();
    server.close();
  });
  const connected = (port: number) => {
    const one = new Dialled(port);
    dialled.push(one);
    return one;
  };
  return {
    proxy,
    dial: () => connected(proxy.port),
    direct: () => connected((server.address() as AddressInfo).port),
  };
}

class Dialled {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  #text = '';
  #changed = Promise.withResolvers<undefined>();

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => undefined);
    this.closed = once(this.socket, 'close').catch(() => undefined);
    this.socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString();
      this.#changed.resolve(undefined);
      this.#changed = Promise.withResolvers();
    });
  }

  get text(): string {
    return this.#text;
  }

  async heard(text: string): Promise<void> {
    while (!this.#text.includes(text)) await this.#changed.promise;
  }
}

/** As long as twenty round trips past the proxy take: what it lets through has come by then. */
async function quiet(direct: Dialled): Promise<void> {
  for (let round = 1; round <= 20; round += 1) {
    direct.socket.write(`<${round}>`);
    await direct.heard(`<${round}>`);
  }
}

describe('The TCP proxy', () => {
  it('passes everything on, in order', async (t) => {
    const { dial } = await echoBehindProxy(t);
    const one = dial();
    const text = 'abc'.repeat(500_000);
    one.socket.write(`${text}end`);
    await one.heard('end');
    assert.equal(one.text, `${text}end`);
  });

  for (const fault of ['freeze', 'mute', 'deaf'] as const) {
    it(`holds what passes under ${fault}, and delivers it afterwards`, async (t) => {
      const { proxy, dial, direct } = await echoBehindProxy(t);
      const one = dial();
      one.socket.write('before ');
      await one.heard('before ');
      proxy.fault(fault);
      one.socket.write('during ');
      await quiet(direct());
      assert.equal(one.text, 'before ');
      proxy.heal();
      one.socket.write('after');
      await one.heard('after');
      assert.equal(one.text, 'before during after');
    });
  }

  it('lets a connection that was made while it was frozen through afterwards', async (t) => {
    const { proxy, dial, direct } = await echoBehindProxy(t);
    proxy.fault('freeze');
    const one = dial();
    one.socket.write('hello');
    await quiet(direct());
    assert.equal(one.text, '');
    proxy.heal();
    await one.heard('hello');
  });

  it('is late, and in order, when it is slow', async (t) => {
    const { proxy, dial, direct } = await echoBehindProxy(t);
    proxy.fault('slow');
    const one = dial();
    one.socket.write('one ');
    await quiet(direct());
    assert.equal(one.text, '');
    one.socket.end('two');
    await one.heard('one two');
    await one.closed;
  });

  it('resets connections, and takes new ones', async (t) => {
    const { proxy, dial } = await echoBehindProxy(t);
    const one = dial();
    one.socket.write('here');
    await one.heard('here');
    proxy.fault('reset');
    await one.closed;
    const next = dial();
    next.socket.write('again');
    await next.heard('again');
  });

  it('refuses everybody while it is down', async (t) => {
    const { proxy, dial } = await echoBehindProxy(t);
    const one = dial();
    one.socket.write('here');
    await one.heard('here');
    proxy.fault('down');
    await one.closed;
    await dial().closed;
    proxy.heal();
    const next = dial();
    next.socket.write('again');
    await next.heard('again');
  });

  it('leaves the dialling end alone with a connection that is half open', async (t) => {
    const { proxy, dial, direct } = await echoBehindProxy(t);
    const one = dial();
    one.socket.write('here');
    await one.heard('here');
    proxy.fault('half-open');
    one.socket.write('anybody?');
    await quiet(direct());
    assert.equal(one.text, 'here');
    assert.equal(one.socket.destroyed, false);
    proxy.heal();
    await one.closed;
  });
});

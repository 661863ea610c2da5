import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy before a server, whose reader can stop: what the server sends stays where it is, as on a dead network. */
export interface StoppedReader extends AsyncDisposable {
  /** Of the proxy. */
  readonly address: string;
  /** Takes nothing more from the server; what goes to the server still goes. */
  stopReading(): void;
}

export async function startStoppedReader(port: number): Promise<StoppedReader> {
  const pairs = new Set<{ readonly near: Socket; readonly far: Socket }>();
  const proxy = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    pairs.add({ near, far });
    for (const socket of [near, far]) socket.on('error', () => undefined);
    near.pipe(far).pipe(near);
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const bound = proxy.address();
  if (bound === null || typeof bound === 'string') throw new Error('the proxy has no port');
  return {
    address: `127.0.0.1:${bound.port}`,
    stopReading() {
      for (const { near, far } of pairs) {
        far.unpipe(near);
        far.pause();
      }
    },
    async [Symbol.asyncDispose]() {
      for (const { near, far } of pairs) {
        near.destroy();
        far.destroy();
      }
      proxy.close();
      await once(proxy, 'close');
    },
  };
}

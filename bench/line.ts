import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** One line to the shares that several processes use: whoever has read says how much, and waits for the answer. */
export interface SharedLine extends AsyncDisposable {
  readonly port: number;
  /** Bytes a second, from now on. */
  setRate(bytesPerSecond: number): void;
}

/** Bytes come one after the other, in the order in which they were asked for. */
export async function serveLine(): Promise<SharedLine> {
  let bytesPerMs = Number.POSITIVE_INFINITY;
  let freeAtMs = performance.now();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    createInterface({ input: socket }).on('line', (text) => {
      const nowMs = performance.now();
      freeAtMs = Math.max(nowMs, freeAtMs) + Number(text) / bytesPerMs;
      setTimeout(() => socket.write('\n'), freeAtMs - nowMs);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    setRate: (bytesPerSecond) => void (bytesPerMs = bytesPerSecond / 1_000),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

/** What becomes of one request. */
export type RequestFault =
  /** It breaks off in its middle, and the connection with it. */
  | 'cut'
  /** It is carried out; instead of the answer the connection breaks. */
  | 'lose-reply'
  /** It is carried out; no answer comes, and the connection stays. */
  | 'hang'
  /** It is kept back, also when its connection is gone, until `release`. */
  | 'hold';

/** Stands between a store and its Redis on unix sockets, and does to requests what a network can do. */
export class RedisProxy {
  readonly path: string;
  readonly #target: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #held: (() => void)[] = [];
  /** Asked for every piece of a request; connections that it spoils stay spoiled. */
  plan: (request: string) => RequestFault | undefined = () => undefined;

  private constructor(folder: string, target: string) {
    this.path = join(folder, `proxy-${Math.random().toString(36).slice(2)}.sock`);
    this.#target = target;
    this.#server = createServer((client) => this.#join(client));
  }

  static async start(
    t: { after(end: () => Promise<void>): void },
    folder: string,
    target: string,
  ): Promise<RedisProxy> {
    const proxy = new RedisProxy(folder, target);
    proxy.#server.listen(proxy.path);
    await once(proxy.#server, 'listening');
    t.after(() => proxy.#stop());
    return proxy;
  }

  /** The n-th request from now on that `matches`, and only that one. */
  failNth(n: number, matches: (request: string) => boolean, fault: RequestFault): void {
    let calls = 0;
    this.plan = (request) => {
      if (!matches(request)) return undefined;
      calls += 1;
      return calls === n ? fault : undefined;
    };
  }

  /** What was held arrives now, in its order. */
  release(): void {
    for (const send of this.#held.splice(0)) send();
  }

  #join(client: Socket): void {
    const server = createConnection(this.#target);
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
    }
    let fault: RequestFault | undefined;
    const breakBoth = (): void => {
      client.destroy();
      server.destroy();
    };
    client.on('data', (data) => {
      fault ??= this.plan(data.toString('latin1'));
      if (fault === 'hold') this.#held.push(() => server.write(data));
      else if (fault === 'cut') server.write(data.subarray(0, data.length / 2), breakBoth);
      else server.write(data);
    });
    client.on('close', () => {
      if (fault !== 'hold') server.destroy();
    });
    server.on('data', (data) => {
      if (fault === undefined) client.write(data);
      else if (fault === 'lose-reply') breakBoth();
    });
    server.on('close', () => client.destroy());
  }

  async #stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }
}

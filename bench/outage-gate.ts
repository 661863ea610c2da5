import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A place before a server on loopback that can be killed, with everything that is under way, and come back. */
export class OutageGate {
  readonly #targetPort: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
  }

  /** @param targetUrl where what comes goes on to */
  static async open(targetUrl: string): Promise<OutageGate> {
    const gate = new OutageGate(Number(new URL(targetUrl).port));
    await gate.comeBack();
    return gate;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Connections are refused from now on, those that are open are cut. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** At the address that it had. */
  async comeBack(): Promise<void> {
    const server = createServer((socket) => this.#pass(socket));
    this.#server = server;
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address === 'object' && address !== null) this.#port = address.port;
  }

  #pass(near: Socket): void {
    const far = connect(this.#targetPort, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }
}

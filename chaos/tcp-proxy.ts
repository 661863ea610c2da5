/**
 * A TCP proxy that breaks connections in the ways in which networks do. Guarantee: what it lets through arrives whole
 * and in order; `heal` ends every fault. Limit: it breaks connections, never single packets.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export type NetFault =
  /** Every connection gets a RST; new ones work. */
  | 'reset'
  /** Nothing passes, in either direction; afterwards it goes on where it stopped. New connections hang too. */
  | 'freeze'
  /** Nothing from the dialling side arrives. */
  | 'mute'
  /** Nothing from the listening side arrives. */
  | 'deaf'
  /** Everything passes, late. */
  | 'slow'
  /** The dialling side's connections look open, but nobody is there any more; afterwards they are reset. */
  | 'half-open'
  /** New connections are refused, old ones are reset. */
  | 'down';

export const netFaults: readonly [NetFault, ...NetFault[]] = [
  'reset',
  'freeze',
  'mute',
  'deaf',
  'slow',
  'half-open',
  'down',
];

export interface TcpProxy {
  readonly port: number;
  fault(kind: NetFault): void;
  heal(): void;
  close(): Promise<void>;
}

interface Pair {
  readonly down: Socket;
  readonly up: Socket;
  isHalfOpen: boolean;
}

/** How late data is under `slow`. */
const slowMs = 150;

/** Listens on a free port of loopback, or on that one, and passes on to the target's port. */
export async function openTcpProxy(targetPort: () => number, listenPort = 0): Promise<TcpProxy> {
  const proxy = new Proxy(targetPort);
  await proxy.listen(listenPort);
  return proxy;
}

class Proxy implements TcpProxy {
  readonly #targetPort: () => number;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #fault: NetFault | undefined;
  #port = 0;

  constructor(targetPort: () => number) {
    this.#targetPort = targetPort;
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  get port(): number {
    return this.#port;
  }

  async listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  fault(kind: NetFault): void {
    this.heal();
    if (kind === 'reset') {
      this.#resetAll();
      return;
    }
    this.#fault = kind;
    if (kind === 'down') this.#resetAll();
    if (kind === 'half-open') for (const pair of this.#pairs) this.#leave(pair);
  }

  heal(): void {
    this.#fault = undefined;
    for (const pair of this.#pairs) {
      if (pair.isHalfOpen) pair.down.resetAndDestroy();
      pair.down.resume();
      pair.up.resume();
    }
  }

  async close(): Promise<void> {
    this.#resetAll();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(down: Socket): void {
    if (this.#fault === 'down') {
      down.resetAndDestroy();
      return;
    }
    const up = connect({ port: this.#targetPort(), host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    const pair: Pair = { down, up, isHalfOpen: false };
    this.#pairs.add(pair);
    this.#pump(pair, down, up);
    this.#pump(pair, up, down);
  }

  #pump(pair: Pair, from: Socket, to: Socket): void {
    const isUpwards = from === pair.down;
    from.on('data', (chunk: Buffer) => {
      const write = (): void => {
        if (to.destroyed || pair.isHalfOpen) return;
        if (!to.write(chunk)) {
          from.pause();
          to.once('drain', () => this.#resume(from, isUpwards));
        }
      };
      if (this.#isHeld(isUpwards)) {
        from.pause();
        from.unshift(chunk);
      } else if (this.#fault === 'slow') setTimeout(write, slowMs);
      else write();
    });
    from.on('error', () => undefined);
    // An end that waits behind what is late must not overtake it.
    from.on('end', () => setTimeout(() => to.end(), this.#fault === 'slow' ? slowMs * 2 : 0));
    from.on('close', (hadError: boolean) => {
      if (pair.isHalfOpen && !isUpwards) return;
      this.#pairs.delete(pair);
      if (hadError) to.resetAndDestroy();
      else setTimeout(() => to.destroy(), slowMs * 3);
    });
  }

  #isHeld(isUpwards: boolean): boolean {
    if (this.#fault === 'freeze' || this.#fault === 'half-open') return true;
    return this.#fault === (isUpwards ? 'mute' : 'deaf');
  }

  #resume(socket: Socket, isUpwards: boolean): void {
    if (!this.#isHeld(isUpwards)) socket.resume();
  }

  #leave(pair: Pair): void {
    pair.isHalfOpen = true;
    pair.up.resetAndDestroy();
  }

  #resetAll(): void {
    for (const { down, up } of this.#pairs) {
      down.resetAndDestroy();
      up.resetAndDestroy();
    }
  }
}

import type { AgentMessage, ControllerMessage } from '../../proto/agent-link.ts';
import type { World } from './world.ts';

/** One side of a connection, as it hears of the other. */
export interface End<T> {
  received(message: T): void;
  /** The other side's FIN or RST; once, and last. */
  closed(): void;
}

type Parcel<T> = { readonly message: T } | 'fin';

/** One direction: in order, late, and stopped where the network is. */
class Pipe<T> {
  readonly #world: World;
  readonly #to: End<T>;
  readonly #latencyMs: () => number;
  #queue: { readonly parcel: Parcel<T>; readonly atMs: number }[] = [];
  #waiting = false;
  #dead = false;
  stalledUntilMs = 0;

  constructor(world: World, to: End<T>, latencyMs: () => number) {
    this.#world = world;
    this.#to = to;
    this.#latencyMs = latencyMs;
  }

  send(parcel: Parcel<T>): void {
    if (this.#dead) return;
    const last = this.#queue.at(-1)?.atMs ?? 0;
    this.#queue.push({ parcel, atMs: Math.max(last, this.#world.nowMs + this.#latencyMs()) });
    this.#await();
  }

  /** Drops a random tail of what is on its way; `fin`: the other side notices. */
  cut(fin: boolean): void {
    if (this.#dead) return;
    this.#queue = this.#queue.slice(0, this.#world.random.whole(0, this.#queue.length));
    if (fin) this.send('fin');
    if (!fin && this.#queue.length === 0) this.#dead = true;
  }

  /** Nothing arrives any more. */
  kill(): void {
    this.#dead = true;
    this.#queue = [];
  }

  #await(): void {
    const head = this.#queue[0];
    if (this.#waiting || head === undefined) return;
    this.#waiting = true;
    this.#world.after(Math.max(head.atMs, this.stalledUntilMs) - this.#world.nowMs, () => {
      this.#waiting = false;
      this.#arrive();
    });
  }

  #arrive(): void {
    const head = this.#queue[0];
    if (head === undefined) return;
    if (Math.max(head.atMs, this.stalledUntilMs) <= this.#world.nowMs) {
      this.#queue.shift();
      if (head.parcel === 'fin') {
        this.kill();
        this.#to.closed();
        return;
      }
      this.#to.received(head.parcel.message);
    }
    this.#await();
  }
}

/** A TCP connection between an agent and the controller: what arrives arrives in order; a cut loses the tail. */
export class Connection {
  readonly agentId: string;
  readonly #up: Pipe<AgentMessage>;
  readonly #down: Pipe<ControllerMessage>;

  constructor(
    world: World,
    agentId: string,
    ends: { readonly controller: End<AgentMessage>; readonly agent: End<ControllerMessage> },
  ) {
    this.agentId = agentId;
    const baseMs = world.random.between(0.1, 3);
    const latencyMs = () => (world.random.chance(0.02) ? world.random.between(20, 400) : baseMs);
    this.#up = new Pipe(world, ends.controller, latencyMs);
    this.#down = new Pipe(world, ends.agent, latencyMs);
  }

  toController(message: AgentMessage): void {
    this.#up.send({ message });
  }

  toAgent(message: ControllerMessage): void {
    this.#down.send({ message });
  }

  /** A side ends the stream; what it had sent still arrives. */
  closeBy(side: 'agent' | 'controller'): void {
    if (side === 'agent') {
      this.#up.send('fin');
      this.#down.kill();
    } else {
      this.#down.send('fin');
      this.#up.kill();
    }
  }

  /** A reset in the network: both sides notice, the tails are lost. */
  reset(): void {
    this.#up.cut(true);
    this.#down.cut(true);
  }

  /** A side is gone: killed (the other one is told) or without power (it is not). */
  gone(side: 'agent' | 'controller', told: boolean): void {
    const [from, to] = side === 'agent' ? [this.#up, this.#down] : [this.#down, this.#up];
    to.kill();
    from.cut(told);
  }

  /** Nothing arrives before this time, in either direction. */
  stall(untilMs: number): void {
    this.#up.stalledUntilMs = untilMs;
    this.#down.stalledUntilMs = untilMs;
  }
}

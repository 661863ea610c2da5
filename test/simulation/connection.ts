import type { AgentMessage, ControllerMessage } from '../../proto/agent-link.ts';
import type { World } from './world.ts';

/** One side of a connection, as it hears of the other. */
export interface End<T> {
  received(message: T): void;
  /** The other side's FIN or RST; once, and last. */
  closed(): void;
}

/** What the network between one machine and the controllers does at present; in each direction for itself. */
export interface Cable {
  /** Nothing arrives before. */
  upStalledUntilMs: number;
  downStalledUntilMs: number;
  /** Every message takes seconds. */
  slowUntilMs: number;
  /** What the protocol calls lossy is dropped now and then, and comes out of order. */
  lossyUntilMs: number;
  /** Messages come twice, the second time later. */
  doubleUntilMs: number;
  /** The next grant to publish is lost with its connection. */
  losesGrant: boolean;
}

export function quietCable(): Cable {
  return {
    upStalledUntilMs: 0,
    downStalledUntilMs: 0,
    slowUntilMs: 0,
    lossyUntilMs: 0,
    doubleUntilMs: 0,
    losesGrant: false,
  };
}

type Message = AgentMessage | ControllerMessage;
type Parcel<T> = { readonly message: T } | 'fin';

/**
 * One stream keeps its order and loses nothing but its tail; these may be lost or late all the same, because their
 * senders drop them where there is no room, or because an answer that does not come is provided for.
 */
const lossy: ReadonlySet<Message['kind']> = new Set([
  'heartbeat',
  'heartbeat-ack',
  'progress',
  'prefetch-report',
  'announce',
  'withdraw',
  'assignment-reply',
  'assign',
]);
/** A message that opens or ends a stream, or that answers a question, comes once. */
const single: ReadonlySet<Message['kind']> = new Set(['hello', 'welcome', 'goodbye', 'recalled']);

/** One direction: in order, late, and stopped where the network is. */
class Pipe<T extends Message> {
  readonly #world: World;
  readonly #to: End<T>;
  readonly #baseMs: number;
  readonly #cable: Cable;
  readonly #stalled: 'upStalledUntilMs' | 'downStalledUntilMs';
  #queue: { readonly parcel: Parcel<T>; readonly atMs: number }[] = [];
  #waiting = false;
  #dead = false;

  constructor(world: World, to: End<T>, cable: Cable, stalled: 'upStalledUntilMs' | 'downStalledUntilMs') {
    this.#world = world;
    this.#to = to;
    this.#cable = cable;
    this.#stalled = stalled;
    this.#baseMs = world.random.between(0.1, 3);
  }

  get length(): number {
    return this.#queue.length;
  }

  send(parcel: Parcel<T>): void {
    if (this.#dead) return;
    if (parcel !== 'fin' && this.#garbles(parcel.message)) return;
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

  /** True: it does not arrive in its place. */
  #garbles(message: T): boolean {
    const { random, nowMs } = this.#world;
    if (this.#cable.doubleUntilMs > nowMs && !single.has(message.kind) && random.chance(0.2))
      this.#world.after(random.between(1, 5_000), () => this.#outOfOrder(message));
    if (this.#cable.lossyUntilMs <= nowMs || !lossy.has(message.kind) || !random.chance(0.3)) return false;
    if (random.chance(0.5)) this.#world.after(random.between(1, 3_000), () => this.#outOfOrder(message));
    return true;
  }

  #outOfOrder(message: T): void {
    if (!this.#dead && this.#cable[this.#stalled] <= this.#world.nowMs) this.#to.received(message);
  }

  #latencyMs(): number {
    const { random, nowMs } = this.#world;
    if (this.#cable.slowUntilMs > nowMs) return random.between(100, 2_500);
    return random.chance(0.02) ? random.between(20, 400) : this.#baseMs;
  }

  #await(): void {
    const head = this.#queue[0];
    if (this.#waiting || head === undefined) return;
    this.#waiting = true;
    this.#world.after(Math.max(head.atMs, this.#cable[this.#stalled]) - this.#world.nowMs, () => {
      this.#waiting = false;
      this.#arrive();
    });
  }

  #arrive(): void {
    const head = this.#queue[0];
    if (head === undefined) return;
    if (Math.max(head.atMs, this.#cable[this.#stalled]) <= this.#world.nowMs) {
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

/** A TCP connection between an agent and a controller: what arrives arrives in order; a cut loses the tail. */
export class Connection {
  readonly #up: Pipe<AgentMessage>;
  readonly #down: Pipe<ControllerMessage>;
  readonly #cable: Cable;

  constructor(
    world: World,
    cable: Cable,
    ends: { readonly controller: End<AgentMessage>; readonly agent: End<ControllerMessage> },
  ) {
    this.#cable = cable;
    this.#up = new Pipe(world, ends.controller, cable, 'upStalledUntilMs');
    this.#down = new Pipe(world, ends.agent, cable, 'downStalledUntilMs');
  }

  /** Messages that are on their way to the agent. */
  get waitingDown(): number {
    return this.#down.length;
  }

  toController(message: AgentMessage): void {
    this.#up.send({ message });
  }

  toAgent(message: ControllerMessage): void {
    if (this.#cable.losesGrant && message.kind === 'publish-grant') {
      this.#cable.losesGrant = false;
      this.reset();
      return;
    }
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
}

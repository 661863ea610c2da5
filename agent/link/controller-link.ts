/**
 * The agent's way to its controller: dials, keeps one stream open, and dials again. Guarantee: at most one stream at
 * a time, each with a number of its own, `opened` before its messages and `closed` after them. Limit: it knows
 * nothing of sessions; whoever listens says Hello and judges the silence.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { AgentMessage, ControllerMessage, StreamLink } from '../../proto/index.ts';
import { attachToController, linkLimits } from '../../proto/index.ts';
import type { Backoff } from './backoff.ts';
import { createBackoff } from './backoff.ts';
import type { LinkSecurity } from './connection.ts';
import { callMetadata, openConnection, waitUntilReady } from './connection.ts';
import type { Dialled } from './rounds.ts';
import { Rounds } from './rounds.ts';

export interface LinkOptions {
  /** `host:port` of every controller; tried in turn (`Rounds`). */
  readonly controllers: readonly string[];
  readonly security: LinkSecurity;
  readonly listener: LinkListener;
  /** @default 5,000 */
  readonly connectMs?: number;
  /** The first wait is at most this long. @default 2,000 */
  readonly backoffFirstMaxMs?: number;
  /** @default 10,000 */
  readonly backoffMaxMs?: number;
  /** @default Math.random */
  readonly random?: () => number;
}

export interface LinkListener {
  opened(linkId: number, address: string): void;
  received(linkId: number, message: ControllerMessage): void;
  closed(linkId: number, reason: string): void;
  /** A try that came to nothing, and messages that this build does not know. */
  trouble(message: string): void;
}

export interface ControllerLink {
  /** Sends on that stream, if it is still the open one. `droppable` messages are dropped when there is no room. */
  send(linkId: number, message: AgentMessage, droppable?: boolean): void;
  /** Ends that stream, and dials again after `afterMs` and the jitter, first at `address` where it is one of ours. */
  reopen(linkId: number, reason: string, afterMs: number, address?: string): void;
  /** Ends the stream after what is queued on it, and everything else. Idempotent. */
  stop(): Promise<void>;
}

/** Starts dialling at once. */
export function startControllerLink(options: LinkOptions): ControllerLink {
  const dialer = new Dialer(options);
  const running = dialer.run();
  return {
    send: (linkId, message, droppable = false) => dialer.send(linkId, message, droppable),
    reopen: (linkId, reason, afterMs, address) => dialer.reopen(linkId, reason, afterMs, address),
    async stop() {
      dialer.stop();
      await running;
    },
  };
}

type OpenLink = StreamLink<AgentMessage, ControllerMessage>;

class Dialer {
  readonly #options: LinkOptions;
  readonly #stopping = new AbortController();
  readonly #backoff: Backoff;
  readonly #rounds: Rounds;
  readonly #shortWaitMs: () => number;
  #current: { readonly id: number; readonly link: OpenLink; hasRoom: boolean } | undefined;
  #dialled: Dialled = notServed;
  #afterMs = 0;
  #linkId = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    const { backoffFirstMaxMs = 2_000, backoffMaxMs = 10_000, random = Math.random } = options;
    this.#backoff = createBackoff(backoffFirstMaxMs, backoffMaxMs, random);
    this.#shortWaitMs = () => Math.round(random() * backoffFirstMaxMs);
    this.#rounds = new Rounds(options.controllers);
  }

  /** Addresses of a round follow each other at once; between two rounds there is a pause. */
  async run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const address = this.#rounds.next();
      if (address === undefined) {
        this.#rounds.begin();
        continue;
      }
      this.#dialled = notServed;
      await this.#dial(address);
      const { wasAnswered } = this.#rounds;
      const isOver = this.#rounds.ended(address, this.#dialled);
      if (!isOver && this.#afterMs === 0) continue;
      const waitMs = this.#afterMs + this.#pauseMs(wasAnswered || this.#dialled.sentAway);
      this.#afterMs = 0;
      await delay(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }

  send(linkId: number, message: AgentMessage, droppable: boolean): void {
    const current = this.#current;
    if (current?.id !== linkId || (droppable && !current.hasRoom)) return;
    try {
      if (!current.link.send(message)) {
        current.hasRoom = false;
        void current.link.drained().then(() => (current.hasRoom = true));
      }
    } catch (error) {
      // Too large, or too many: the first is refused here, the second has closed the link.
      this.#options.listener.trouble(`${message.kind} was not sent: ${text(error)}`);
    }
  }

  reopen(linkId: number, reason: string, afterMs: number, address?: string): void {
    if (this.#current?.id !== linkId) return;
    this.#afterMs = Math.min(afterMs, comeBackMaxMs);
    if (address !== undefined && !this.#options.controllers.includes(address)) {
      this.#options.listener.trouble(`${address} is said to lead, and is none of this agent's controllers`);
    }
    this.#dialled = { ...this.#dialled, left: true, ...(address !== undefined && { redirect: address }) };
    this.#current.link.close(new Error(reason));
  }

  /** What is queued still goes out: the last words are Goodbye. */
  stop(): void {
    this.#current?.link.close();
    this.#stopping.abort(new Error('the agent stops'));
  }

  async #dial(address: string): Promise<void> {
    const { listener, security, connectMs = 5_000 } = this.#options;
    // A new client for every try: one that hangs in CONNECTING never comes out of it by itself.
    const client = openConnection(address, security, linkLimits.messageBytesMax);
    try {
      await waitUntilReady(client, connectMs, this.#stopping.signal);
      this.#stopping.signal.throwIfAborted();
      const link = attachToController(client, {
        metadata: callMetadata(security),
        onUnknown: (name) => listener.trouble(`the controller sent ${name}, which this build does not know`),
      });
      await this.#follow(link, address);
    } catch (error) {
      if (!this.#stopping.signal.aborted) listener.trouble(`${address}: ${text(error)}`);
    } finally {
      client.close();
    }
  }

  async #follow(link: OpenLink, address: string): Promise<void> {
    const { listener } = this.#options;
    const id = ++this.#linkId;
    this.#current = { id, link, hasRoom: true };
    listener.opened(id, address);
    let reason = 'the controller has ended the stream';
    try {
      for await (const message of link.received) {
        this.#heard(message);
        listener.received(id, message);
      }
    } catch (error) {
      reason = text(error);
    }
    await link.closed;
    this.#current = undefined;
    listener.closed(id, reason);
  }

  #heard(message: ControllerMessage): void {
    if (message.kind === 'welcome') {
      this.#backoff.reset();
      this.#dialled = { ...this.#dialled, served: true };
    } else if (message.kind === 'goodbye' && !this.#dialled.served) {
      this.#dialled = { ...this.#dialled, sentAway: true };
    }
  }

  /** While a standby answers, only the leader is missing: it leads within seconds, and is found within this. */
  #pauseMs(wasAnswered: boolean): number {
    return wasAnswered ? this.#shortWaitMs() : this.#backoff.next();
  }
}

/** Nobody sends an agent away for longer: Node's timers take what is beyond 2^31 ms for 1 ms. */
const comeBackMaxMs = 600_000;

const notServed: Dialled = { served: false, sentAway: false, left: false };

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

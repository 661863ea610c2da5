import type { Input } from '../../agent/core/inputs.ts';
import type { AgentMessage, ControllerMessage } from '../../proto/agent-link.ts';
import type { Connection, End } from './connection.ts';
import type { World } from './world.ts';

/** `pending`: nobody refuses, and nobody answers either. */
export type Dialled = Connection | 'refused' | 'pending';

export interface UplinkOptions {
  readonly world: World;
  /** Addresses of the controllers. */
  readonly controllers: readonly string[];
  readonly dial: (address: string, end: End<ControllerMessage>) => Dialled;
  /** Runs while the agent's process lives. */
  readonly later: (ms: number, run: () => void) => void;
  readonly input: (input: Input) => void;
}

/** Connecting is given up after this time (protocol.md rule 1). */
const connectMs = 5_000;

/** An agent process' way to its controllers, as agent/link has it: dials, and dials again. */
export class Uplink {
  readonly #options: UplinkOptions;
  #linkId = 0;
  #tries = 0;
  #nextController = 0;
  #connection: Connection | undefined;

  constructor(options: UplinkOptions) {
    this.#options = options;
    this.#nextController = options.world.random.whole(0, options.controllers.length - 1);
    this.#dialLater(0);
  }

  get connection(): Connection | undefined {
    return this.#connection;
  }

  send(linkId: number, message: AgentMessage): void {
    if (linkId === this.#linkId) this.#connection?.toController(message);
  }

  reopen(linkId: number, afterMs: number, address?: string): void {
    if (linkId !== this.#linkId) return;
    this.close();
    this.#dialLater(afterMs, address);
  }

  close(): void {
    this.#connection?.closeBy('agent');
    this.#connection = undefined;
  }

  /** Full jitter up to 2 s, doubling to at most 10 s (protocol.md rule 1). */
  #dialLater(notBeforeMs: number, address?: string): void {
    const capMs = Math.min(10_000, 2_000 * 2 ** this.#tries);
    this.#tries += 1;
    const waitMs = notBeforeMs + this.#options.world.random.between(0, capMs);
    this.#options.later(waitMs, () => this.#dial(address ?? this.#nextAddress()));
  }

  #nextAddress(): string {
    const { controllers } = this.#options;
    const address = controllers[this.#nextController % controllers.length] ?? '';
    this.#nextController += 1;
    return address;
  }

  #dial(address: string): void {
    const { dial, later, input, controllers } = this.#options;
    const linkId = this.#linkId + 1;
    const dialled = dial(address, {
      received: (message) =>
        later(0, () => {
          if (message.kind === 'welcome') {
            this.#tries = 0;
            // The next dial begins with the controller that was the leader.
            this.#nextController = Math.max(0, controllers.indexOf(address));
          }
          input({ type: 'received', linkId, message });
        }),
      closed: () => later(0, () => this.#closed(linkId)),
    });
    if (dialled === 'refused' || dialled === 'pending') {
      this.#dialLater(dialled === 'pending' ? connectMs : 0);
      return;
    }
    this.#linkId = linkId;
    this.#connection = dialled;
    input({ type: 'link-opened', linkId });
  }

  #closed(linkId: number): void {
    if (this.#linkId !== linkId || this.#connection === undefined) return;
    this.#connection = undefined;
    this.#options.input({ type: 'link-closed', linkId, reason: 'closed' });
    this.#dialLater(0);
  }
}

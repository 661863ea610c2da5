import type { Input } from '../../agent/core/inputs.ts';
import type { AgentMessage, ControllerMessage } from '../../proto/agent-link.ts';
import type { Connection, End } from './connection.ts';
import type { World } from './world.ts';

export interface UplinkOptions {
  readonly world: World;
  /** Undefined: nobody answers. */
  readonly dial: (end: End<ControllerMessage>) => Connection | undefined;
  /** Runs while the agent's process lives. */
  readonly later: (ms: number, run: () => void) => void;
  readonly input: (input: Input) => void;
}

/** An agent process' way to its controller, as agent/link has it: dials, and dials again. */
export class Uplink {
  readonly #options: UplinkOptions;
  #linkId = 0;
  #dialled = 0;
  #connection: Connection | undefined;

  constructor(options: UplinkOptions) {
    this.#options = options;
    this.#dial(0);
  }

  get connection(): Connection | undefined {
    return this.#connection;
  }

  send(linkId: number, message: AgentMessage): void {
    if (linkId === this.#linkId) this.#connection?.toController(message);
  }

  reopen(linkId: number, afterMs: number): void {
    if (linkId !== this.#linkId) return;
    this.close();
    this.#dial(afterMs);
  }

  close(): void {
    this.#connection?.closeBy('agent');
    this.#connection = undefined;
  }

  /** Full jitter up to 2 s, doubling to at most 10 s (protocol.md rule 1). */
  #dial(notBeforeMs: number): void {
    const capMs = Math.min(10_000, 2_000 * 2 ** this.#dialled);
    this.#dialled += 1;
    this.#options.later(notBeforeMs + this.#options.world.random.between(0, capMs), () => this.#connect());
  }

  #connect(): void {
    const { dial, later, input } = this.#options;
    const linkId = this.#linkId + 1;
    const connection = dial({
      received: (message) =>
        later(0, () => {
          this.#dialled = 0;
          input({ type: 'received', linkId, message });
        }),
      closed: () => later(0, () => this.#closed(linkId)),
    });
    if (connection === undefined) {
      this.#dial(0);
      return;
    }
    this.#linkId = linkId;
    this.#connection = connection;
    input({ type: 'link-opened', linkId });
  }

  #closed(linkId: number): void {
    if (this.#linkId !== linkId || this.#connection === undefined) return;
    this.#connection = undefined;
    this.#options.input({ type: 'link-closed', linkId, reason: 'closed' });
    this.#dial(0);
  }
}

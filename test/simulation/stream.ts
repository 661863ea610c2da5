import { FarmError } from '../../controller/domain/errors.ts';
import type { AgentOutlet, AgentSession, StreamEnd } from '../../controller/engine/farm.ts';
import type { AgentMessage, ControllerMessage, Hello } from '../../proto/agent-link.ts';
import type { Connection } from './connection.ts';

export interface StreamOptions {
  readonly connection: Connection;
  readonly attach: (hello: Hello, outlet: AgentOutlet) => Promise<AgentSession>;
  /** A message is about to leave. */
  readonly beforeSend: () => void;
  readonly sent: (message: ControllerMessage) => void;
  readonly isAlive: () => boolean;
  readonly refused: (error: unknown) => void;
  readonly ended: () => void;
}

/** An agent's stream at its controller, as controller/rpc/agent-service.ts serves it. */
export class Stream {
  readonly #options: StreamOptions;
  readonly #early: Exclude<AgentMessage, Hello>[] = [];
  #session: AgentSession | undefined;
  #saidGoodbye = false;
  #end: StreamEnd | undefined;

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  get connection(): Connection {
    return this.#options.connection;
  }

  take(message: AgentMessage): void {
    if (message.kind === 'hello') {
      this.#attach(message);
      return;
    }
    this.#saidGoodbye ||= message.kind === 'goodbye';
    if (this.#session === undefined) this.#early.push(message);
    else this.#session.deliver(message);
  }

  /** The agent's side, or ours, has ended it. */
  over(how: StreamEnd): void {
    if (this.#end !== undefined) return;
    this.#end = this.#saidGoodbye ? 'goodbye' : how;
    this.#options.ended();
    this.#session?.ended(this.#end);
  }

  #attach(hello: Hello): void {
    const { attach, isAlive } = this.#options;
    attach(hello, { send: (message) => this.#send(message), end: (goodbye) => this.#close(goodbye) }).then(
      (session) => {
        if (!isAlive()) return;
        this.#session = session;
        for (const message of this.#early.splice(0)) session.deliver(message);
        if (this.#end !== undefined) session.ended(this.#end);
      },
      (error: unknown) => {
        if (isAlive()) this.#refuse(error);
      },
    );
  }

  #send(message: ControllerMessage): void {
    const { isAlive, beforeSend, sent, connection } = this.#options;
    if (isAlive()) beforeSend();
    if (!isAlive() || this.#end !== undefined) return;
    sent(message);
    connection.toAgent(message);
  }

  #refuse(error: unknown): void {
    this.#options.refused(error);
    const leader = error instanceof FarmError ? error.info['leader'] : undefined;
    const goodbye = { kind: 'goodbye', reason: 'redirect', comeBackAfterMs: 0 } as const;
    this.#close(leader === undefined ? undefined : { ...goodbye, address: leader });
  }

  #close(goodbye: ControllerMessage | undefined): void {
    if (!this.#options.isAlive() || this.#end !== undefined) return;
    if (goodbye !== undefined) this.connection.toAgent(goodbye);
    this.connection.closeBy('controller');
    this.over('ours');
  }
}

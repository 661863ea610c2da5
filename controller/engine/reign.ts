import type { ControllerGoodbye, Hello } from '../../proto/agent-link.ts';
import type { FarmError } from '../domain/errors.ts';
import { attachAgent, Outlets } from './attachments.ts';
import type { AgentOutlet, AgentSession } from './farm.ts';
import { performer } from './perform.ts';
import { Replies } from './replies.ts';
import type { FarmState } from './turn/state.ts';
import { jobView } from './turn/views.ts';
import { Watches } from './watches.ts';
import { Writer, type WriterOptions, type WriterStart } from './writer.ts';

/**
 * One leadership of this controller, from its first turn to its loss, with everybody who is served under it: callers
 * that wait, watches, the streams of agents. Nobody outlives it: who comes back finds the next one, here or elsewhere.
 */
export class Reign {
  readonly writer: Writer;
  readonly replies = new Replies();
  readonly watches: Watches;
  readonly #outlets = new Outlets();
  readonly #options: Omit<WriterOptions, 'perform'>;

  constructor(options: Omit<WriterOptions, 'perform'>, start: WriterStart) {
    this.#options = options;
    const { term, leaderId } = start.leadership.epoch;
    const writer = new Writer({ ...options, perform: (effects) => perform(effects) }, start);
    this.writer = writer;
    this.watches = new Watches(
      {
        view: (jobId) => {
          const job = writer.state.jobs.get(jobId);
          return job && jobView(writer.state, job);
        },
        jobIds: () => writer.state.jobs.keys(),
        committed: (look) => writer.read(look),
      },
      { ...options.settings.limits, origin: `${leaderId}-${term}`, clock: options.clock },
    );
    const { replies, watches } = this;
    const perform = performer({ outlets: this.#outlets, replies, watches, log: options.log });
  }

  /** What was decided under it, for whoever leads next in this process. */
  get state(): FarmState {
    return this.writer.state;
  }

  attach(hello: Hello, outlet: AgentOutlet): Promise<AgentSession> {
    const { writer, replies } = this;
    const { clock } = this.#options;
    return attachAgent({ writer, outlets: this.#outlets, replies, clock }, hello, outlet);
  }

  /** Ends every call and every watch with this error. */
  endCalls(error: FarmError): void {
    this.replies.failAll(error);
    this.watches.stop(error);
  }

  /** Ends every agent's stream; they go on rendering and look for whoever leads. */
  sendAgentsAway(goodbye: () => ControllerGoodbye): void {
    this.#outlets.endAll(goodbye);
  }
}

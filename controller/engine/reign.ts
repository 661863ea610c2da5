import type { ControllerGoodbye, Hello } from '../../proto/agent-link.ts';
import type { FarmError } from '../domain/errors.ts';
import { attachAgent, Outlets } from './attachments.ts';
import type { AgentOutlet, AgentSession, OutboxView } from './farm.ts';
import { LookUps } from './look-ups.ts';
import type { Deliveries, OutboxSource, StartDeliveries } from './outbox-port.ts';
import { performer } from './perform.ts';
import type { LookUp, PathLookUp } from './ports.ts';
import { Replies } from './replies.ts';
import { revisions } from './revisions.ts';
import { dueRows } from './turn/outbox-due.ts';
import { outboxViews } from './turn/outbox-view.ts';
import type { FarmState } from './turn/state.ts';
import { jobView } from './turn/views.ts';
import { VerifyDesk } from './verify/verify-desk.ts';
import { Watches } from './watches.ts';
import { Writer, type WriterOptions, type WriterStart } from './writer.ts';

export interface ReignOptions extends Omit<WriterOptions, 'perform'> {
  /** @default nobody outside is told of jobs */
  readonly deliver?: StartDeliveries;
  /** @default there is no catalogue to ask again */
  readonly lookUp?: LookUp;
  /** For jobs that are only verified. @default there is no catalogue */
  readonly pathsOf?: PathLookUp;
}

/**
 * One leadership of this controller, from its first turn to its loss, with everybody who is served under it: callers
 * that wait, watches, the streams of agents. Nobody outlives it: who comes back finds the next one, here or elsewhere.
 */
export class Reign {
  readonly writer: Writer;
  readonly replies = new Replies();
  readonly watches: Watches;
  readonly verifies: VerifyDesk;
  readonly #outlets = new Outlets();
  readonly #options: ReignOptions;
  readonly #deliveries: Deliveries | undefined;
  readonly #lookUps: LookUps | undefined;

  constructor(options: ReignOptions, start: WriterStart) {
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
    this.verifies = this.#verifyDesk();
    this.#deliveries = options.deliver?.(this.#outbox());
    this.#lookUps = options.lookUp && new LookUps(writer, options.lookUp);
    const perform = performer({
      outlets: this.#outlets,
      replies,
      watches,
      log: options.log,
      wake: (destinations) => this.#deliveries?.wake(destinations),
      lookUp: (question) => this.#lookUps?.begin(question),
    });
  }

  /** What was decided under it, for whoever leads next in this process. */
  get state(): FarmState {
    return this.writer.state;
  }

  attach(hello: Hello, outlet: AgentOutlet): Promise<AgentSession> {
    const { writer, replies } = this;
    const { clock } = this.#options;
    const { verifies } = this;
    return attachAgent({ writer, outlets: this.#outlets, replies, clock, verifies }, hello, outlet);
  }

  /** What destinations are owed, and how they stand. */
  outbox(): readonly OutboxView[] {
    return outboxViews(this.state, this.#options.settings, this.#deliveries?.health());
  }

  /** Nobody is told any more. What is under way is given up: it comes again under the next leadership. */
  async stopDelivering(): Promise<void> {
    await this.#deliveries?.stop();
  }

  /** Ends every call and every watch with this error. */
  endCalls(error: FarmError): void {
    this.#lookUps?.stop(error);
    this.replies.failAll(error);
    this.verifies.stop(error);
    this.watches.stop(error);
  }

  /** Ends every agent's stream; they go on rendering and look for whoever leads. */
  sendAgentsAway(goodbye: () => ControllerGoodbye): void {
    this.#outlets.endAll(goodbye);
  }

  #verifyDesk(): VerifyDesk {
    const { settings, clock, pathsOf } = this.#options;
    return new VerifyDesk({
      ...{ settings, clock },
      pathsOf: pathsOf ?? (() => Promise.resolve({ paths: new Map() })),
      read: (look) => this.writer.read(look),
      isOpen: (sessionId) => this.#outlets.get(sessionId) !== undefined,
      send: (sessionId, message) => this.#outlets.get(sessionId)?.send(message),
    });
  }

  #outbox(): OutboxSource {
    const { writer } = this;
    const { clock } = this.#options;
    const next = revisions();
    return {
      due: (request) =>
        writer.read((state) => dueRows(state, request, clock.nowMs(), () => next(state.epoch.term))),
      tell: (told) => writer.inbox.push({ kind: 'told', ...told }),
    };
  }
}

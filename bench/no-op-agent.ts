import { randomUUID } from 'node:crypto';
import type { LinkSecurity } from '../agent/link/connection.ts';
import { type ControllerLink, startControllerLink } from '../agent/link/controller-link.ts';
import type {
  AgentMessage,
  Assign,
  AttemptEvent,
  ControllerMessage,
  HeldAttempt,
  HeldVerdict,
  JobRef,
  Welcome,
} from '../proto/agent-link.ts';
import { fenceText } from '../proto/agent-link.ts';
import { inventoryOf, usage } from './no-op-messages.ts';

export interface NoOpAgentOptions {
  readonly agentId: string;
  readonly controllers: readonly string[];
  readonly security?: LinkSecurity;
  readonly queues?: readonly string[];
  /** @default 1 */
  readonly slots?: number;
  /** What it does with a job: its whole life at once, or it starts it and holds it. @default publish */
  readonly plan?: 'publish' | 'hold';
  /** A progress report for everything that it holds this often; 0: none. @default 0 */
  readonly progressMs?: number;
  /** Told of every assignment, before it is answered. */
  readonly onAssign?: (assign: Assign) => void;
  /** Told that the end of this job was acknowledged: it is durable that it is published. */
  readonly onPublished?: (jobId: string) => void;
  /** Told of each heartbeat how long its answer took. */
  readonly onHeartbeat?: (ms: number) => void;
  readonly onWelcome?: (welcome: Welcome) => void;
}

interface Held {
  readonly ref: JobRef;
  percent: number;
}

/**
 * An agent on a real stream that does nothing for a job but live its whole life: accepted, started, encoded, ready,
 * and published as soon as it is granted. It renders nothing; its journal of events is in memory and is sent again
 * where it was not acknowledged. Only the controller is measured.
 */
export class NoOpAgent {
  readonly #options: NoOpAgentOptions;
  readonly #instanceId = randomUUID();
  readonly #journalId = randomUUID();
  readonly #link: ControllerLink;
  readonly #welcomed = Promise.withResolvers<undefined>();
  readonly #held = new Map<string, Held>();
  /** Sent and not acknowledged, by number. */
  readonly #journal = new Map<number, Extract<AgentMessage, { kind: 'event' }>>();
  readonly #beats = new Map<number, number>();
  #farm: { readonly farmId: string; readonly highestTerm: number } | undefined;
  #linkId = 0;
  #event = 0;
  #sequence = 0;
  #stopping = false;
  #heartbeats: NodeJS.Timeout | undefined;
  #progress: NodeJS.Timeout | undefined;

  constructor(options: NoOpAgentOptions) {
    this.#options = options;
    this.#link = startControllerLink({
      controllers: options.controllers,
      security: options.security ?? {},
      backoffFirstMaxMs: 500,
      listener: {
        opened: (linkId) => this.#opened(linkId),
        received: (_, message) => this.#received(message),
        closed: (_, reason) => this.#closed(reason),
        trouble: () => undefined,
      },
    });
  }

  /** Resolves when the controller has taken the agent for the first time. */
  get ready(): Promise<undefined> {
    return this.#welcomed.promise;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#heartbeats);
    clearInterval(this.#progress);
    this.#send({ kind: 'goodbye', reason: 'shutdown', givesBack: [] });
    await this.#link.stop();
  }

  #opened(linkId: number): void {
    this.#linkId = linkId;
    const { agentId, queues = ['default_queue'], slots = 1 } = this.#options;
    const [firstUnackedEvent = this.#event + 1] = this.#journal.keys();
    this.#send({
      kind: 'hello',
      agentId,
      instanceId: this.#instanceId,
      softwareVersion: '0.0.0',
      protocolMin: 1,
      protocolMax: 1,
      features: [],
      highestTerm: 0,
      ...this.#farm,
      journalId: this.#journalId,
      firstUnackedEvent,
      lastEvent: this.#event,
      inventory: inventoryOf(queues, slots),
      held: [...this.#held.values()].map(
        ({ ref, percent }): HeldAttempt => ({ ref, state: 'running', percent: Math.floor(percent) }),
      ),
      tombstones: [],
    });
  }

  #closed(reason: string): void {
    clearInterval(this.#heartbeats);
    clearInterval(this.#progress);
    if (!this.#stopping && this.#options.plan !== 'hold')
      process.stderr.write(`the stream of ${this.#options.agentId} ended: ${reason}\n`);
  }

  #received(message: ControllerMessage): void {
    switch (message.kind) {
      case 'welcome':
        this.#begin(message);
        return;
      case 'assign':
        this.#options.onAssign?.(message);
        this.#take(message);
        return;
      case 'publish-grant':
        this.#publish(message.ref);
        return;
      case 'event-ack':
        this.#acked(message.number);
        return;
      case 'heartbeat-ack':
        this.#answered(message.sequence);
        return;
      case 'probe':
        this.#heartbeat(message.probeId);
        return;
      case 'goodbye':
        this.#link.reopen(this.#linkId, message.reason, message.comeBackAfterMs, message.address);
        return;
      default:
        return;
    }
  }

  #begin(welcome: Welcome): void {
    this.#farm = { farmId: welcome.farmId, highestTerm: welcome.term };
    for (const verdict of welcome.verdicts) this.#obey(verdict);
    this.#acked(welcome.ackedEvent);
    for (const event of this.#journal.values()) this.#send(event);
    // Heartbeats of many agents are spread, as those of agents that were started at different times are.
    clearInterval(this.#heartbeats);
    const first = Math.random() * welcome.heartbeatMs;
    this.#heartbeats = setTimeout(() => {
      this.#heartbeat();
      this.#heartbeats = setInterval(() => this.#heartbeat(), welcome.heartbeatMs);
    }, first);
    const { progressMs = 0 } = this.#options;
    clearInterval(this.#progress);
    if (progressMs > 0) this.#progress = setInterval(() => this.#tellProgress(), progressMs);
    this.#options.onWelcome?.(welcome);
    this.#welcomed.resolve(undefined);
  }

  /** Work that is taken from it is dropped; what it adopts goes on under the new fence. */
  #obey({ ref, decision }: HeldVerdict): void {
    const key = keyOf(ref);
    const held = this.#held.get(key);
    if (held === undefined || decision.verdict === 'keep') return;
    this.#held.delete(key);
    if (decision.verdict !== 'adopt') return;
    const adopted = { jobId: ref.jobId, fence: decision.fence };
    this.#held.set(keyOf(adopted), { ref: adopted, percent: held.percent });
  }

  #take({ ref, output }: Assign): void {
    const key = keyOf(ref);
    if (this.#held.has(key)) return;
    this.#send({ kind: 'assignment-reply', ref, accepted: true, presentBytes: 0, presentSegments: 0 });
    this.#tell(ref, { type: 'started', copiedBytes: 0, reusedBytes: 0, totalFrames: 1 });
    if (this.#options.plan === 'hold') {
      this.#held.set(key, { ref, percent: 0 });
      return;
    }
    this.#tell(ref, { type: 'encoded' });
    const facts = { sizeBytes: 1, durationMs: 33, frames: 1, sha256: '0'.repeat(64), features: [] };
    this.#tell(ref, { type: 'ready', manifest: { fileName: output.finalName, ...facts } });
  }

  #publish(ref: JobRef): void {
    const finished = { outcome: 'published', problems: [], stderrTail: [], usage } as const;
    this.#tell(ref, { type: 'finished', finished });
  }

  #acked(number: number): void {
    for (const [event, { ref, event: said }] of this.#journal) {
      if (event > number) return;
      this.#journal.delete(event);
      if (said.type === 'finished') this.#options.onPublished?.(ref.jobId);
    }
  }

  #tell(ref: JobRef, event: AttemptEvent): void {
    this.#event += 1;
    const message = { kind: 'event', number: this.#event, ref, atMs: Date.now(), event } as const;
    this.#journal.set(this.#event, message);
    this.#send(message);
  }

  #tellProgress(): void {
    for (const held of this.#held.values()) {
      held.percent = Math.min(99, held.percent + 0.1);
      const percent = Math.floor(held.percent);
      this.#link.send(
        this.#linkId,
        {
          kind: 'progress',
          ref: held.ref,
          state: 'running',
          percent,
          framesDone: 1,
          framesTotal: 2,
          etaMs: 600_000,
        },
        true,
      );
    }
  }

  #heartbeat(probeId?: string): void {
    this.#sequence += 1;
    if (this.#options.onHeartbeat) this.#beats.set(this.#sequence, performance.now());
    this.#send({
      kind: 'heartbeat',
      sequence: this.#sequence,
      load1: 0,
      scratchFreeBytes: 1e12,
      worstLoopStallMs: 0,
      oldestShareOperationMs: 0,
      ...(probeId !== undefined && { probeId }),
    });
  }

  #answered(sequence: number): void {
    const sentAt = this.#beats.get(sequence);
    this.#beats.delete(sequence);
    if (sentAt !== undefined) this.#options.onHeartbeat?.(performance.now() - sentAt);
  }

  #send(message: AgentMessage): void {
    this.#link.send(this.#linkId, message);
  }
}

function keyOf(ref: JobRef): string {
  return `${ref.jobId}/${fenceText(ref.fence)}`;
}

import { randomUUID } from 'node:crypto';
import { type ControllerLink, startControllerLink } from '../agent/link/controller-link.ts';
import type { Inventory, Usage } from '../proto/agent-link.ts';
import type { AgentMessage, Assign, ControllerMessage, JobRef } from '../proto/index.ts';

const usage: Usage = {
  copiedFiles: 0,
  copiedBytes: 0,
  reusedFiles: 0,
  reusedBytes: 0,
  segmentsRendered: 0,
  segmentsReused: 0,
  framesEncoded: 0,
  runMs: 0,
  waitedForSharesMs: 0,
};

/**
 * An agent on a real stream that does nothing for a job but live its whole life: accepted, started, encoded, ready,
 * and published as soon as it is granted. It renders nothing and writes no journal: only the controller is measured.
 */
export class NoOpAgent {
  readonly #link: ControllerLink;
  readonly #onAssign: (assign: Assign) => void;
  readonly #welcomed = Promise.withResolvers<undefined>();
  readonly #ended = new Map<number, string>();
  #waiting = new Map<string, () => void>();
  #linkId = 0;
  #event = 0;
  #sequence = 0;
  #stopping = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(address: string, onAssign: (assign: Assign) => void) {
    this.#onAssign = onAssign;
    this.#link = startControllerLink({
      controllers: [address],
      security: {},
      backoffFirstMaxMs: 10,
      listener: {
        opened: (linkId) => this.#opened(linkId),
        received: (_, message) => this.#received(message),
        closed: (_, reason) => this.#closed(reason),
        trouble: (message) => process.stderr.write(`${message}\n`),
      },
    });
  }

  /** Resolves when the controller has taken the agent. */
  get ready(): Promise<undefined> {
    return this.#welcomed.promise;
  }

  /** Resolves when the controller has acknowledged, durably, that this job is published. */
  published(jobId: string): Promise<void> {
    return new Promise((resolve) => this.#waiting.set(jobId, resolve));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#timer);
    this.#send({ kind: 'goodbye', reason: 'shutdown', givesBack: [] });
    await this.#link.stop();
  }

  #opened(linkId: number): void {
    this.#linkId = linkId;
    this.#send({
      kind: 'hello',
      agentId: 'bench',
      instanceId: randomUUID(),
      softwareVersion: '0.0.0',
      protocolMin: 1,
      protocolMax: 1,
      features: [],
      highestTerm: 0,
      journalId: randomUUID(),
      firstUnackedEvent: 1,
      lastEvent: 0,
      inventory,
      held: [],
      tombstones: [],
    });
  }

  /** What was measured up to here is worth nothing without it. */
  #closed(reason: string): void {
    if (!this.#stopping) process.stderr.write(`the agent's stream ended: ${reason}\n`);
  }

  #received(message: ControllerMessage): void {
    switch (message.kind) {
      case 'welcome':
        this.#timer ??= setInterval(() => this.#heartbeat(), message.heartbeatMs);
        this.#welcomed.resolve(undefined);
        return;
      case 'assign':
        this.#onAssign(message);
        this.#live(message);
        return;
      case 'publish-grant':
        this.#publish(message.ref);
        return;
      case 'event-ack':
        this.#acked(message.number);
        return;
      default:
        return;
    }
  }

  #live({ ref, output }: Assign): void {
    this.#send({ kind: 'assignment-reply', ref, accepted: true, presentBytes: 0, presentSegments: 0 });
    this.#tell(ref, { type: 'started', copiedBytes: 0, reusedBytes: 0, totalFrames: 1 });
    this.#tell(ref, { type: 'encoded' });
    this.#tell(ref, {
      type: 'ready',
      manifest: {
        fileName: output.finalName,
        sizeBytes: 1,
        durationMs: 33,
        frames: 1,
        sha256: '0'.repeat(64),
        features: [],
      },
    });
  }

  #publish(ref: JobRef): void {
    const finished = { outcome: 'published', problems: [], stderrTail: [], usage } as const;
    this.#ended.set(this.#tell(ref, { type: 'finished', finished }), ref.jobId);
  }

  #acked(number: number): void {
    for (const [event, jobId] of this.#ended) {
      if (event > number) continue;
      this.#ended.delete(event);
      this.#waiting.get(jobId)?.();
      this.#waiting.delete(jobId);
    }
  }

  #tell(ref: JobRef, event: Extract<AgentMessage, { kind: 'event' }>['event']): number {
    this.#event += 1;
    this.#send({ kind: 'event', number: this.#event, ref, atMs: Date.now(), event });
    return this.#event;
  }

  #heartbeat(): void {
    this.#sequence += 1;
    this.#send({
      kind: 'heartbeat',
      sequence: this.#sequence,
      load1: 0,
      scratchFreeBytes: 1e12,
      worstLoopStallMs: 0,
      oldestShareOperationMs: 0,
    });
  }

  #send(message: AgentMessage): void {
    this.#link.send(this.#linkId, message);
  }
}

const inventory: Inventory = {
  hostname: 'bench',
  os: 'none',
  cpuModel: 'none',
  cpuCores: 1,
  memoryBytes: 1e9,
  gpus: [],
  encoders: [
    {
      encoder: 'libx264',
      rung: 'libx264',
      hardware: false,
      max: '2160p',
      framesPerSecond: 100,
      sessionsProbed: 1,
    },
  ],
  ffmpegVersion: 'none',
  scratchFreeBytes: 1e12,
  queues: ['default_queue'],
  slots: 1,
  labels: [],
  shares: ['clips', 'results'],
  shareIds: [],
};

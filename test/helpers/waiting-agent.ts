import type { Effect } from '../../agent/core/effects.ts';
import type { Input } from '../../agent/core/inputs.ts';
import { emptyJournal } from '../../agent/core/journal-fold.ts';
import { recover } from '../../agent/core/recover.ts';
import { defaultCoreFigures } from '../../agent/core/state.ts';
import { type CoreShell, startCoreShell } from '../../agent/core-shell.ts';
import { type ControllerLink, startControllerLink } from '../../agent/link/controller-link.ts';
import type { JobRef, Welcome } from '../../proto/agent-link.ts';
import { manifest, usage } from './agent-core.ts';
import { inventory } from './agent-messages.ts';

/** One more reason to look whether what a test waits for is there. */
type Watcher = () => void;

/**
 * The real core and link of an agent, without disk and FFmpeg: an attempt begins, and goes on until `finish`. It
 * remembers whom it was welcomed by, and every attempt that it has begun.
 */
export class WaitingAgent {
  readonly welcomes: Welcome[] = [];
  /** Every attempt that was begun: a job that is there twice was started again. */
  readonly started: JobRef[] = [];
  readonly stopped: JobRef[] = [];
  readonly publishedJobIds: string[] = [];
  readonly alarms: string[] = [];
  readonly #shell: CoreShell;
  readonly #link: ControllerLink;
  readonly #ticks: NodeJS.Timeout;
  #isFinishing = false;
  readonly #watchers = new Set<Watcher>();

  constructor(options: {
    readonly agentId: string;
    readonly controllers: readonly string[];
    readonly slots: number;
  }) {
    const { agentId, controllers, slots } = options;
    const settings = {
      ...defaultCoreFigures,
      agentId,
      instanceId: `${agentId}-instance`,
      softwareVersion: '0',
      slots,
      welcomeMs: 3_000,
      publishRetryMinMs: 100,
    };
    const here = inventory({ hostname: agentId, slots });
    this.#shell = startCoreShell({
      first: recover(settings, here, emptyJournal(`${agentId}-journal`), Date.now()),
      outbox: { append: () => Promise.resolve() },
      perform: (effect) => this.#perform(effect),
      nowMs: () => Math.round(performance.timeOrigin + performance.now()),
      onTrouble: (message, error) => {
        throw new Error(message, { cause: error });
      },
    });
    this.#link = startControllerLink({
      controllers,
      security: {},
      connectMs: 1_000,
      backoffFirstMaxMs: 200,
      backoffMaxMs: 400,
      listener: {
        opened: (linkId) => this.#input({ type: 'link-opened', linkId }),
        received: (linkId, message) => {
          if (message.kind === 'welcome') this.welcomes.push(message);
          this.#input({ type: 'received', linkId, message });
        },
        closed: (linkId, reason) => this.#input({ type: 'link-closed', linkId, reason }),
        trouble: () => undefined,
      },
    });
    this.#ticks = setInterval(() => this.#input({ type: 'tick' }), 50);
  }

  /** Resolves as soon as this is so. */
  async until(what: (agent: this) => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const look = () => {
      if (what(this)) resolve(undefined);
    };
    this.#watchers.add(look);
    look();
    await promise;
    this.#watchers.delete(look);
  }

  /** Everything that it holds is rendered, and what comes from now on is at once. */
  finish(): void {
    this.#isFinishing = true;
    for (const ref of this.started) this.#render(ref);
  }

  async stop(): Promise<void> {
    clearInterval(this.#ticks);
    await this.#link.stop();
  }

  #render(ref: JobRef): void {
    this.#report(ref, { type: 'encoded' });
    this.#report(ref, { type: 'staged', manifest: { ...manifest, fileName: `C_${ref.jobId}.mp4` }, usage });
  }

  #report(ref: JobRef, report: Extract<Input, { type: 'attempt' }>['report']): void {
    this.#input({ type: 'attempt', ref, report });
  }

  #input(input: Input): void {
    this.#shell.input(input);
    for (const look of this.#watchers) look();
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        this.#link.send(effect.linkId, effect.message);
        return;
      case 'heartbeat': {
        const { linkId, sequence, probeId } = effect;
        const vitals = { load1: 0, scratchFreeBytes: 1e12, worstLoopStallMs: 0, oldestShareOperationMs: 0 };
        this.#link.send(linkId, {
          kind: 'heartbeat',
          sequence,
          ...vitals,
          ...(probeId !== undefined && { probeId }),
        });
        return;
      }
      case 'reopen':
        this.#link.reopen(effect.linkId, effect.reason, effect.afterMs, effect.address);
        return;
      case 'start-attempt':
        this.started.push(effect.assign.ref);
        this.#later(() => {
          const { ref } = effect.assign;
          this.#report(ref, { type: 'prepared', copiedBytes: 0, reusedBytes: 0, totalFrames: 30 });
          if (this.#isFinishing) this.#render(ref);
        });
        return;
      case 'stop-attempt':
        this.stopped.push(effect.ref);
        return;
      case 'publish': {
        const { ref, output } = effect;
        this.publishedJobIds.push(ref.jobId);
        const publishedPath = `${output.folder}\\${output.finalName}`;
        this.#later(() =>
          this.#input({ type: 'publish-result', ref, result: { type: 'published', publishedPath } }),
        );
        return;
      }
      case 'alarm':
        this.alarms.push(effect.code);
        return;
      default:
        return;
    }
  }

  /** Reports come from outside of a step. */
  #later(report: () => void): void {
    setImmediate(report);
  }
}

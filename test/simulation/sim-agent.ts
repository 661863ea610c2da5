import type { OutputShare } from '../../agent/attempt/output-share.ts';
import type { Effect } from '../../agent/core/effects.ts';
import type { Input } from '../../agent/core/inputs.ts';
import { emptyJournal, keyOf } from '../../agent/core/journal-fold.ts';
import type { JournalRecord } from '../../agent/core/journal-records.ts';
import { mayBeLost } from '../../agent/core/journal-records.ts';
import { type CoreState, defaultCoreFigures } from '../../agent/core/state.ts';
import type { StepResult } from '../../agent/core/step.ts';
import type { ControllerMessage, Inventory } from '../../proto/agent-link.ts';
import { inventory } from '../helpers/agent-messages.ts';
import type { Connection, End } from './connection.ts';
import type { Referee } from './referee.ts';
import { SimJournal } from './sim-journal.ts';
import type { Content, SimShare } from './sim-share.ts';
import type { JobPlan } from './sim-work.ts';
import { SimWork } from './sim-work.ts';
import { Uplink } from './uplink.ts';
import type { World } from './world.ts';

export interface AgentOptions {
  readonly agentId: string;
  readonly slots: number;
  readonly speed: number;
  readonly queues: readonly string[];
}

/** How an agent reaches the rest. */
export interface Surroundings {
  readonly world: World;
  readonly share: SimShare;
  readonly referee: Referee;
  readonly planOf: (jobId: string) => JobPlan;
  /** Undefined: nobody answers. */
  readonly dial: (agent: SimAgent, end: End<ControllerMessage>) => Connection | undefined;
}

const tickMs = 2_500;

/** A PC with an agent on it: the real core, its shell as agent/core-shell.ts is, and models of all that it drives. */
export class SimAgent {
  readonly options: AgentOptions;
  readonly #around: Surroundings;
  readonly #inventory: Inventory;
  readonly #journal: SimJournal;
  readonly #made = new Map<string, Content>();
  readonly #share: OutputShare;
  readonly works = new Map<string, SimWork>();
  #state: CoreState | undefined;
  #life = 0;
  #uplink: Uplink | undefined;
  #waiting: { readonly effects: readonly Effect[]; isDurable: boolean }[] = [];
  #deferred: (() => void)[] = [];
  #frozen = false;
  /** A crash strikes while the next write to the journal is under way, or right behind it. */
  crashPoint: 'before-fsync' | 'after-fsync' | undefined;

  constructor(options: AgentOptions, around: Surroundings) {
    this.options = options;
    this.#around = around;
    const { agentId, slots, queues } = options;
    this.#inventory = inventory({ hostname: agentId, slots, queues });
    this.#journal = new SimJournal(around.world, emptyJournal(`${agentId}-journal-1`));
    this.#share = around.world.parts.shareSeen(
      around.share.seenBy({ agentId, later: (ms, run) => this.later(ms, run) }, this.#made),
    );
  }

  get isUp(): boolean {
    return this.#state !== undefined;
  }

  get isFrozen(): boolean {
    return this.#frozen;
  }

  get state(): CoreState | undefined {
    return this.#state;
  }

  get connection(): Connection | undefined {
    return this.#uplink?.connection;
  }

  /** A new process. */
  boot(): void {
    if (this.isUp) return;
    const { agentId, slots } = this.options;
    this.#life += 1;
    const settings = {
      ...defaultCoreFigures,
      agentId,
      instanceId: `${agentId}-${this.#life}`,
      softwareVersion: '0.1.0',
      slots,
    };
    const { world } = this.#around;
    const first = world.parts.recover(settings, this.#inventory, this.#journal.read(), world.nowMs);
    this.#note(() => `starts as instance ${this.#life}`);
    this.#take(first);
    this.#uplink = new Uplink({
      world,
      dial: (end) => this.#around.dial(this, end),
      later: (ms, run) => this.later(ms, run),
      input: (input) => this.input(input),
    });
    this.#tick();
  }

  /** Killed (`told`: its kernel ends the stream) or without power. */
  crash(told: boolean): void {
    if (!this.isUp) return;
    this.#life += 1;
    this.#state = undefined;
    this.#frozen = false;
    this.#deferred = [];
    this.#waiting = [];
    this.#made.clear();
    this.crashPoint = undefined;
    for (const work of this.works.values()) this.#around.referee.worked(work);
    this.works.clear();
    this.connection?.gone('agent', told);
    this.#uplink = undefined;
    this.#journal.crash();
  }

  /** A new disk: nothing of the journal is left. */
  loseDisk(): void {
    this.#journal.replace(emptyJournal(`${this.options.agentId}-journal-${this.#life + 1}`));
  }

  freeze(): void {
    this.#frozen = this.isUp;
  }

  wake(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const run of deferred) run();
  }

  /** Runs in this process or not at all; while the PC is frozen, when it wakes. */
  later(ms: number, run: () => void): void {
    const life = this.#life;
    this.#around.world.after(ms, () => this.#inLife(life, run));
  }

  input(input: Input): void {
    if (this.#state === undefined) return;
    this.#take(this.#around.world.parts.step(this.#state, input, this.#around.world.nowMs));
  }

  #inLife(life: number, run: () => void): void {
    if (life !== this.#life) return;
    if (this.#frozen) this.#deferred.push(() => this.#inLife(life, run));
    else run();
  }

  #tick(): void {
    this.later(tickMs, () => {
      this.input({ type: 'tick' });
      this.#tick();
    });
  }

  #take({ state, records, effects }: StepResult): void {
    this.#state = state;
    for (const effect of effects.filter(isUrgent)) this.#perform(effect);
    const later = effects.filter((effect) => !isUrgent(effect));
    const entry = { effects: later, isDurable: records.every(mayBeLost) };
    if (later.length > 0 || !entry.isDurable) this.#waiting.push(entry);
    if (records.length > 0) this.#write(records, entry);
    this.#release();
    this.#around.referee.agentStepped(this);
  }

  #write(records: readonly JournalRecord[], entry: { isDurable: boolean }): void {
    const life = this.#life;
    const leave = () =>
      this.#inLife(life, () => {
        entry.isDurable = true;
        this.#release();
      });
    this.#around.world.parts.afterFsync((durable) => {
      this.#journal.append(records, () => {
        if (life !== this.#life || this.crashPoint !== 'after-fsync') durable();
        else this.#struck();
      });
      // Disks are slower than networks: what was sent too early arrives before the crash.
      if (this.crashPoint === 'before-fsync') this.#around.world.after(0.9, () => this.#struck());
    }, leave);
  }

  #struck(): void {
    if (this.crashPoint === undefined) return;
    this.#around.world.fault('agent-kill', `${this.options.agentId} ${this.crashPoint}`);
    this.crash(true);
    this.#around.world.after(3_000, () => this.boot());
  }

  #release(): void {
    for (let [next] = this.#waiting; next?.isDurable === true; [next] = this.#waiting) {
      this.#waiting.shift();
      for (const effect of next.effects) this.#perform(effect);
    }
  }

  #perform(effect: Effect): void {
    const { world, referee } = this.#around;
    switch (effect.type) {
      case 'send':
        this.#uplink?.send(effect.linkId, effect.message);
        return;
      case 'heartbeat':
        this.#heartbeat(effect);
        return;
      case 'reopen':
        this.#note(() => `reopens: ${effect.reason}`);
        this.#uplink?.reopen(effect.linkId, effect.afterMs);
        return;
      case 'start-attempt':
        this.#startWork(effect.assign);
        return;
      case 'stop-attempt':
        this.works.get(keyOf(effect.ref))?.stop(effect.mode, effect.graceMs);
        return;
      case 'publish':
        this.#settle(world.parts.publish(this.#share, effect), (result) => ({
          type: 'publish-result',
          ref: effect.ref,
          result,
        }));
        return;
      case 'finish-publish':
        this.#settle(world.parts.finishPublish(this.#share, effect.request), (result) => ({
          type: 'finish-publish-result',
          ref: effect.request.ref,
          result,
        }));
        return;
      case 'discard':
        this.#share.removeStaging(this.#share.locate(effect.stagingFolder).localPath).catch(() => undefined);
        return;
      case 'clean-up':
        referee.cleanedUp(this, effect.assign, effect.finished);
        this.#endWork(keyOf(effect.assign.ref));
        return;
      case 'start-prefetch':
      case 'stop-prefetch':
        return;
      case 'alarm':
        this.#note(() => `ALARM ${effect.code}: ${effect.message}`);
        referee.alarmed(effect.code, effect.message);
        return;
      case 'exit':
        this.#exit();
        return;
    }
  }

  #heartbeat({ linkId, sequence, probeId }: Extract<Effect, { type: 'heartbeat' }>): void {
    this.#uplink?.send(linkId, {
      kind: 'heartbeat',
      sequence,
      load1: 0,
      scratchFreeBytes: 1e11,
      worstLoopStallMs: 0,
      oldestShareOperationMs: 0,
      ...(probeId === undefined ? {} : { probeId }),
    });
  }

  #startWork(assign: Extract<Effect, { type: 'start-attempt' }>['assign']): void {
    const { world, planOf, referee } = this.#around;
    referee.started(this, assign);
    const work = new SimWork({
      world,
      assign,
      plan: planOf(assign.ref.jobId),
      speed: this.options.speed,
      share: this.#share,
      made: this.#made,
      later: (ms, run) => this.later(ms, run),
      report: (report) => this.input({ type: 'attempt', ref: assign.ref, report }),
    });
    this.works.set(keyOf(assign.ref), work);
    work.start();
  }

  #endWork(key: string): void {
    const work = this.works.get(key);
    if (work !== undefined) this.#around.referee.worked(work);
    this.works.delete(key);
  }

  #settle<T>(promise: Promise<T>, input: (result: T) => Input): void {
    const life = this.#life;
    void promise.then((result) => this.#inLife(life, () => this.input(input(result))));
  }

  #exit(): void {
    const restart = this.#around.world.random.between(2_000, 60_000);
    this.#uplink?.close();
    this.#uplink = undefined;
    this.crash(true);
    this.#around.world.after(restart, () => this.boot());
  }

  #note(what: () => string): void {
    this.#around.world.note(this.options.agentId, what);
  }
}

/** As agent/core-shell.ts has it: no record stands behind these. */
function isUrgent(effect: Effect): boolean {
  if (effect.type === 'send') return effect.message.kind === 'progress';
  return effect.type === 'heartbeat' || effect.type === 'reopen' || effect.type === 'alarm';
}

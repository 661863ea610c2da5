import type { Effect } from '../../agent/core/effects.ts';
import { waitsForNoRecord } from '../../agent/core/effects.ts';
import type { Input } from '../../agent/core/inputs.ts';
import { emptyJournal } from '../../agent/core/journal-fold.ts';
import type { JournalRecord } from '../../agent/core/journal-records.ts';
import { mayBeLost } from '../../agent/core/journal-records.ts';
import { type CoreState, defaultCoreFigures } from '../../agent/core/state.ts';
import type { StepResult } from '../../agent/core/step.ts';
import type { ControllerMessage, Inventory } from '../../proto/agent-link.ts';
import { inventory } from '../helpers/agent-messages.ts';
import { joinClasses } from '../helpers/assist-farm.ts';
import { type Cable, type Connection, type End, quietCable } from './connection.ts';
import type { JobPlan } from './job-plan.ts';
import type { Referee } from './referee.ts';
import type { SimItem } from './sim-item.ts';
import { SimJournal } from './sim-journal.ts';
import { SimProcess } from './sim-process.ts';
import { type SimSegments, speedTold } from './sim-segments.ts';
import type { SimShare } from './sim-share.ts';
import type { SimWork } from './sim-work.ts';
import { type Dialled, Uplink } from './uplink.ts';
import { Workshop } from './workshop.ts';
import type { World } from './world.ts';

export interface AgentOptions {
  /** The machine; a clone has another one under the same agent id. */
  readonly machine: string;
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
  readonly controllers: readonly string[];
  readonly planOf: (jobId: string) => JobPlan;
  /** Absent: no segments are shared. */
  readonly segments?: SimSegments;
  readonly dial: (agent: SimAgent, address: string, end: End<ControllerMessage>) => Dialled;
}

/** A process that stood still for longer knows that it did. */
const wokeAfterMs = 10_000;

/** A PC with an agent on it: the real core, its shell as agent/core-shell.ts is, and models of all that it drives. */
export class SimAgent {
  readonly options: AgentOptions;
  readonly cable: Cable = quietCable();
  readonly #around: Surroundings;
  readonly #process: SimProcess;
  readonly #journal: SimJournal;
  readonly #workshop: Workshop;
  /** How often its shell looks at the clock. */
  readonly #tickMs: number;
  #inventory: Inventory;
  #state: CoreState | undefined;
  #uplink: Uplink | undefined;
  #waiting: { effects: readonly Effect[]; isDurable: boolean }[] = [];
  #frozenMs = 0;
  /** A crash strikes while the next write to the journal is under way, or right behind it. */
  crashPoint: 'before-fsync' | 'after-fsync' | undefined;
  /** It is not booted before. */
  offUntilMs = 0;
  /** Its encoder does not work before. */
  sickUntilMs = 0;

  constructor(options: AgentOptions, around: Surroundings) {
    this.options = options;
    this.#around = around;
    const { machine, agentId, slots, queues } = options;
    const { world } = around;
    this.#tickMs = world.random.between(3_000, 5_000);
    this.#process = new SimProcess(world);
    const { segments } = around;
    const sharing =
      segments === undefined ? {} : { segmentCacheId: 'cache-1', joinClasses, speeds: speedsOf(options) };
    this.#inventory = inventory({ hostname: machine, slots, queues, ...sharing });
    this.#journal = new SimJournal(world, emptyJournal(`${machine}-journal-1`));
    this.#workshop = new Workshop({
      world,
      share: around.share,
      user: { agentId, later: (ms, run) => this.#process.later(ms, run) },
      speed: options.speed,
      referee: around.referee,
      planOf: around.planOf,
      ...(segments !== undefined && { segments }),
      later: (ms, run) => this.#process.later(ms, run),
      input: (input) => this.input(input),
      isSick: () => this.sickUntilMs > world.nowMs,
      kill: () => {
        world.fault('poison', machine);
        this.crash(true);
        this.bootIn(3_000);
      },
      whenAwake: (run) => this.#process.whenAwake(run),
    });
  }

  get isUp(): boolean {
    return this.#process.isUp;
  }

  get isFrozen(): boolean {
    return this.#process.isFrozen;
  }

  get state(): CoreState | undefined {
    return this.#state;
  }

  get works(): ReadonlyMap<string, SimWork> {
    return this.#workshop.works;
  }

  get items(): ReadonlyMap<string, SimItem> {
    return this.#workshop.items;
  }

  get connection(): Connection | undefined {
    return this.#uplink?.connection;
  }

  /** What its disk holds: all that a new process would know. */
  get journal() {
    return this.#journal.durable;
  }

  /** A new process. */
  boot(): void {
    const { world, controllers, dial } = this.#around;
    if (this.isUp || this.offUntilMs > world.nowMs) return;
    this.#process.begin();
    const { agentId, slots, machine } = this.options;
    const settings = {
      ...defaultCoreFigures,
      agentId,
      instanceId: `${machine}-${this.#process.life}`,
      softwareVersion: '0.1.0',
      slots,
    };
    this.#inventory = { ...this.#inventory, ...this.#workshop.sharesSeen() };
    const first = world.parts.recover(settings, this.#inventory, this.#journal.read(), world.nowMs);
    this.#note(() => `starts as ${settings.instanceId}`);
    this.#take(first);
    this.#uplink = new Uplink({
      world,
      controllers,
      dial: (address, end) => dial(this, address, end),
      later: (ms, run) => this.#process.later(ms, run),
      input: (input) => this.input(input),
    });
    this.#tick();
    this.#watchShares();
  }

  bootIn(ms: number): void {
    const { world } = this.#around;
    this.offUntilMs = world.nowMs + ms;
    world.after(ms, () => this.boot());
  }

  /** Killed (`told`: its kernel ends the stream) or without power. */
  crash(told: boolean): void {
    if (!this.isUp) return;
    this.#process.end();
    this.#state = undefined;
    this.#waiting = [];
    this.crashPoint = undefined;
    this.#workshop.gone();
    this.connection?.gone('agent', told);
    this.#uplink = undefined;
    this.#journal.crash();
    this.#around.referee.agentGone(this);
  }

  /** A new disk: nothing of the journal is left. */
  loseDisk(): void {
    this.#journal.replace(emptyJournal(`${this.options.machine}-journal-${this.#process.life + 1}`));
    this.#workshop.loseCache();
  }

  freeze(): void {
    this.#process.freeze();
    this.#frozenMs = this.#around.world.nowMs;
  }

  wake(): void {
    if (!this.isFrozen) return;
    const awayMs = this.#around.world.nowMs - this.#frozenMs;
    this.#process.wake();
    if (awayMs > wokeAfterMs) this.input({ type: 'woke', awayMs });
  }

  input(input: Input): void {
    if (this.#state === undefined) return;
    if (input.type === 'link-closed') this.#forget(input.linkId);
    this.#take(this.#around.world.parts.step(this.#state, input, this.#around.world.nowMs));
  }

  #tick(): void {
    this.#process.later(this.#tickMs, () => {
      this.input({ type: 'tick' });
      this.#tick();
    });
  }

  /** Once a minute it looks which shares it reaches, as agent/host does. */
  #watchShares(): void {
    this.#process.later(60_000, () => {
      const seen = this.#workshop.sharesSeen();
      if (JSON.stringify(seen) !== JSON.stringify(pick(this.#inventory))) {
        this.#inventory = { ...this.#inventory, ...seen };
        this.input({ type: 'inventory', inventory: this.#inventory });
      }
      this.#watchShares();
    });
  }

  #take({ state, records, effects }: StepResult): void {
    this.#state = state;
    const life = this.#process.life;
    for (const effect of effects) if (waitsForNoRecord(effect)) this.#perform(effect);
    if (life !== this.#process.life) return;
    const later = effects.filter((effect) => !waitsForNoRecord(effect));
    const entry = { effects: later, isDurable: records.every(mayBeLost) };
    if (later.length > 0 || !entry.isDurable) this.#waiting.push(entry);
    if (records.length > 0) this.#write(records, entry);
    this.#release();
    if (records.length > 0 || effects.length > 0) this.#around.referee.agentStepped(this);
  }

  #write(records: readonly JournalRecord[], entry: { isDurable: boolean }): void {
    const leave = this.#process.whenAwake(() => {
      entry.isDurable = true;
      this.#release();
    });
    const struck = this.#process.whenAwake(() => this.#struck());
    this.#around.world.parts.afterFsync((durable) => {
      this.#journal.append(records, () => {
        if (this.crashPoint === 'after-fsync') struck();
        durable();
      });
      // Disks are slower than networks: what was sent too early arrives before the crash.
      if (this.crashPoint === 'before-fsync') this.#around.world.after(0.9, struck);
    }, leave);
  }

  #struck(): void {
    if (this.crashPoint === undefined) return;
    this.#around.world.fault('agent-kill', `${this.options.machine} ${this.crashPoint}`);
    this.crash(true);
    this.bootIn(3_000);
  }

  #release(): void {
    for (let [next] = this.#waiting; next?.isDurable === true; [next] = this.#waiting) {
      this.#waiting.shift();
      for (const effect of next.effects) this.#perform(effect);
    }
  }

  /** What waits for the disk and was meant for this link has nobody to reach. */
  #forget(linkId: number): void {
    for (const entry of this.#waiting.splice(0)) {
      entry.effects = entry.effects.filter((effect) => effect.type !== 'send' || effect.linkId !== linkId);
      if (entry.effects.length > 0 || !entry.isDurable) this.#waiting.push(entry);
    }
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        this.#uplink?.send(effect.linkId, effect.message);
        return;
      case 'heartbeat':
        this.#heartbeat(effect);
        return;
      case 'reopen':
        this.#note(() => `reopens: ${effect.reason}`);
        this.#uplink?.reopen(effect.linkId, effect.afterMs, effect.address);
        return;
      case 'alarm':
        this.#note(() => `ALARM ${effect.code}: ${effect.message}`);
        this.#around.referee.alarmed(effect.code, effect.message);
        return;
      case 'exit':
        this.#exit();
        return;
      default:
        this.#workshop.perform(effect);
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

  #exit(): void {
    this.#uplink?.close();
    this.#uplink = undefined;
    this.crash(true);
    this.bootIn(this.#around.world.random.between(2_000, 60_000));
  }

  #note(what: () => string): void {
    this.#around.world.note(this.options.machine, what);
  }
}

function pick({ shares, shareIds }: Inventory): Pick<Inventory, 'shares' | 'shareIds'> {
  return { shares, shareIds };
}

/** Where agents help each other, what is predicted of them comes true. */
function speedsOf({ speed }: AgentOptions): Inventory['speeds'] {
  return ['hd', '4k'].map((workClass) => ({ workClass, speed: speedTold * speed, runs: 5 }));
}

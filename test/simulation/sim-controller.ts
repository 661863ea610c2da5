import type { FarmSettings } from '../../controller/domain/settings.ts';
import { createEngine, type Engine, type EngineOptions } from '../../controller/engine/engine.ts';
import type { EngineLog } from '../../controller/engine/ports.ts';
import type { FarmState } from '../../controller/engine/turn/state.ts';
import { deliveriesTo } from '../../controller/outbox/start-deliveries.ts';
import type { AgentMessage } from '../../proto/agent-link.ts';
import type { Connection, End } from './connection.ts';
import type { Referee } from './referee.ts';
import type { SimDisk } from './sim-disk.ts';
import type { SimOutside } from './sim-outside.ts';
import { SimProcess } from './sim-process.ts';
import { SimStore } from './sim-store.ts';
import { Stream } from './stream.ts';
import type { World } from './world.ts';

/** Where a crash that is biased to the moments around a write strikes. */
export const crashPoints = ['before-commit', 'after-commit', 'amid-effects'] as const;
export type CrashPoint = (typeof crashPoints)[number];

/** The clock is looked at about as often as a heartbeat comes: that is what a quiet farm mostly does. */
const tickMs = 4_000;
/**
 * A busy machine's timers: what waits for a second or more may wait for some seconds longer, below what counts as a
 * stall.
 */
const lateMs = 3_500;

export interface ControllerOptions {
  readonly world: World;
  readonly name: string;
  readonly settings: FarmSettings;
  readonly disk: SimDisk;
  readonly referee: Referee;
  /** Absent: nobody outside is told of jobs. */
  readonly outside?: SimOutside;
}

/** One controller process: the real engine on a simulated store, network and clock. */
export class SimController {
  readonly name: string;
  readonly #options: ControllerOptions;
  readonly #process: SimProcess;
  readonly #streams = new Set<Stream>();
  #store: SimStore | undefined;
  #engine: Engine | undefined;
  #isServing = false;
  crashPoint: CrashPoint | undefined;
  /** Nothing passes between it and the store before. */
  cutUntilMs = 0;
  /** It is not started anew before. */
  downUntilMs = 0;
  /** Its memory, while it leads. */
  state: FarmState | undefined;

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.name = options.name;
    this.#process = new SimProcess(options.world);
  }

  get isUp(): boolean {
    return this.#process.isUp;
  }

  get isFrozen(): boolean {
    return this.#process.isFrozen;
  }

  /** It leads, and answers callers and agents. */
  get isServing(): boolean {
    return this.#isServing && !this.#process.isFrozen;
  }

  start(): void {
    const { world, disk } = this.#options;
    if (this.isUp || this.downUntilMs > world.nowMs) return;
    this.#process.begin();
    this.#store = new SimStore({
      world,
      disk,
      process: this.#process,
      cutUntilMs: () => this.cutUntilMs,
      aroundCommit: (moment) => this.#strikes(moment),
    });
    const engine = this.#newEngine(this.#store);
    this.#engine = engine;
    engine.onServing((serving) => {
      if (this.#engine !== engine) return;
      this.#isServing = serving;
      if (!serving) this.state = undefined;
    });
    world.note(this.name, () => 'starts');
    void engine.start([this.name]);
    world.promisesAreDue = true;
  }

  /** Killed: memory is gone; the streams are cut. Without power nobody is told. */
  crash(told: boolean): void {
    if (!this.isUp) return;
    const { world, disk } = this.#options;
    if (this.#store && disk.leaseTtlMs === Number.POSITIVE_INFINITY) disk.release(this.#store);
    for (const { connection } of this.#streams) connection.gone('controller', told);
    this.#gone();
    this.downUntilMs = world.nowMs + world.random.between(500, 20_000);
    world.after(this.downUntilMs - world.nowMs + 1, () => this.start());
  }

  /** SIGTERM: it hands over and ends; its supervisor starts it again. */
  leave(): void {
    const { world } = this.#options;
    const { life } = this.#process;
    if (this.#engine === undefined) return;
    world.promisesAreDue = true;
    void this.#engine.stop().then(() => {
      if (life !== this.#process.life) return;
      for (const { connection } of this.#streams) connection.closeBy('controller');
      this.#gone();
      this.downUntilMs = world.nowMs + world.random.between(1_000, 10_000);
      world.after(this.downUntilMs - world.nowMs + 1, () => this.start());
    });
  }

  freeze(): void {
    this.#process.freeze();
  }

  wake(): void {
    this.#process.wake();
    this.#options.world.promisesAreDue = true;
  }

  /** A caller's request; nothing comes back from a process that dies. */
  call<T>(
    run: (engine: Engine) => Promise<T>,
    answered: (answer: { readonly value: T } | { readonly error: unknown }) => void,
  ): void {
    this.#process.whenAwake(() => {
      if (this.#engine === undefined) return;
      this.#options.world.promisesAreDue = true;
      const give = (answer: { value: T } | { error: unknown }) =>
        this.#process.whenAwake(() => answered(answer));
      const { life } = this.#process;
      run(this.#engine).then(
        (value) => life === this.#process.life && give({ value })(),
        (error: unknown) => life === this.#process.life && give({ error })(),
      );
    })();
  }

  /** The controller's end of a new connection. */
  accept(connection: () => Connection): End<AgentMessage> {
    const { life } = this.#process;
    const { world } = this.#options;
    let stream: Stream | undefined;
    const soon = (run: () => void) => this.#process.whenAwake(run)();
    return {
      received: (message) => {
        if (life !== this.#process.life) connection().gone('controller', true);
        else
          soon(() => {
            world.promisesAreDue = true;
            stream ??= this.#open(connection());
            stream.take(message);
          });
      },
      closed: () => {
        if (life !== this.#process.life) return;
        soon(() => {
          world.promisesAreDue = true;
          stream?.over('closed');
        });
      },
    };
  }

  #open(connection: Connection): Stream {
    const { referee, world } = this.#options;
    const stream: Stream = new Stream({
      connection,
      attach: (hello, outlet) => this.#engine?.attach(hello, outlet) ?? Promise.reject(new Error('it ends')),
      beforeSend: () => this.#strikes('amid-effects'),
      sent: (message) => referee.sent(connection, message),
      isAlive: this.#isAlive(),
      refused: (error) => world.note(this.name, () => `refuses: ${String(error)}`),
      ended: () => this.#streams.delete(stream),
    });
    this.#streams.add(stream);
    return stream;
  }

  #isAlive(): () => boolean {
    const { life } = this.#process;
    return () => life === this.#process.life;
  }

  #newEngine(store: SimStore): Engine {
    const { world, referee, settings } = this.#options;
    // A writer whose process has died may go on for a few promises: nothing of it counts.
    const isAlive = this.#isAlive();
    const { parts } = world;
    const nothing = { upserts: [], deletes: [], effects: [] };
    return createEngine({
      store,
      ...this.#deliver(isAlive),
      settings,
      decider: {
        tickMs,
        turn: (state, of, inputs, moment) => {
          if (!isAlive()) return nothing;
          for (const input of inputs) referee.taken(this.name, input);
          const turned = parts.turn(state, of, inputs, moment);
          referee.turned(this.name, state, inputs);
          return turned;
        },
        beginRecovery: (state, of, moment) => {
          if (!isAlive()) return nothing;
          this.state = state;
          referee.controllerStarted(this.name, state);
          world.note(this.name, () => `leads term ${state.epoch.term}`);
          return parts.beginRecovery(state, of, moment);
        },
      },
      resolve: (spec) =>
        Promise.resolve({
          username: spec.userId,
          resolved: spec.items.map(({ position, itemType, path }) => ({
            position,
            itemType,
            path: path ?? '',
          })),
          resolution: { queryMs: 1, found: 0, missing: [], resolvedAtMs: world.nowMs },
          shares: ['clips'],
        }),
      clock: {
        nowMs: () => world.nowMs,
        after: (ms, run) => {
          if (!isAlive()) return () => undefined;
          const timer = this.#process.later(ms < 1_000 ? ms : ms + world.random.between(0, lateMs), () => {
            world.promisesAreDue = true;
            run();
          });
          return () => {
            timer.cancelled = true;
          };
        },
      },
      random: () => world.random.next(),
      log: this.#log(isAlive),
      onFatal: (error) => {
        if (isAlive()) this.#process.whenAwake(() => this.#fatal(error))();
      },
    });
  }

  /** With a clock and chance of its own: the rest of a seed is what it would be without it. */
  #deliver(isAlive: () => boolean): Pick<EngineOptions, 'deliver'> {
    const { world, settings, outside } = this.#options;
    if (outside === undefined) return {};
    const after = (ms: number, run: () => void) => {
      if (!isAlive()) return () => undefined;
      const timer = this.#process.later(ms, () => {
        world.promisesAreDue = true;
        run();
      });
      return () => {
        timer.cancelled = true;
      };
    };
    const clock = { nowMs: () => world.nowMs, after };
    const parts = { times: settings.times, clock, random: () => 0.5, log: this.#log(isAlive) };
    return { deliver: deliveriesTo(outside.destinationsOf(this.#process), parts) };
  }

  #log(isAlive: () => boolean): EngineLog {
    const { world, referee } = this.#options;
    const note = (fields: object, text: string) => {
      if (!isAlive()) return;
      world.note(this.name, () => `${text} ${JSON.stringify(fields)}`);
      referee.logged(text, fields);
    };
    return { info: note, warn: note, error: note };
  }

  /** The process ends; its supervisor starts it again. */
  #fatal(error: unknown): void {
    this.#options.referee.gaveUp(this.name, error);
    this.crash(true);
  }

  /** A crash that waits for this moment happens now. */
  #strikes(point: CrashPoint): void {
    if (this.crashPoint !== point) return;
    const { world } = this.#options;
    if (point === 'amid-effects' && world.random.chance(0.5)) return;
    world.fault('controller-crash', `${this.name} ${point}`);
    this.crash(world.random.chance(0.7));
  }

  #gone(): void {
    this.#process.end();
    this.#store = undefined;
    this.#engine = undefined;
    this.#isServing = false;
    this.state = undefined;
    this.crashPoint = undefined;
    this.#streams.clear();
  }
}

import type { FarmSettings } from '../domain/settings.ts';
import type { Leadership, Store } from '../store/port.ts';
import { Committer, LeadershipLost } from './committer.ts';
import { Inbox } from './inbox.ts';
import type { Clock, EngineLog } from './ports.ts';
import type { Effect, Input, Moment } from './turn/inputs.ts';
import { stateFrom } from './turn/records.ts';
import type { FarmState } from './turn/state.ts';
import { beginRecovery, nextDeadlineMs, type Turned, turn } from './turn/turn.ts';

export interface WriterOptions {
  readonly store: Store;
  readonly settings: FarmSettings;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: EngineLog;
  /** Carries out effects; called after their batch is durable, in order. */
  readonly perform: (effects: readonly Effect[]) => void;
  readonly onServing: (serving: boolean) => void;
  /** The leadership is gone, or an assumption of ours is broken: nothing more is decided. */
  readonly onFatal: (error: unknown) => void;
  /** @default the real turn, and a look at the clock every second */
  readonly decider?: Decider;
}

/** What the writer decides with. Whoever drives it under a virtual clock brings its own, wrapped around the real one. */
export interface Decider {
  readonly turn: typeof turn;
  readonly beginRecovery: typeof beginRecovery;
  /** Usual pause between two looks at the clock. */
  readonly tickMs: number;
}

const realDecider: Decider = { turn, beginRecovery, tickMs: 1_000 };

/**
 * The single writer: one turn at a time, each durable before the next begins. While a commit is on its way the next
 * turn's inputs gather: that is the group commit.
 */
export class Writer {
  readonly #options: WriterOptions;
  readonly #committer: Committer;
  readonly #decider: Decider;
  readonly #reads: (() => void)[] = [];
  readonly state: FarmState;
  readonly inbox: Inbox;
  #busy = false;
  readonly #ending = new AbortController();
  #stopping = false;
  #cancelTick: (() => void) | undefined;
  #tickDueMs = 0;
  #raiseTermTo = 0;
  #leadership: Leadership | undefined;
  #running: Promise<void> | undefined;
  storeAway = false;

  private constructor(options: WriterOptions, leadership: Leadership, state: FarmState, lastBatch: number) {
    const { store, clock, log, settings } = options;
    this.#options = options;
    this.#decider = options.decider ?? realDecider;
    this.state = state;
    this.inbox = new Inbox(settings.limits.inboxMax);
    this.#committer = new Committer(
      {
        store,
        clock,
        log,
        retryMs: settings.times.commitRetryMs,
        onOutage: (outage) => this.#noteOutage(outage),
      },
      state.epoch,
      lastBatch,
    );
    this.#follow(leadership);
  }

  /** Takes the farm over from the store, under a leadership that was just obtained. */
  static async open(options: WriterOptions, leadership: Leadership): Promise<Writer> {
    const loaded = await options.store.load();
    return new Writer(options, leadership, stateFrom(loaded, leadership.epoch), loaded.lastBatch);
  }

  start(): void {
    this.#running = this.#loop().catch((error: unknown) => {
      // A leadership that is waited for is given up by our own wish.
      if (!this.#ending.signal.aborted || error !== this.#ending.signal.reason) this.#options.onFatal(error);
    });
  }

  /** Decides what is in the inbox, then stops. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#ending.abort(new Error('the controller stops'));
    this.#cancelTick?.();
    this.inbox.stop();
    if (this.storeAway) this.#committer.stop();
    await this.#running;
  }

  /** Reads committed state: at once, or as soon as the turn under way is durable. */
  read<T>(look: (state: FarmState) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = () => {
        try {
          resolve(look(this.state));
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      if (this.#busy) this.#reads.push(run);
      else run();
    });
  }

  /** An agent has seen a higher term than ours: one above it is committed before its Hello is taken. */
  raiseTerm(above: number): void {
    this.#raiseTermTo = Math.max(this.#raiseTermTo, above);
  }

  async #loop(): Promise<void> {
    await this.#finish(this.#decider.beginRecovery(this.state, this.#options.settings, this.#moment()));
    this.#options.onServing(true);
    this.#planTick();
    for (;;) {
      await this.inbox.filled();
      if (this.#stopping && this.inbox.size === 0) return;
      if (this.#raiseTermTo > this.state.epoch.term) await this.#leadAgain();
      this.#busy = true;
      const { settings } = this.#options;
      const turned = this.#decider.turn(this.state, settings, this.inbox.take(), this.#moment());
      if (!(await this.#finish(turned))) return;
      if (!this.#stopping) this.#planTick();
    }
  }

  async #finish(turned: Turned): Promise<boolean> {
    this.#busy = true;
    const durable = await this.#committer.commit(turned);
    if (!durable) return false;
    this.#busy = false;
    this.#options.perform(turned.effects);
    for (const read of this.#reads.splice(0)) read();
    return true;
  }

  #moment(): Moment {
    return { nowMs: this.#options.clock.nowMs(), random: this.#options.random };
  }

  #planTick(): void {
    this.#cancelTick?.();
    const { clock, settings } = this.#options;
    const nowMs = clock.nowMs();
    this.#tickDueMs = Math.max(
      nowMs,
      Math.min(nowMs + this.#decider.tickMs, nextDeadlineMs(this.state, settings)),
    );
    this.#cancelTick = clock.after(this.#tickDueMs - nowMs, () => this.#tick());
  }

  #tick(): void {
    const { clock, settings } = this.#options;
    const lateMs = clock.nowMs() - this.#tickDueMs;
    if (lateMs > settings.times.loopStallMs)
      this.inbox.pushFirst({ kind: 'outage', what: `stalled for ${lateMs} ms` });
    this.inbox.push({ kind: 'tick' });
  }

  async #leadAgain(): Promise<void> {
    const { store, log } = this.#options;
    const { leaderId } = this.state.epoch;
    // Taking a new term ends the old leadership by our own wish.
    this.#leadership = undefined;
    const { signal } = this.#ending;
    const leadership = await store.lead({ leaderId, termAtLeast: this.#raiseTermTo, signal });
    this.#follow(leadership);
    this.state.epoch = leadership.epoch;
    this.#committer.epoch = leadership.epoch;
    log.warn({ term: leadership.epoch.term }, 'an agent had seen a higher term: leading again above it');
  }

  #follow(leadership: Leadership): void {
    this.#leadership = leadership;
    const onLost = () => {
      if (this.#leadership !== leadership || this.#stopping) return;
      this.#options.onFatal(new LeadershipLost('the leadership of the store was lost'));
    };
    if (leadership.lost.aborted) onLost();
    else leadership.lost.addEventListener('abort', onLost, { once: true });
  }

  #noteOutage({ over, ms }: { readonly over: boolean; readonly ms: number }): void {
    const { times } = this.#options.settings;
    if (!over) {
      this.storeAway = true;
      if (ms >= times.notServingMs) this.#options.onServing(false);
      if (this.#stopping) this.#committer.stop();
      return;
    }
    this.storeAway = false;
    this.#options.onServing(true);
    if (ms > times.storageOutageMs) {
      const input: Input = { kind: 'outage', what: `the store was away for ${Math.round(ms / 1000)} s` };
      this.inbox.pushFirst(input);
    }
  }
}

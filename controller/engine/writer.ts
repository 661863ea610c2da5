import type { FarmSettings } from '../domain/settings.ts';
import { timedBudget } from '../scheduling/budget.ts';
import { type Epoch, type Leadership, type Store, someoneElseLed } from '../store/port.ts';
import { Committer } from './committer.ts';
import { Inbox } from './inbox.ts';
import { LeadershipLost, toCaller, WriterStopped } from './leadership-errors.ts';
import { obtainLeadership } from './obtain-leadership.ts';
import type { Clock, EngineLog } from './ports.ts';
import { TickTimer } from './tick-timer.ts';
import type { Effect, Moment } from './turn/inputs.ts';
import { plansOn } from './turn/planning.ts';
import { allRecords, stateFrom } from './turn/records.ts';
import type { FarmState } from './turn/state.ts';
import { beginRecovery, nextDeadlineMs, type Turned, turn } from './turn/turn.ts';
import { unlessAborted } from './unless-aborted.ts';
import { WaitingReads } from './waiting-reads.ts';

export interface WriterOptions {
  readonly store: Store;
  readonly settings: FarmSettings;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: EngineLog;
  /** For a leadership that is taken anew while it lasts. */
  readonly addresses: readonly string[];
  /** Carries out effects; called after their batch is durable, in order, and only while we lead. */
  readonly perform: (effects: readonly Effect[]) => void;
  readonly onServing: (serving: boolean) => void;
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

/** What a writer begins with. */
export interface WriterStart {
  readonly leadership: Leadership;
  /** Of this leadership's epoch. */
  readonly state: FarmState;
  /** Memory is newer than the store: all of it is written first. */
  readonly rewrite: boolean;
}

/**
 * The single writer, for one leadership: one turn at a time, each durable before the next begins. While a commit is on
 * its way the next turn's inputs gather: that is the group commit. From the moment in which the leadership is lost
 * nothing is decided, nothing is shown, and no effect leaves.
 */
export class Writer {
  readonly #options: WriterOptions;
  readonly #committer: Committer;
  readonly #decider: Decider;
  readonly #reads: WaitingReads;
  readonly #timer: TickTimer;
  readonly state: FarmState;
  readonly inbox: Inbox;
  readonly #over = new AbortController();
  readonly #rewrite: boolean;
  /** Undefined while a new term is taken: that may end the old leadership by our own wish. */
  #leadership: Leadership | undefined;
  #busy = true;
  #stopping = false;
  #raiseTermTo = 0;
  #running: Promise<void> | undefined;
  storeAway = false;

  constructor(options: WriterOptions, { leadership, state, rewrite }: WriterStart) {
    const { store, clock, log, settings } = options;
    this.#options = options;
    this.#decider = options.decider ?? realDecider;
    this.state = state;
    this.#leadership = leadership;
    this.#rewrite = rewrite;
    this.inbox = new Inbox(settings.limits);
    const { readWaitMs } = settings.times;
    this.#timer = new TickTimer({
      clock,
      tickMs: this.#decider.tickMs,
      deadlineMs: () => nextDeadlineMs(state, settings),
      isUrgent: () => plansOn(state),
      onTick: (lateMs) => this.#tick(lateMs),
    });
    this.#reads = new WaitingReads({ clock, waitMs: readWaitMs, readsMax: settings.limits.inboxMax });
    this.#committer = new Committer(
      {
        store,
        clock,
        log,
        retryMs: settings.times.commitRetryMs,
        over: this.#over.signal,
        onOutage: (outage) => this.#noteOutage(outage),
      },
      leadership.epoch,
      leadership.lastBatch,
    );
    this.#follow(leadership);
  }

  /** Begins from what the store holds. */
  static async open(options: WriterOptions, leadership: Leadership): Promise<Writer> {
    const state = stateFrom(await options.store.load(), leadership.epoch);
    return new Writer(options, { leadership, state, rewrite: false });
  }

  /** Milliseconds (Unix) of the last batch that became durable; undefined before the first. */
  get lastCommitAtMs(): number | undefined {
    return this.#committer.lastCommitAtMs;
  }

  /**
   * Decides until `stop` is called.
   * @throws LeadershipLost; any other error is a broken assumption
   */
  run(): Promise<void> {
    this.#running = this.#loop()
      .catch((error: unknown) => {
        // What was aborted meanwhile is the first cause, whatever failed because of it.
        const cause: unknown = this.#over.signal.aborted ? this.#over.signal.reason : error;
        if (!(cause instanceof WriterStopped)) throw cause;
      })
      .finally(() => this.#end());
    return this.#running;
  }

  /** Decides what is in the inbox, then stops; what the store has not taken after `limitMs` has no effect. */
  async stop(limitMs: number): Promise<void> {
    this.#stopping = true;
    this.#timer.stop();
    this.inbox.stop();
    if (this.storeAway) this.#giveUp();
    const cancelLimit = this.#options.clock.after(limitMs, () => this.#giveUp());
    // How it ended is for whoever called `run`.
    await this.#running?.catch(() => undefined);
    cancelLimit();
  }

  /** Reads committed state: at once, or as soon as the turn under way is durable. @throws NOT_LEADING, SHUTTING_DOWN */
  read<T>(look: (state: FarmState) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = () => {
        try {
          this.#requireLeadership();
          resolve(look(this.state));
        } catch (error) {
          reject(toCaller(error));
        }
      };
      if (this.#busy && !this.#over.signal.aborted) this.#reads.add(run, reject);
      else run();
    });
  }

  /** An agent has seen a higher term than ours: one above it is committed before its Hello is taken. */
  raiseTerm(above: number): void {
    this.#raiseTermTo = Math.max(this.#raiseTermTo, above);
  }

  async #loop(): Promise<void> {
    const { settings, onServing } = this.#options;
    if (this.#rewrite) await this.#writeAll();
    await this.#finish(this.#decider.beginRecovery(this.state, settings, this.#moment()));
    if (!this.#stopping) onServing(true);
    this.#timer.plan();
    for (;;) {
      await this.inbox.filled();
      this.#requireLeadership();
      if (this.#stopping && this.inbox.size === 0) return;
      if (this.#raiseTermTo > this.state.epoch.term) {
        await this.#leadAgain(this.#raiseTermTo, 'an agent had seen a higher term');
      }
      this.#busy = true;
      await this.#finish(this.#decider.turn(this.state, settings, this.inbox.take(), this.#moment()));
      if (!this.#stopping) this.#timer.plan();
    }
  }

  /** The order that everything rests on: durable, still leading, then the effects. */
  async #finish(turned: Turned): Promise<void> {
    this.#busy = true;
    if ((await this.#committer.commit(turned)) === 'broken-chain') await this.#mend();
    this.#requireLeadership();
    this.#busy = false;
    this.#options.perform(turned.effects);
    this.#reads.run();
  }

  /** The store has lost its tail. Memory has it, with the turn under way: it is written anew under a new term. */
  async #mend(): Promise<void> {
    await this.#leadAgain(Math.floor(this.#options.clock.nowMs()), 'the store had lost its last batches');
    await this.#writeAll();
    this.inbox.pushFirst({ kind: 'outage', what: 'the store had lost its last batches' });
  }

  async #writeAll(): Promise<void> {
    const { farmId } = this.state;
    const records = allRecords(this.state);
    await this.#committer.rewrite({ farmId, records });
    this.#options.log.warn({ records: records.length }, 'the whole farm was written to the store again');
  }

  #moment(): Moment {
    const { clock, random, settings } = this.#options;
    const nowMs = clock.nowMs();
    return { nowMs, random, planning: timedBudget(settings.times.planningMs, () => clock.nowMs()) };
  }

  #tick(lateMs: number): void {
    if (lateMs > this.#options.settings.times.loopStallMs)
      this.inbox.pushFirst({ kind: 'outage', what: `stalled for ${lateMs} ms` });
    this.inbox.push({ kind: 'tick' });
  }

  /** A new term while we lead: agents stay attached, and nothing leaves until we have it. @throws LeadershipLost */
  async #leadAgain(termAtLeast: number, why: string): Promise<void> {
    this.#busy = true;
    const { clock, log, settings, addresses } = this.#options;
    const mine = this.state.epoch;
    const late = () => this.#lose(`no new term within ${settings.times.leadAgainMs} ms (${why})`);
    const cancelLate = clock.after(settings.times.leadAgainMs, late);
    const wish = { leaderId: mine.leaderId, termAtLeast, addresses, signal: this.#over.signal };
    this.#leadership = undefined;
    try {
      const obtaining = obtainLeadership(this.#options, () => wish);
      this.#takeOver(await unlessAborted(obtaining, this.#over.signal), mine);
      log.warn({ term: this.state.epoch.term, why }, 'leading again under a new term');
    } finally {
      cancelLate();
    }
  }

  #takeOver(leadership: Leadership, mine: Epoch): void {
    if (someoneElseLed(leadership, mine)) {
      this.#lose(`leader ${leadership.otherEpoch.leaderId} has led meanwhile`);
      this.#over.signal.throwIfAborted();
    }
    this.#leadership = leadership;
    this.state.epoch = leadership.epoch;
    this.#committer.epoch = leadership.epoch;
    this.#follow(leadership);
  }

  #follow(leadership: Leadership): void {
    const { lost } = leadership;
    const onLost = () => {
      if (this.#leadership === leadership) this.#lose(messageOf(lost.reason));
    };
    if (lost.aborted) onLost();
    else lost.addEventListener('abort', onLost, { once: true });
  }

  /** @throws LeadershipLost, also where the clock knows it before any timer has fired; WriterStopped */
  #requireLeadership(): void {
    if (!this.#over.signal.aborted && this.#leadership?.isHeld() !== true)
      this.#lose('it was not renewed in time');
    this.#over.signal.throwIfAborted();
  }

  #lose(why: string): void {
    this.#over.abort(new LeadershipLost(why));
    this.inbox.stop();
  }

  #giveUp(): void {
    this.#over.abort(new WriterStopped('the store did not take the last turn in time'));
  }

  #end(): void {
    this.#timer.stop();
    if (!this.#over.signal.aborted) this.#over.abort(new WriterStopped('the controller has stopped'));
    this.inbox.close();
    this.#reads.fail(toCaller(this.#over.signal.reason));
  }

  #noteOutage({ over, ms }: { readonly over: boolean; readonly ms: number }): void {
    const { times } = this.#options.settings;
    if (!over) {
      this.storeAway = true;
      if (ms >= times.notServingMs) this.#options.onServing(false);
      if (this.#stopping) this.#giveUp();
      return;
    }
    this.storeAway = false;
    if (!this.#stopping) this.#options.onServing(true);
    if (ms <= times.storageOutageMs) return;
    this.inbox.pushFirst({ kind: 'outage', what: `the store was away for ${Math.round(ms / 1000)} s` });
  }
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}

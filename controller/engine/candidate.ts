import type { ControllerGoodbye } from '../../proto/agent-link.ts';
import type { FarmSettings } from '../domain/settings.ts';
import {
  type LeaderInfo,
  type Leadership,
  type Store,
  StoreUnavailable,
  someoneElseLed,
} from '../store/port.ts';
import { pause } from './committer.ts';
import type { ControllerRole, ControllerStatus } from './farm.ts';
import { followLeader } from './follow-leader.ts';
import { LeadershipLost, notLeading, stopping } from './leadership-errors.ts';
import { obtainLeadership } from './obtain-leadership.ts';
import type { Clock, EngineLog } from './ports.ts';
import { Reign, type ReignOptions } from './reign.ts';
import { allRecords, stateFrom } from './turn/records.ts';
import type { FarmState } from './turn/state.ts';
import { unlessAborted } from './unless-aborted.ts';
import type { WriterStart } from './writer.ts';

export interface CandidateOptions extends Pick<ReignOptions, 'decider' | 'deliver' | 'lookUp' | 'pathsOf'> {
  readonly store: Store;
  readonly settings: FarmSettings;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: EngineLog;
  /** Of this process, for all of its life. */
  readonly leaderId: string;
  readonly onServing: (serving: boolean) => void;
}

/**
 * Leads the farm whenever it can: waits, leads, loses, waits again, until `stop`. What it knew goes on where nobody
 * else has led meanwhile, and is dropped where somebody has.
 */
export class Candidate {
  readonly #options: CandidateOptions;
  readonly #leaving = new AbortController();
  readonly #settled = Promise.withResolvers<undefined>();
  #addresses: readonly string[] = [];
  #role: ControllerRole = 'standby';
  #sinceMs: number;
  #known: LeaderInfo | undefined;
  #durability = '';
  #memory: FarmState | undefined;
  #reign: Reign | undefined;
  #running: Promise<void> | undefined;

  constructor(options: CandidateOptions) {
    this.#options = options;
    this.#sinceMs = options.clock.nowMs();
  }

  /** Resolves when it leads for the first time, or is known to wait. */
  get settled(): Promise<undefined> {
    return this.#settled.promise;
  }

  /**
   * Tries until `stop` is called; an error that it rejects with is a broken assumption.
   * @param addresses - Where this controller is reached: told to others while it leads.
   */
  run(addresses: readonly string[]): Promise<void> {
    this.#addresses = addresses;
    this.#running = this.#live();
    return this.#running;
  }

  /** @throws NOT_LEADING, SHUTTING_DOWN */
  reign(): Reign {
    if (this.#leaving.signal.aborted) throw stopping();
    if (this.#reign === undefined) throw notLeading(this.#known?.addresses ?? []);
    return this.#reign;
  }

  status(): Omit<ControllerStatus, 'serving'> {
    const common = { role: this.#role, sinceMs: this.#sinceMs, durability: this.#durability };
    if (this.#reign === undefined) {
      return { ...common, ...this.#known?.epoch, leaderAddresses: this.#known?.addresses ?? [] };
    }
    const { writer, state } = this.#reign;
    const { recoveryUntilMs, epoch } = state;
    const { lastCommitAtMs } = writer;
    return {
      ...common,
      ...epoch,
      leaderAddresses: this.#addresses,
      ...(recoveryUntilMs !== undefined && { recoveryUntilMs }),
      ...(lastCommitAtMs !== undefined && { lastCommitAgeMs: this.#options.clock.nowMs() - lastCommitAtMs }),
    };
  }

  /** Decides what has come, within `handOverMs`; resigns and closes the store; sends the agents away. Idempotent. */
  async stop(): Promise<void> {
    if (!this.#leaving.signal.aborted) this.#leaving.abort(stopping());
    const { store, settings } = this.#options;
    const reign = this.#reign;
    reign?.watches.stop(stopping());
    // What is under way outside must not hold up the hand-over.
    await reign?.stopDelivering();
    await reign?.writer.stop(settings.times.handOverMs);
    // How it ended is for whoever called `run`.
    await this.#running?.catch(() => undefined);
    await store.close();
    // Only now: whoever comes back at once finds the next leader.
    reign?.sendAgentsAway(() => this.#goodbye('restart'));
  }

  async #live(): Promise<void> {
    const { signal } = this.#leaving;
    const { clock, settings, log } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#lead(await this.#begin(await this.#wait()));
      } catch (error) {
        if (error === this.#leaving.signal.reason) return;
        if (!(error instanceof LeadershipLost) && !(error instanceof StoreUnavailable)) throw error;
        this.#become('lost');
        log.error({ why: error.message }, 'the leadership is lost');
        await pause(clock, settings.times.commitRetryMs, signal).catch(() => undefined);
      }
    }
  }

  /** Until nobody else leads, telling meanwhile who does. */
  async #wait(): Promise<Leadership> {
    const { leaderId, clock } = this.#options;
    const decided = new AbortController();
    const following = followLeader(this.#options, decided.signal, (leader) => this.#heardOf(leader));
    try {
      return await obtainLeadership(this.#options, () => ({
        leaderId,
        termAtLeast: Math.floor(clock.nowMs()),
        addresses: this.#addresses,
        signal: this.#leaving.signal,
      }));
    } finally {
      decided.abort(new Error('it is decided who leads'));
      await following;
    }
  }

  #heardOf(leader: LeaderInfo | undefined): void {
    this.#settled.resolve(undefined);
    const isNews = leader !== undefined && leader.epoch.leaderId !== this.#known?.epoch.leaderId;
    this.#known = leader;
    if (!isNews) return;
    this.#become('standby');
    const { epoch, addresses } = leader;
    this.#options.log.info({ ...epoch, addresses }, 'another controller leads: standing by');
  }

  async #begin(leadership: Leadership): Promise<WriterStart> {
    const { store, log } = this.#options;
    const { signal } = this.#leaving;
    const { epoch, lastBatch } = leadership;
    this.#known = undefined;
    const { description, warnings } = await unlessAborted(store.durability(), signal);
    for (const warning of warnings) log.warn({}, warning);
    this.#durability = description;
    const memory = this.#memory;
    if (memory !== undefined && !someoneElseLed(leadership, memory.epoch)) {
      // As if loaded: what belonged to the streams and clocks of before is gone with them.
      const kept = { farmId: memory.farmId, lastBatch, records: allRecords(memory) };
      return { leadership, state: stateFrom(kept, epoch), rewrite: true };
    }
    if (memory !== undefined) log.warn({}, 'another controller has led meanwhile: going on from the store');
    const loaded = await unlessAborted(store.load(), signal);
    return { leadership, state: stateFrom(loaded, epoch), rewrite: false };
  }

  async #lead(start: WriterStart): Promise<void> {
    // Whoever stops us from here on finds the reign.
    this.#leaving.signal.throwIfAborted();
    const { settings, clock, log } = this.#options;
    const onServing = (serving: boolean) => {
      if (serving) this.#settled.resolve(undefined);
      this.#options.onServing(serving);
    };
    const reign = new Reign({ ...this.#options, settings, addresses: this.#addresses, onServing }, start);
    this.#reign = reign;
    this.#memory = reign.state;
    this.#become('leading');
    const { term, leaderId } = reign.state.epoch;
    log.info({ term, leaderId, durability: this.#durability, atMs: clock.nowMs() }, 'leading the farm');
    try {
      await reign.writer.run();
    } finally {
      this.#reign = undefined;
      void reign.stopDelivering();
      this.#options.onServing(false);
      this.#dismiss(reign);
    }
  }

  /** Everybody who was served goes; who leads on must not find them here. */
  #dismiss(reign: Reign): void {
    if (this.#leaving.signal.aborted) {
      reign.endCalls(stopping());
    } else {
      // Before anybody is told: who comes back at once must not take us for the leader.
      this.#become('lost');
      reign.endCalls(notLeading([]));
      reign.sendAgentsAway(() => this.#goodbye('redirect'));
    }
  }

  #goodbye(reason: 'restart' | 'redirect'): ControllerGoodbye {
    const { random, settings } = this.#options;
    const comeBackAfterMs = Math.floor(random() * settings.times.comeBackSpreadMs);
    return { kind: 'goodbye', reason, comeBackAfterMs };
  }

  #become(role: ControllerRole): void {
    if (this.#role === role) return;
    this.#role = role;
    this.#sinceMs = this.#options.clock.nowMs();
  }
}

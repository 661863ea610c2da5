import type { Batch, CommitResult, Epoch, Rewrite, Store } from '../store/port.ts';
import { StoreUnavailable } from '../store/port.ts';
import { LeadershipLost } from './leadership-errors.ts';
import type { Clock, EngineLog } from './ports.ts';
import type { Turned } from './turn/turn.ts';
import { unlessAborted } from './unless-aborted.ts';

export interface CommitterOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: EngineLog;
  readonly retryMs: number;
  /** Ends everything that waits, with its reason. What a store answers afterwards is not heard. */
  readonly over: AbortSignal;
  /** Told when commits begin to fail, and when they work again with how long they did not. */
  readonly onOutage: (outage: { readonly over: boolean; readonly ms: number }) => void;
}

/** `broken-chain`: the store has lost its tail; nothing was written. */
export type Committed = 'durable' | 'broken-chain';

/** Makes turns durable, one at a time, each chained to the one before. */
export class Committer {
  readonly #options: CommitterOptions;
  #number: number;
  epoch: Epoch;
  /** When the last batch became durable. */
  lastCommitAtMs: number | undefined;

  constructor(options: CommitterOptions, epoch: Epoch, lastBatch: number) {
    this.#options = options;
    this.epoch = epoch;
    this.#number = lastBatch;
  }

  /**
   * Resolves when the records are durable; at once where there are none. A store that is away is tried again with
   * the very same batch until it is back or `over` is aborted.
   *
   * @throws LeadershipLost where another epoch is stored; the reason of `over`
   */
  async commit({ upserts, deletes }: Turned): Promise<Committed> {
    if (upserts.length === 0 && deletes.length === 0) return 'durable';
    const batch: Batch = { number: this.#number + 1, previous: this.#number, upserts, deletes };
    const result = await this.#untilAnswered(
      () => this.#options.store.commit(batch, this.epoch),
      batch.number,
    );
    return this.#took(result, batch.number);
  }

  /**
   * Replaces everything that the store holds.
   * @throws as `commit`
   */
  async rewrite({ farmId, records }: Pick<Rewrite, 'farmId' | 'records'>): Promise<void> {
    const whole: Rewrite = { farmId, number: this.#number + 1, records };
    const { store } = this.#options;
    this.#took(await this.#untilAnswered(() => store.rewrite(whole, this.epoch), whole.number), whole.number);
  }

  #took(result: CommitResult, number: number): Committed {
    switch (result.result) {
      case 'committed':
        this.#number = number;
        this.lastCommitAtMs = this.#options.clock.nowMs();
        return 'durable';
      case 'stale-epoch':
        throw new LeadershipLost(
          `the store holds term ${result.stored.term} of leader ${result.stored.leaderId}, ours is ${this.epoch.term}`,
        );
      case 'broken-chain':
        // No number is used twice, also where the store has gone back behind it.
        this.#number = Math.max(number, result.lastBatch);
        return 'broken-chain';
    }
  }

  async #untilAnswered(ask: () => Promise<CommitResult>, number: number): Promise<CommitResult> {
    const { clock, log, retryMs, onOutage, over } = this.#options;
    let failedAtMs: number | undefined;
    for (;;) {
      try {
        const result = await unlessAborted(ask(), over);
        if (failedAtMs !== undefined) onOutage({ over: true, ms: clock.nowMs() - failedAtMs });
        return result;
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
        failedAtMs ??= clock.nowMs();
        log.warn({ err: error, batch: number }, 'store unavailable, trying the same batch again');
        onOutage({ over: false, ms: clock.nowMs() - failedAtMs });
        await pause(clock, retryMs, over);
      }
    }
  }
}

/** Resolves after this time; rejects with the signal's reason. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const cancel = clock.after(ms, () => resolve(undefined));
  try {
    await unlessAborted(promise, signal);
  } finally {
    cancel();
  }
}

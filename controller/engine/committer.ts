import type { Batch, Epoch, Store } from '../store/port.ts';
import { StoreUnavailable } from '../store/port.ts';
import type { Clock, EngineLog } from './ports.ts';
import type { Turned } from './turn/turn.ts';

/** The store refused for good: somebody else leads, or it lost its tail. Memory is no longer the truth. */
export class LeadershipLost extends Error {
  readonly code = 'NOT_LEADING';
}

export interface CommitterOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: EngineLog;
  readonly retryMs: number;
  /** Told when commits begin to fail, and when they work again with how long they did not. */
  readonly onOutage: (outage: { readonly over: boolean; readonly ms: number }) => void;
}

/** Makes turns durable, one at a time, each chained to the one before. */
export class Committer {
  readonly #options: CommitterOptions;
  #number: number;
  #stopped = false;
  #endPause: (() => void) | undefined;
  epoch: Epoch;

  constructor(options: CommitterOptions, epoch: Epoch, lastBatch: number) {
    this.#options = options;
    this.epoch = epoch;
    this.#number = lastBatch;
  }

  /**
   * Resolves when the records are durable; at once where there are none. A store that is away is tried again with
   * the very same batch until it is back or `stop` is called: false then.
   *
   * @throws LeadershipLost
   */
  async commit({ upserts, deletes }: Turned): Promise<boolean> {
    if (upserts.length === 0 && deletes.length === 0) return true;
    const batch = { number: this.#number + 1, previous: this.#number, upserts, deletes };
    const { clock, log, retryMs, onOutage } = this.#options;
    let failedAtMs: number | undefined;
    while (!this.#stopped) {
      try {
        await this.#tryOnce(batch);
        if (failedAtMs !== undefined) onOutage({ over: true, ms: clock.nowMs() - failedAtMs });
        return true;
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
        failedAtMs ??= clock.nowMs();
        log.warn({ err: error, batch: batch.number }, 'store unavailable, trying the same batch again');
        onOutage({ over: false, ms: clock.nowMs() - failedAtMs });
        await this.#pause(retryMs);
      }
    }
    return false;
  }

  /** Ends waiting for a store that is away. */
  stop(): void {
    this.#stopped = true;
    this.#endPause?.();
  }

  async #tryOnce(batch: Batch): Promise<void> {
    const result = await this.#options.store.commit(batch, this.epoch);
    switch (result.result) {
      case 'committed':
        this.#number = batch.number;
        return;
      case 'stale-epoch':
        throw new LeadershipLost(
          `leader ${result.stored.leaderId} of term ${result.stored.term} has taken over from term ${this.epoch.term}`,
        );
      case 'broken-chain':
        throw new LeadershipLost(`the store's last batch is ${result.lastBatch}, ours is ${batch.previous}`);
    }
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(ms, resolve);
      this.#endPause = () => {
        cancel();
        resolve();
      };
    });
    this.#endPause = undefined;
  }
}

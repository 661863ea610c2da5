import { setTimeout as pause } from 'node:timers/promises';
import { type Epoch, type Leadership, StoreUnavailable, sameEpoch } from '../port.ts';
import { epochFrom, unexpected } from './answers.ts';
import type { FarmKeys } from './keys.ts';
import type { RedisConnection } from './redis-connection.ts';

export interface LeaseTimes {
  /** The lease runs out this long after it was renewed last. */
  readonly ttlMs: number;
  /** Renewed this often. */
  readonly renewMs: number;
  /** Without renewal for this long the leadership is lost: well before the lease runs out and another one leads. */
  readonly graceMs: number;
}

/** Pause before a renewal that failed is tried again. */
const retryMs = 100;

/**
 * A leadership that is being renewed, until it is lost or ended.
 *
 * Guarantee: `lost` is aborted, and `isHeld` false, before the lease can run out, as long as this process runs; when it
 * was frozen, `isHeld` is false from its first moment on. Limit: clocks of this machine and of the Redis run equally
 * fast. What is written is fenced by the epoch in any case.
 */
export class Lease {
  readonly epoch: Epoch;
  readonly #connection: RedisConnection;
  readonly #keys: FarmKeys;
  readonly #times: LeaseTimes;
  readonly #lost = new AbortController();
  readonly #ended = new AbortController();
  readonly #renewing: Promise<void>;
  #renewedAt: Moment;
  #graceTimer: NodeJS.Timeout | undefined;

  /** @param takenAt when the script that took it was sent */
  constructor(
    world: { readonly connection: RedisConnection; readonly keys: FarmKeys; readonly times: LeaseTimes },
    epoch: Epoch,
    takenAt: Moment,
  ) {
    this.epoch = epoch;
    this.#connection = world.connection;
    this.#keys = world.keys;
    this.#times = world.times;
    this.#renewedAt = takenAt;
    this.#armGrace();
    this.#renewing = this.#renewAlways();
  }

  leadership(otherEpoch: Epoch, lastBatch: number): Leadership {
    const isHeld = () =>
      !this.#lost.signal.aborted &&
      !this.#ended.signal.aborted &&
      elapsedMs(this.#renewedAt) < this.#times.graceMs;
    return { epoch: this.epoch, otherEpoch, lastBatch, lost: this.#lost.signal, isHeld };
  }

  /** Stops renewing, without a word: by our own wish. */
  async end(): Promise<void> {
    this.#ended.abort();
    clearTimeout(this.#graceTimer);
    await this.#renewing;
  }

  /** Lets the next one lead at once. A Redis that is away is not waited for longer than a call takes. */
  async resign(): Promise<void> {
    await this.end();
    const { farm, lease } = this.#keys;
    const { term, leaderId } = this.epoch;
    await this.#connection.run('resign', [farm, lease], [String(term), leaderId]).catch(() => undefined);
  }

  async #renewAlways(): Promise<void> {
    let nextMs = this.#times.renewMs;
    while (!this.#isOver()) {
      await pause(nextMs, undefined, { signal: this.#ended.signal }).catch(() => undefined);
      if (this.#isOver()) return;
      nextMs = (await this.#renew()) ? this.#times.renewMs : retryMs;
    }
  }

  async #renew(): Promise<boolean> {
    const sentAt = momentNow();
    const { farm, lease } = this.#keys;
    const { term, leaderId } = this.epoch;
    try {
      const args = [String(term), leaderId, String(this.#times.ttlMs)];
      const answer = await this.#connection.run('renew', [farm, lease], args);
      if (this.#isOver()) return true;
      this.#judge(answer, sentAt);
      return true;
    } catch (error) {
      if (error instanceof StoreUnavailable) return false;
      throw error;
    }
  }

  #judge(answer: readonly unknown[], sentAt: Moment): void {
    switch (answer[0]) {
      case 'held':
        this.#renewedAt = sentAt;
        this.#armGrace();
        return;
      case 'stale-epoch':
        this.#lose(staleMessage(this.epoch, epochFrom(answer[1], answer[2])));
        return;
      default:
        this.#lose(unexpected('renew', answer).message);
    }
  }

  #armGrace(): void {
    clearTimeout(this.#graceTimer);
    const { graceMs } = this.#times;
    const leftMs = Math.max(0, graceMs - elapsedMs(this.#renewedAt));
    this.#graceTimer = setTimeout(
      () => this.#lose(`the leadership was not renewed for ${graceMs} ms`),
      leftMs,
    );
  }

  #lose(reason: string): void {
    if (this.#isOver()) return;
    clearTimeout(this.#graceTimer);
    this.#lost.abort(new Error(reason));
  }

  #isOver(): boolean {
    return this.#lost.signal.aborted || this.#ended.signal.aborted;
  }
}

/** A moment by two clocks: one stands still while the machine sleeps, the other one can be set. */
interface Moment {
  readonly steadyMs: number;
  readonly wallMs: number;
}

export function momentNow(): Moment {
  return { steadyMs: performance.now(), wallMs: Date.now() };
}

/** The longer of both times: to lose a leadership without need is harmless, to believe in one is not. */
function elapsedMs(since: Moment): number {
  const now = momentNow();
  return Math.max(now.steadyMs - since.steadyMs, now.wallMs - since.wallMs);
}

function staleMessage(ours: Epoch, stored: Epoch): string {
  if (sameEpoch(stored, { term: 0, leaderId: '' })) return 'the store has lost the farm';
  return `the store holds term ${stored.term} of leader ${stored.leaderId}, ours is ${ours.term}`;
}

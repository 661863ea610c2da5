import { FarmError } from '../domain/errors.ts';
import type { Clock } from './ports.ts';

export interface WaitingReadsOptions {
  readonly clock: Clock;
  /** A read that waits this long is refused: the store is away. */
  readonly waitMs: number;
  /** Reads that may wait. */
  readonly readsMax: number;
}

interface Waiting {
  readonly run: () => void;
  readonly reject: (error: Error) => void;
  readonly sinceMs: number;
}

/** Reads that wait until the turn under way is durable: bounded, and none waits for ever. */
export class WaitingReads {
  readonly #options: WaitingReadsOptions;
  /** Oldest first. */
  readonly #waiting = new Set<Waiting>();
  #cancelTimer: (() => void) | undefined;

  constructor(options: WaitingReadsOptions) {
    this.#options = options;
  }

  /** Calls `run` when everything is durable, or `reject` with STORAGE_UNAVAILABLE, TOO_MANY_REQUESTS or `fail`'s error. */
  add(run: () => void, reject: (error: Error) => void): void {
    const { clock, readsMax } = this.#options;
    if (this.#waiting.size >= readsMax) {
      const message = `${this.#waiting.size} reads wait already for the store`;
      reject(new FarmError('TOO_MANY_REQUESTS', message, { retryAfterMs: 500 }));
      return;
    }
    this.#waiting.add({ run, reject, sinceMs: clock.nowMs() });
    if (this.#cancelTimer === undefined) this.#arm();
  }

  /** Everything is durable now. */
  run(): void {
    for (const { run } of this.#take()) run();
  }

  fail(error: Error): void {
    for (const { reject } of this.#take()) reject(error);
  }

  #take(): readonly Waiting[] {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const taken = [...this.#waiting];
    this.#waiting.clear();
    return taken;
  }

  #arm(): void {
    const [oldest] = this.#waiting;
    if (oldest === undefined) return;
    const { clock, waitMs } = this.#options;
    this.#cancelTimer = clock.after(oldest.sinceMs + waitMs - clock.nowMs(), () => this.#refuseOld());
  }

  #refuseOld(): void {
    this.#cancelTimer = undefined;
    const { clock, waitMs } = this.#options;
    for (const waiting of this.#waiting) {
      if (clock.nowMs() - waiting.sinceMs < waitMs) break;
      this.#waiting.delete(waiting);
      const message = `the store has not answered for ${waitMs} ms`;
      waiting.reject(new FarmError('STORAGE_UNAVAILABLE', message, { retryAfterMs: 1_000 }));
    }
    this.#arm();
  }
}

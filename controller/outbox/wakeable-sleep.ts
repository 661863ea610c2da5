import type { Clock } from '../engine/ports.ts';

/** One sleeper that can be woken early; who was woken while awake does not sleep. */
export class WakeableSleep {
  readonly #clock: Clock;
  readonly #over: AbortSignal;
  #isWoken = false;
  #wake: (() => void) | undefined;

  constructor(clock: Clock, over: AbortSignal) {
    this.#clock = clock;
    this.#over = over;
  }

  /** What was woken for until now is being looked at. */
  forget(): void {
    this.#isWoken = false;
  }

  wake(): void {
    this.#isWoken = true;
    this.#wake?.();
  }

  /**
   * Resolves at this time, when it is woken, or when everything is over.
   * @param how `deaf`: a wake is kept for the next sleep
   */
  async until(atMs: number, how: 'light' | 'deaf'): Promise<void> {
    const delayMs = atMs - this.#clock.nowMs();
    if ((how === 'light' && this.#isWoken) || this.#over.aborted || delayMs <= 0) return;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const done = (): void => resolve(undefined);
    if (how === 'light') this.#wake = done;
    // Timers have 31 bits; whoever sleeps for ever looks once a day.
    const cancel = this.#clock.after(Math.min(delayMs, longestMs), done);
    this.#over.addEventListener('abort', done, { once: true });
    await promise;
    cancel();
    this.#over.removeEventListener('abort', done);
    this.#wake = undefined;
  }
}

const longestMs = 24 * 3_600_000;

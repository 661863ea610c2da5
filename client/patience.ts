import { pauseMs } from './backoff.ts';
import type { RenderfarmError } from './errors.ts';
import type { ClientSettings } from './options.ts';

/**
 * How long a watch keeps trying: a controller that was never reached gets the time of a call, one that is away for a
 * restart gets `watchGiveUpAfterMs`.
 */
export class Patience {
  readonly #settings: ClientSettings;
  readonly #now: () => number;
  #failures = 0;
  #hasServed = false;
  #unservedSince: number | undefined;

  constructor(settings: ClientSettings, now: () => number = Date.now) {
    this.#settings = settings;
    this.#now = now;
    this.#unservedSince = now();
  }

  /** A controller serves the watch. */
  served(): void {
    this.#failures = 0;
    this.#hasServed = true;
    this.#unservedSince = undefined;
  }

  /**
   * How long to pause before the next connection.
   *
   * @param lastedMs - How long the stream stood: a quiet farm sends nothing for hours, and serves us all the same.
   * @throws the failure itself, where patience is at its end.
   */
  afterFailure(failure: RenderfarmError, lastedMs: number): number {
    const { connectTimeoutMs, callTimeoutMs, watchGiveUpAfterMs } = this.#settings;
    if (lastedMs > connectTimeoutMs) this.served();
    this.#failures += 1;
    const now = this.#now();
    this.#unservedSince ??= now;
    const waitMs = pauseMs(this.#failures, failure, this.#settings);
    const limitMs = this.#hasServed ? watchGiveUpAfterMs : callTimeoutMs;
    if (now + waitMs - this.#unservedSince > limitMs) throw failure;
    return waitMs;
  }
}

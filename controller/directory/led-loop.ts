import type { IntakeLog } from './intake-poll.ts';

/** What says whether this controller leads, and can commit. */
export interface Leading {
  readonly serving: boolean;
  onServing(listener: (serving: boolean) => void): () => void;
}

export interface LedLoopOptions {
  readonly farm: Leading;
  readonly clock: { after(delayMs: number, callback: () => void): () => void };
  /** In [0, 1): so that two controllers do not come at the same moment. */
  readonly random: () => number;
  /** Pause between two rounds. */
  readonly everyMs: number;
  readonly log: IntakeLog;
  /** Of what the rounds are, for the log. */
  readonly name: string;
  /** Begins a leadership: what was remembered of the one before is not known to be true any more. */
  readonly begin: () => { round(signal: AbortSignal): Promise<object> };
}

const backoffMaxMs = 60_000;

/**
 * Rounds of something that only the leader does: from the moment in which it serves to the one in which it does not. One
 * at a time, and after one that failed with a pause that doubles up to a minute, with jitter.
 */
export class LedLoop {
  readonly #options: LedLoopOptions;
  readonly #removeListener: () => void;
  #over: AbortController | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: LedLoopOptions) {
    this.#options = options;
    this.#removeListener = options.farm.onServing((serving) => this.#serve(serving));
    this.#serve(options.farm.serving);
  }

  /** Ends the round under way, and all further ones. Idempotent. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#removeListener();
    this.#serve(false);
    await this.#running;
  }

  #serve(serving: boolean): void {
    if (!serving || this.#stopped) {
      this.#over?.abort(new Error('this controller does not lead'));
      this.#over = undefined;
    } else if (this.#over === undefined) {
      const over = new AbortController();
      this.#over = over;
      // Never two at a time: the one before may still be ending.
      this.#running = this.#running.then(() => this.#run(over.signal));
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { begin, everyMs, random, log, name } = this.#options;
    const work = begin();
    // Read anew each time: it fires while a round works.
    const isOver = (): boolean => signal.aborted;
    let failures = 0;
    while (!isOver()) {
      try {
        await work.round(signal);
        if (failures > 0) log.info({ name, failures }, `${name}: going on`);
        failures = 0;
      } catch (error) {
        if (isOver()) return;
        failures += 1;
        // Once, not each time: what is away may be away for an hour.
        if (failures === 1) log.warn({ name, err: error }, `${name}: failed, and is tried again`);
      }
      const pauseMs = Math.min(backoffMaxMs, everyMs * 2 ** Math.min(failures, 16));
      await this.#pause(Math.max(everyMs, pauseMs) * (1 - random() / 2), signal);
    }
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const wake = (): void => resolve(undefined);
    const cancel = this.#options.clock.after(ms, wake);
    if (signal.aborted) wake();
    signal.addEventListener('abort', wake, { once: true });
    return promise.then(() => {
      cancel();
      signal.removeEventListener('abort', wake);
    });
  }
}

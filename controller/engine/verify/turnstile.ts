import type { Clock } from '../ports.ts';

/** Lets one in after the other, with a pause behind each: what they cost is a small part of the time, however many come. */
export class Turnstile {
  readonly #clock: Clock;
  /** The pause, in times of what the work took. */
  readonly #restFactor: number;
  #last: Promise<void> = Promise.resolve();

  constructor(clock: Clock, restFactor: number) {
    this.#clock = clock;
    this.#restFactor = restFactor;
  }

  /** The work's result; undefined, and nothing is done, where its turn comes too late. */
  pass<T>(untilMs: number, work: () => Promise<T>): Promise<T | undefined> {
    const before = this.#last;
    let tookMs = 0;
    const run = async (): Promise<T | undefined> => {
      await before;
      const startedMs = this.#clock.nowMs();
      if (startedMs >= untilMs) return undefined;
      try {
        return await work();
      } finally {
        tookMs = this.#clock.nowMs() - startedMs;
      }
    };
    const turn = run();
    const rest = (): Promise<void> => this.#pause(tookMs * this.#restFactor);
    this.#last = turn.then(rest, rest);
    return turn;
  }

  async #pause(ms: number): Promise<void> {
    if (ms <= 0) return;
    await new Promise<void>((resolve) => void this.#clock.after(ms, resolve));
  }
}

import type { Clock } from './ports.ts';

/** Who waits to be woken. */
export interface Sleeper {
  /** False: it did not sleep. */
  wake(): boolean;
}

/** Sleepers that are woken at a time. Each reads up to 32 changes, at about 30 us a change. */
const wokenMax = 8;
/** Pause between two such groups: what the farm decides goes before who looks on. */
const pauseMs = 4;

/**
 * Wakes those who look on, a few at a time, in turn: however many watch, the loop is never theirs for long. The first
 * after a quiet moment is woken at once.
 */
export class WakePacer {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #due = new Set<Sleeper>();
  #cancelPause: (() => void) | undefined;

  constructor(clock: Pick<Clock, 'after'>) {
    this.#clock = clock;
  }

  /** Idempotent until it is woken. */
  add(sleeper: Sleeper): void {
    this.#due.add(sleeper);
    if (this.#cancelPause === undefined) this.#wakeSome();
  }

  remove(sleeper: Sleeper): void {
    this.#due.delete(sleeper);
  }

  stop(): void {
    this.#due.clear();
    this.#cancelPause?.();
    this.#cancelPause = undefined;
  }

  #wakeSome(): void {
    this.#cancelPause = undefined;
    let woken = 0;
    for (const sleeper of this.#due) {
      if (woken === wokenMax) break;
      this.#due.delete(sleeper);
      if (sleeper.wake()) woken += 1;
    }
    if (woken > 0) this.#cancelPause = this.#clock.after(pauseMs, () => this.#wakeSome());
  }
}

import type { Clock } from './ports.ts';

/** Who waits to be woken. */
export interface Sleeper {
  /** False: it did not sleep. */
  wake(): boolean;
}

/** Sleepers that are woken at a time. Each reads up to 32 changes, at some 20 us a change. */
const wokenMax = 8;
/** Pause between two such groups: what the farm decides goes before who looks on. */
const pauseMs = 4;
/** A loop that is late is busy: those who look on wait so many times longer than it is late, but not for ever. */
const lateFactor = 3;
const pauseMaxMs = 20;

/**
 * Wakes those who look on, a few at a time, in turn: however many watch, at most about a quarter of the loop's time is
 * theirs. The first after a quiet moment is woken at once.
 */
export class WakePacer {
  readonly #clock: Pick<Clock, 'after' | 'nowMs'>;
  readonly #due = new Set<Sleeper>();
  #cancelPause: (() => void) | undefined;

  constructor(clock: Pick<Clock, 'after' | 'nowMs'>) {
    this.#clock = clock;
  }

  /** Idempotent until it is woken. */
  add(sleeper: Sleeper): void {
    this.#due.add(sleeper);
    if (this.#cancelPause === undefined) this.#wakeSome(0);
  }

  remove(sleeper: Sleeper): void {
    this.#due.delete(sleeper);
  }

  stop(): void {
    this.#due.clear();
    this.#cancelPause?.();
    this.#cancelPause = undefined;
  }

  #wakeSome(lateMs: number): void {
    this.#cancelPause = undefined;
    let woken = 0;
    for (const sleeper of this.#due) {
      if (woken === wokenMax) break;
      this.#due.delete(sleeper);
      if (sleeper.wake()) woken += 1;
    }
    if (woken > 0) this.#pause(Math.min(pauseMaxMs, pauseMs + lateFactor * lateMs));
  }

  #pause(ms: number): void {
    const dueMs = this.#clock.nowMs() + ms;
    this.#cancelPause = this.#clock.after(ms, () => {
      this.#wakeSome(Math.max(0, this.#clock.nowMs() - dueMs - 1));
    });
  }
}

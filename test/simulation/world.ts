import type { Parts } from './parts.ts';
import type { Random } from './random.ts';
import type { Timer, VirtualClock } from './virtual-clock.ts';

const traceLinesMax = 20_000;

/** A property does not hold: the seed is worth money. */
export class Violation extends Error {
  readonly invariant: string;
  constructor(invariant: string, detail: string) {
    super(`${invariant}: ${detail}`);
    this.name = 'Violation';
    this.invariant = invariant;
  }
}

/** What every inhabitant of a simulation shares. */
export class World {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly parts: Parts;
  readonly startedMs: number;
  readonly trace: string[] = [];
  readonly faults: Record<string, number> = {};
  readonly #tracing: boolean;
  /** Set where something waits for promises of real code: the loop lets them settle before time goes on. */
  promisesAreDue = false;

  constructor(clock: VirtualClock, random: Random, parts: Parts, tracing: boolean) {
    this.clock = clock;
    this.random = random;
    this.parts = parts;
    this.startedMs = clock.nowMs;
    this.#tracing = tracing;
  }

  get nowMs(): number {
    return this.clock.nowMs;
  }

  after(ms: number, run: () => void): Timer {
    return this.clock.after(ms, run);
  }

  note(who: string, what: () => string): void {
    if (!this.#tracing) return;
    const seconds = ((this.nowMs - this.startedMs) / 1000).toFixed(3);
    this.trace.push(`${seconds.padStart(11)} ${who}: ${what()}`);
    if (this.trace.length > 2 * traceLinesMax) this.trace.splice(0, traceLinesMax);
  }

  fault(kind: string, detail = ''): void {
    this.faults[kind] = (this.faults[kind] ?? 0) + 1;
    this.note('FAULT', () => `${kind} ${detail}`);
  }

  violated(invariant: string, detail: string): never {
    throw new Violation(invariant, detail);
  }
}

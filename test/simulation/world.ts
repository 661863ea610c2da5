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

export interface WorldOptions {
  readonly clock: VirtualClock;
  /** Of latencies and of everything else that no script names. */
  readonly random: Random;
  readonly parts: Parts;
  /** Keeps what happens, for people. */
  readonly tracing: boolean;
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
  #violation: Violation | undefined;
  /** Set where real code waits for a promise: the loop lets promises settle before time goes on. */
  promisesAreDue = false;

  constructor({ clock, random, parts, tracing }: WorldOptions) {
    this.clock = clock;
    this.random = random;
    this.parts = parts;
    this.startedMs = clock.nowMs;
    this.#tracing = tracing;
  }

  get nowMs(): number {
    return this.clock.nowMs;
  }

  get secondsIn(): number {
    return (this.nowMs - this.startedMs) / 1000;
  }

  after(ms: number, run: () => void): Timer {
    return this.clock.after(ms, run);
  }

  note(who: string, what: () => string): void {
    if (!this.#tracing) return;
    this.trace.push(`${this.secondsIn.toFixed(3).padStart(11)} ${who}: ${what()}`);
    if (this.trace.length > 2 * traceLinesMax) this.trace.splice(0, traceLinesMax);
  }

  fault(kind: string, detail = ''): void {
    this.faults[kind] = (this.faults[kind] ?? 0) + 1;
    this.note('FAULT', () => `${kind} ${detail}`);
  }

  /** The first broken property is kept: whoever catches the error meanwhile, the loop ends with it. */
  violated(invariant: string, detail: string): never {
    this.#violation ??= new Violation(invariant, detail);
    this.note('VIOLATION', () => `${invariant}: ${detail}`);
    throw this.#violation;
  }

  /** @throws Violation the first one, wherever it was found */
  check(): void {
    if (this.#violation !== undefined) throw this.#violation;
  }
}

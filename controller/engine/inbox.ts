import type { Input } from './turn/inputs.ts';

/** Inputs that one turn takes at most, so that a flood is worked off in slices. */
const inputsPerTurnMax = 1_000;

/** The bounded queue before the engine. */
export class Inbox {
  readonly #max: number;
  #inputs: Input[] = [];
  #wake: (() => void) | undefined;
  #stopped = false;
  readonly #waiting: (() => void)[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  get full(): boolean {
    return this.#inputs.length >= this.#max;
  }

  push(input: Input): void {
    this.#inputs.push(input);
    this.#wake?.();
  }

  /** Before everything that waits: what must be known when the rest is judged. */
  pushFirst(input: Input): void {
    this.#inputs.unshift(input);
    this.#wake?.();
  }

  take(): readonly Input[] {
    const taken = this.#inputs.slice(0, inputsPerTurnMax);
    this.#inputs = this.#inputs.slice(inputsPerTurnMax);
    if (!this.full) for (const resume of this.#waiting.splice(0)) resume();
    return taken;
  }

  /** Resolves when there is something to take, or `stop` is called. */
  async filled(): Promise<void> {
    if (this.#inputs.length > 0 || this.#stopped) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
  }

  /** Resolves when there is room again. */
  room(): Promise<void> {
    if (!this.full || this.#stopped) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Wakes everyone who waits. */
  stop(): void {
    this.#stopped = true;
    this.#wake?.();
    for (const resume of this.#waiting.splice(0)) resume();
  }

  get size(): number {
    return this.#inputs.length;
  }
}

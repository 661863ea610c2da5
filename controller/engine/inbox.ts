import type { Input } from './turn/inputs.ts';

/** Inputs that one turn takes at most, so that a flood is worked off in slices. */
const inputsPerTurnMax = 1_000;

/** Bytes of records that a turn's inputs may make, roughly: well below what a store takes in one batch (64 MiB). */
const bytesPerTurnMax = 16 * 1024 * 1024;
/** What an input makes that does not say it: a job's or an attempt's record. */
const usualBytes = 4 * 1024;

interface Entry {
  readonly input: Input;
  readonly bytes: number;
}

export interface InboxLimits {
  /** Inputs that may wait. */
  readonly inboxMax: number;
  /** Bytes of records that they may make together, roughly. */
  readonly inboxBytesMax: number;
}

/** The bounded queue before the engine. */
export class Inbox {
  readonly #limits: InboxLimits;
  #entries: Entry[] = [];
  #bytes = 0;
  #wake: (() => void) | undefined;
  #stopped = false;
  #closed = false;
  readonly #waiting: (() => void)[] = [];

  constructor(limits: InboxLimits) {
    this.#limits = limits;
  }

  /** Whoever can wait or be refused has to; what comes all the same is taken (a stream's last message, its end). */
  get full(): boolean {
    return this.#entries.length >= this.#limits.inboxMax || this.#bytes >= this.#limits.inboxBytesMax;
  }

  /** @param bytes of the records that the input will make, where that can be much */
  push(input: Input, bytes = usualBytes): void {
    if (this.#closed) return;
    this.#entries.push({ input, bytes });
    this.#bytes += bytes;
    this.#wake?.();
  }

  /** Before everything that waits: what must be known when the rest is judged. */
  pushFirst(input: Input): void {
    if (this.#closed) return;
    this.#entries.unshift({ input, bytes: usualBytes });
    this.#bytes += usualBytes;
    this.#wake?.();
  }

  take(): readonly Input[] {
    const count = this.#countOfTurn();
    const taken = this.#entries.splice(0, count);
    for (const { bytes } of taken) this.#bytes -= bytes;
    if (!this.full) for (const resume of this.#waiting.splice(0)) resume();
    return taken.map(({ input }) => input);
  }

  /** Resolves when there is something to take, or `stop` is called. */
  async filled(): Promise<void> {
    if (this.#entries.length > 0 || this.#stopped) return;
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

  /** Nobody takes anything any more: forgets what waits, and all that still comes. */
  close(): void {
    this.#closed = true;
    this.#entries = [];
    this.#bytes = 0;
    this.stop();
  }

  get size(): number {
    return this.#entries.length;
  }

  /** At least one, however large it is. */
  #countOfTurn(): number {
    let count = 0;
    let bytes = 0;
    for (const entry of this.#entries) {
      bytes += entry.bytes;
      if (count === inputsPerTurnMax || (count > 0 && bytes > bytesPerTurnMax)) break;
      count += 1;
    }
    return count;
  }
}

/** What a value takes in a record. */
export function jsonBytes(value: object): number {
  return Buffer.byteLength(JSON.stringify(value));
}

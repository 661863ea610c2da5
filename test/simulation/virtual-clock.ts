/** Something that is going to happen. */
export interface Timer {
  readonly atMs: number;
  cancelled: boolean;
}

/** Times are whole numbers of these, so that a time that was waited for is reached, and never missed by a rounding. */
const ticksPerMs = 1024;

interface Entry extends Timer {
  readonly sequence: number;
  readonly run: () => void;
}

/** Virtual time: it stands still while something happens, and jumps to whatever happens next. */
export class VirtualClock {
  readonly #heap: Entry[] = [];
  #sequence = 0;
  nowMs = 1_800_000_000_000;

  /** Runs after this many milliseconds; what is due at the same time runs in the order of these calls. */
  after(ms: number, run: () => void): Timer {
    const atMs = ms <= 0 ? this.nowMs : Math.ceil((this.nowMs + ms) * ticksPerMs) / ticksPerMs;
    const entry = { atMs, sequence: ++this.#sequence, run, cancelled: false };
    this.#heap.push(entry);
    this.#up(this.#heap.length - 1);
    return entry;
  }

  /** Lets the next thing happen; false: nothing is going to. */
  step(): boolean {
    for (;;) {
      const entry = this.#pop();
      if (entry === undefined) return false;
      if (entry.cancelled) continue;
      this.nowMs = entry.atMs;
      entry.run();
      return true;
    }
  }

  #pop(): Entry | undefined {
    const top = this.#heap[0];
    const last = this.#heap.pop();
    if (top === undefined || last === undefined || top === last) return top;
    this.#heap[0] = last;
    this.#down();
    return top;
  }

  #up(index: number): void {
    for (let at = index; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (this.#ordered(parent, at)) return;
      this.#swap(parent, at);
      at = parent;
    }
  }

  #down(): void {
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      if (left >= this.#heap.length) return;
      const right = left + 1;
      const child = right < this.#heap.length && !this.#ordered(left, right) ? right : left;
      if (this.#ordered(at, child)) return;
      this.#swap(at, child);
      at = child;
    }
  }

  #ordered(a: number, b: number): boolean {
    const [first, second] = [this.#entry(a), this.#entry(b)];
    return first.atMs < second.atMs || (first.atMs === second.atMs && first.sequence < second.sequence);
  }

  #swap(a: number, b: number): void {
    const first = this.#entry(a);
    this.#heap[a] = this.#entry(b);
    this.#heap[b] = first;
  }

  #entry(index: number): Entry {
    const entry = this.#heap[index];
    if (entry === undefined) throw new Error(`the heap has no entry ${index}`);
    return entry;
  }
}

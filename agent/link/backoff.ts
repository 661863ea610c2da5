/** Full jitter (protocol.md rule 1): a restart of the controller is then no stampede. */
export interface Backoff {
  /** Milliseconds to wait before the next try; each failure doubles what they may be. */
  next(): number;
  /** A session came about: the next wait is short again. */
  reset(): void;
}

/** Waits between 0 and `firstMaxMs`, doubling to at most `maxMs`. */
export function createBackoff(firstMaxMs: number, maxMs: number, random: () => number): Backoff {
  let limitMs = firstMaxMs;
  return {
    next() {
      const waitMs = Math.round(random() * limitMs);
      limitMs = Math.min(maxMs, limitMs * 2);
      return waitMs;
    },
    reset() {
      limitMs = firstMaxMs;
    },
  };
}

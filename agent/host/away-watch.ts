export interface AwayWatchOptions {
  /** Steady, in ms: stands still while some systems sleep. */
  readonly steadyMs: () => number;
  /** Milliseconds since the epoch: goes on meanwhile, and may be set. */
  readonly wallMs: () => number;
  /** Less than this is a busy PC. */
  readonly awayMs: number;
}

/**
 * Notices that this process did not run: a PC that slept shows it by the wall clock alone, a frozen process or machine by
 * both. Returns a look, to be had often: how long it was away since the last one, or undefined. A clock that somebody
 * puts forward looks the same, and costs a new stream.
 */
export function createAwayWatch({ steadyMs, wallMs, awayMs }: AwayWatchOptions): () => number | undefined {
  let before = { steadyMs: steadyMs(), wallMs: wallMs() };
  return () => {
    const now = { steadyMs: steadyMs(), wallMs: wallMs() };
    const passedMs = Math.max(now.steadyMs - before.steadyMs, now.wallMs - before.wallMs);
    before = now;
    return passedMs >= awayMs ? passedMs : undefined;
  };
}

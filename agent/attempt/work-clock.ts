import type { RenderClock } from '../render/progress-meter.ts';
import type { RunningRender } from './render-speeds.ts';

/** The clock of a render that may wait for its files: it runs only while a segment is worked on. */
export interface WorkClock extends RenderClock {
  go(): void;
  /** Idempotent. */
  rest(): void;
}

/** `begin` puts a render among those that run on this PC. */
export function createWorkClock(begin: () => RunningRender, nowMs: () => number): WorkClock {
  let running: RunningRender | undefined;
  let beforeMs = 0;
  let lastShare = 1;
  return {
    go: () => void (running ??= begin()),
    rest() {
      if (running === undefined) return;
      beforeMs += running.aloneMs();
      lastShare = running.share();
      running.end();
      running = undefined;
    },
    aloneMs: () => beforeMs + (running?.aloneMs() ?? 0),
    share: () => running?.share() ?? lastShare,
    nowMs,
  };
}

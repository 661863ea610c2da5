import type { Clock } from './engine/ports.ts';

/** setTimeout counts in 32 bits and fires at once beyond that. */
const timeoutMaxMs = 2 ** 31 - 1;

/** The machine's clock as the engine needs it: what was the wall clock at the start, moved on by the steady one. */
export function systemClock(): Clock {
  const originMs = Date.now() - performance.now();
  return {
    nowMs: () => Math.round(originMs + performance.now()),
    after(delayMs, callback) {
      const timer = setTimeout(callback, Math.min(timeoutMaxMs, Math.max(0, delayMs)));
      return () => clearTimeout(timer);
    },
  };
}

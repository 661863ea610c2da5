import type { FairTimer } from './fair-timer.ts';
import { startFairTimer } from './fair-timer.ts';

/** Tells when nothing has been heard for too long. */
export interface Watchdog {
  /** A sign of life: the time starts again. */
  touch(): void;
  stop(): void;
}

export interface WatchdogOptions {
  readonly stallMs: number | undefined;
  /** Until the first sign of life; loading a GPU's driver takes longer than a frame. */
  readonly startStallMs: number | undefined;
  readonly onStall: () => void;
}

/** Without a limit it never barks. It barks at most once. */
export function startWatchdog({ stallMs, startStallMs = stallMs, onStall }: WatchdogOptions): Watchdog {
  let hasStarted = false;
  let isOver = false;
  const bark = (): void => {
    isOver = true;
    onStall();
  };
  const arm = (ms: number | undefined): FairTimer | undefined =>
    ms === undefined ? undefined : startFairTimer(ms, bark);
  let timer = arm(startStallMs);

  return {
    touch: () => {
      if (isOver) return;
      if (hasStarted) {
        timer?.refresh();
        return;
      }
      hasStarted = true;
      timer?.stop();
      timer = arm(stallMs);
    },
    stop: () => {
      isOver = true;
      timer?.stop();
    },
  };
}

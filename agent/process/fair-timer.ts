/** A limit on silence that does not punish others for our own. */
export interface FairTimer {
  /** The time starts again. */
  refresh(): void;
  stop(): void;
}

/** Fired later than this, the timer says more about us than about whom we listen to. */
const lateMs = 1_000;

/**
 * Fires `onOver` once, when `ms` have passed without a refresh. When this process itself did not run meanwhile (frozen,
 * or its PC slept), what the other side said is still unread: it gets the whole time again.
 */
export function startFairTimer(ms: number, onOver: () => void): FairTimer {
  let sinceMs = performance.now();
  const fire = (): void => {
    const isLate = performance.now() - sinceMs > ms + lateMs;
    if (!isLate) {
      onOver();
      return;
    }
    sinceMs = performance.now();
    timer.refresh();
  };
  const timer = setTimeout(fire, ms);
  return {
    refresh() {
      sinceMs = performance.now();
      timer.refresh();
    },
    stop: () => clearTimeout(timer),
  };
}

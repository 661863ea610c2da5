import type { Gate } from './gate.ts';

/** The right to copy one file, of a limited number. */
export interface CopyPlace {
  /** Somebody else may copy meanwhile. Idempotent. */
  leave(): void;
  /** Waits for a place where this one was left; resolves at once where it was not. Rejects with the signal's reason. */
  enter(signal: AbortSignal | undefined): Promise<void>;
}

/** Runs an action with a place that is free again when it ends; it may leave the place for a while. */
export async function withPlace<T>(
  gate: Gate,
  signal: AbortSignal | undefined,
  act: (place: CopyPlace) => Promise<T>,
): Promise<T> {
  let wayOut: (() => void) | undefined = await gate.enter(signal);
  let over = false;
  const isOver = (): boolean => over;
  const leave = (): void => {
    wayOut?.();
    wayOut = undefined;
  };
  try {
    return await act({
      leave,
      async enter(until) {
        // A copy that others wait for too outlives whoever began it: it counts nowhere then.
        if (isOver() || wayOut !== undefined) return;
        wayOut = await gate.enter(until);
        if (isOver()) leave();
      },
    });
  } finally {
    over = true;
    leave();
  }
}

import type { LogClock } from './log-clock.ts';

/** Tells readers of a folder that something was added, so that they look at once and not only now and then. */
export class Growth {
  readonly #ears = new Map<string, Set<() => void>>();

  /** Something was added to this folder, here. */
  grew(folder: string): void {
    for (const hear of this.#ears.get(folder) ?? []) hear();
  }

  listen(folder: string): Ear {
    const ears = this.#ears.get(folder) ?? new Set();
    this.#ears.set(folder, ears);
    let hasGrown = false;
    let wake: (() => void) | undefined;
    const hear = (): void => {
      hasGrown = true;
      wake?.();
    };
    ears.add(hear);
    return {
      async next(clock, waitMs, signal) {
        if (!hasGrown && !signal.aborted) {
          const heard = Promise.withResolvers<undefined>();
          wake = () => heard.resolve(undefined);
          const cancel = clock.after(waitMs, wake);
          signal.addEventListener('abort', wake, { once: true });
          await heard.promise;
          cancel();
          signal.removeEventListener('abort', wake);
          wake = undefined;
        }
        hasGrown = false;
      },
      [Symbol.dispose]: () => {
        ears.delete(hear);
        if (ears.size === 0) this.#ears.delete(folder);
      },
    };
  }
}

export interface Ear extends Disposable {
  /** Resolves when something was added since the last call, after `waitMs`, or with the signal. Never rejects. */
  next(clock: LogClock, waitMs: number, signal: AbortSignal): Promise<void>;
}

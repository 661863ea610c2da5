/** Who may use the shares' bandwidth: a prefetch begins only while no assigned job fetches. */
export interface FetchLane {
  /** An assigned job fetches from now on; returns how it says that it is done. */
  enter(): () => void;
  /** Resolves when no assigned job fetches; rejects with the signal's reason. */
  idle(signal: AbortSignal): Promise<void>;
}

export function createFetchLane(): FetchLane {
  let fetching = 0;
  let quiet = withResolvers();
  return {
    enter() {
      fetching += 1;
      let isIn = true;
      return () => {
        if (!isIn) return;
        isIn = false;
        fetching -= 1;
        if (fetching > 0) return;
        quiet.resolve();
        quiet = withResolvers();
      };
    },
    async idle(signal) {
      while (fetching > 0) {
        await Promise.race([quiet.promise, aborted(signal)]);
      }
      signal.throwIfAborted();
    },
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

function withResolvers(): { readonly promise: Promise<unknown>; resolve(value?: unknown): void } {
  return Promise.withResolvers<unknown>();
}

/** Lets a limited number in at a time, in the order they came. */
export interface Gate {
  /** Resolves with the way out, which must be taken once; rejects with the signal's reason while still waiting. */
  enter(signal?: AbortSignal): Promise<() => void>;
}

export function openGate(concurrency: number): Gate {
  const waiting: (() => void)[] = [];
  let inside = 0;

  const leave = (): void => {
    inside -= 1;
    waiting.shift()?.();
  };

  return {
    async enter(signal) {
      signal?.throwIfAborted();
      if (inside >= concurrency || waiting.length > 0) {
        await new Promise<void>((resolve, reject) => {
          const admit = (): void => {
            signal?.removeEventListener('abort', giveUp);
            // Taken here, not after the await: nobody may slip in between.
            inside += 1;
            resolve();
          };
          const giveUp = (): void => {
            waiting.splice(waiting.indexOf(admit), 1);
            reject(signal?.reason as Error);
          };
          waiting.push(admit);
          signal?.addEventListener('abort', giveUp, { once: true });
        });
      } else {
        inside += 1;
      }
      let left = false;
      return () => {
        if (left) return;
        left = true;
        leave();
      };
    },
  };
}

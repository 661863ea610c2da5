/** The time, as this room needs it. */
export interface LogClock {
  /** Milliseconds since the Unix epoch. */
  nowMs(): number;
  /** Calls back once, after `delayMs`; the returned function prevents that. */
  after(delayMs: number, callback: () => void): () => void;
}

/** Resolves after `waitMs`, or with the signal. Never rejects. */
export async function pause(clock: LogClock, waitMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const over = Promise.withResolvers<undefined>();
  const wake = (): void => over.resolve(undefined);
  const cancel = clock.after(waitMs, wake);
  signal.addEventListener('abort', wake, { once: true });
  await over.promise;
  cancel();
  signal.removeEventListener('abort', wake);
}

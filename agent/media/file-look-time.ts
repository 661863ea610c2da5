export interface Lateness<T> {
  readonly limitMs: number;
  readonly signal: AbortSignal;
  /** What is answered instead. */
  readonly late: T;
  /** The work goes on, and nobody waits for it. */
  readonly onLate: () => void;
}

/** What the work comes to, or `late` once its time is over; rejects with the signal's reason. Nobody waits for the work then. */
export async function unlessLate<T>(
  work: Promise<T>,
  { limitMs, signal, late, onLate }: Lateness<T>,
): Promise<T> {
  const over = Promise.withResolvers<T>();
  const timer = setTimeout(() => {
    onLate();
    over.resolve(late);
  }, limitMs);
  const abort = (): void => {
    onLate();
    over.reject(signal.reason as Error);
  };
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, over.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}

/** The result, or the signal's reason as soon as it is aborted: what never answers holds nobody up. */
export async function unlessAborted<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  // Nobody may be left to hear that it failed after all.
  result.catch(() => undefined);
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([result, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

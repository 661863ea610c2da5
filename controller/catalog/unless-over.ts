/**
 * What the work comes to, unless the signal or the time is first: then whoever waited goes on, and the work ends by
 * itself.
 * @throws what `late` makes when the time is over; the signal's reason
 */
export async function unlessOver<T>(
  work: Promise<T>,
  timeoutMs: number,
  signal: AbortSignal,
  late: () => Error,
): Promise<T> {
  const over = Promise.withResolvers<never>();
  const give = (): void => over.reject(signal.aborted ? signal.reason : late());
  const either = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  if (either.aborted) give();
  either.addEventListener('abort', give, { once: true });
  try {
    return await Promise.race([work, over.promise]);
  } finally {
    either.removeEventListener('abort', give);
  }
}

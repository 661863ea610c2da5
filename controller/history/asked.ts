import { FarmError } from '../domain/errors.ts';
import { HistoryAway } from './port.ts';

/** What history answers a caller. @throws FarmError HISTORY_UNAVAILABLE */
export async function asked<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    if (!(cause instanceof HistoryAway)) throw cause;
    const message = `history cannot be read just now: ${cause.message}`;
    throw new FarmError('HISTORY_UNAVAILABLE', message, { cause, retryAfterMs: 5_000 });
  }
}

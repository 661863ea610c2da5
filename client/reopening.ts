import { setTimeout as pause } from 'node:timers/promises';
import type { AddressTurn } from './address-turn.ts';
import type { RenderfarmError } from './errors.ts';
import type { Patience } from './patience.ts';

/** What decides when and where a stream that broke is opened again. */
export interface Reopening {
  readonly turn: AddressTurn;
  readonly patience: Patience;
  readonly onInterruption: ((error: RenderfarmError) => void) | undefined;
  readonly signal: AbortSignal;
}

/**
 * Waits until a stream is to be opened again, at the address whose turn it is then.
 *
 * @param lastedMs - How long the stream stood.
 * @throws the failure, where patience is at its end; the signal's reason
 */
export async function untilReopening(
  { turn, patience, onInterruption, signal }: Reopening,
  failure: RenderfarmError,
  lastedMs: number,
): Promise<void> {
  // One that says that we read too slowly, or that others watch already, leads: it is asked again.
  if (failure.status !== 'ABORTED' && failure.status !== 'RESOURCE_EXHAUSTED') turn.moveOn(failure.leader);
  const waitMs = patience.afterFailure(failure, lastedMs);
  onInterruption?.(failure);
  try {
    await pause(waitMs, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

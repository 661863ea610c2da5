import { orAborted } from '../media/shared-flight.ts';
import type { AttemptRun } from './attempt-run.ts';

/**
 * What is killed is gone in moments. A process that the system cannot end hangs in a call of the kernel, and a child at a
 * share that does not answer: neither encodes, nor may it keep a job for good.
 */
const placeWaitMaxMs = 60_000;

/**
 * Waits until what was stopped to make way for this attempt has ended, at most a minute: then the attempt begins beside it,
 * and says so. Rejects with the signal's reason as soon as it is aborted.
 */
export async function placeIsFree(
  { services: { placeFree, onTrouble }, log }: AttemptRun,
  signal: AbortSignal,
  waitMaxMs = placeWaitMaxMs,
): Promise<void> {
  if (placeFree === undefined) return;
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), waitMaxMs);
  try {
    await orAborted(placeFree(), AbortSignal.any([signal, late.signal]));
  } catch (error) {
    signal.throwIfAborted();
    if (!late.signal.aborted) throw error;
    const message = `An item of another agent's job was stopped ${waitMaxMs / 1000} s ago and has not ended: this job begins beside it`;
    log.warn(message);
    onTrouble(message);
  } finally {
    clearTimeout(timer);
  }
}

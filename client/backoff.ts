import type { RenderfarmError } from './errors.ts';

interface BackoffSettings {
  readonly addresses: readonly string[];
  readonly backoffFirstMs: number;
  readonly backoffMaxMs: number;
}

/**
 * The pause after so many failures in a row: none until every address was tried, then full jitter, anything up to
 * `backoffFirstMs`, which doubles with every round up to `backoffMaxMs`. After a restart of the controller clients come
 * back spread over time.
 */
export function backoffMs(
  failures: number,
  { addresses, backoffFirstMs, backoffMaxMs }: BackoffSettings,
  random: () => number = Math.random,
): number {
  const rounds = Math.floor(failures / addresses.length);
  if (rounds === 0) return 0;
  const doublings = Math.min(rounds - 1, 30);
  return random() * Math.min(backoffMaxMs, backoffFirstMs * 2 ** doublings);
}

/**
 * The pause before the next try of a call. None while another address has not been asked yet in this round. A standby
 * that answers shows that only the leader is missing, for seconds: the pause does not grow then.
 */
export function pauseMs(
  failures: number,
  error: RenderfarmError,
  settings: BackoffSettings,
  random: () => number = Math.random,
): number {
  const isOfThisAddress = error.status !== 'RESOURCE_EXHAUSTED';
  if (isOfThisAddress && failures % settings.addresses.length !== 0) return 0;
  const ownMs =
    error.code === 'NOT_LEADING' ? random() * settings.backoffFirstMs : backoffMs(failures, settings, random);
  return Math.max(ownMs, error.retryAfterMs ?? 0);
}

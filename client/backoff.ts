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

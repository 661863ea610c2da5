import type { Times } from '../domain/times.ts';
import { DestinationAway } from './destination.ts';

/** A destination that asks for more than so many times the longest back-off is not believed. */
const askedForMax = 12;

/** How long a destination is left alone that has failed so often in a row: doubled each time, half of it jitter. */
export function backOffMs({
  cause,
  failures,
  random,
  times,
}: {
  readonly cause: unknown;
  /** In a row, this one with them. */
  readonly failures: number;
  /** In [0, 1). */
  readonly random: number;
  readonly times: Pick<Times, 'deliveryRetryMinMs' | 'deliveryRetryMaxMs'>;
}): number {
  const { deliveryRetryMinMs, deliveryRetryMaxMs } = times;
  const ceilingMs = Math.min(deliveryRetryMaxMs, deliveryRetryMinMs * 2 ** Math.min(failures - 1, 30));
  const ownMs = Math.ceil((ceilingMs * (1 + random)) / 2);
  const askedMs = cause instanceof DestinationAway ? (cause.retryAfterMs ?? 0) : 0;
  const believedMs = Number.isFinite(askedMs) ? Math.min(askedMs, askedForMax * deliveryRetryMaxMs) : 0;
  return Math.max(ownMs, believedMs);
}

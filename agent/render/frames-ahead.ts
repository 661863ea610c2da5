import { framesPerSecond } from './render-plan.ts';

/** What is known of an item's length. */
export interface ItemLength {
  /** Planned to the frame. */
  readonly frames: number | undefined;
  /** What its job says of it, until then. */
  readonly framesEstimated: number | undefined;
}

/**
 * Frames of a job whose items are not all measured: of an item that nothing is known of, the mean of the others. 0 when
 * nothing is known of any. Pure.
 */
export function framesAhead(items: readonly ItemLength[]): number {
  const known = items.flatMap(({ frames, framesEstimated }) => frames ?? framesEstimated ?? []);
  const sum = known.reduce((all, one) => all + one, 0);
  if (known.length === 0) return 0;
  return sum + Math.round(((items.length - known.length) * sum) / known.length);
}

/** Frames of an item that is shown for so long. */
export function framesIn(durationMs: number): number {
  return Math.max(1, Math.round((durationMs * framesPerSecond) / 1_000));
}

/** Percent of an attempt: it never goes back, and 100 is for a published job. */
export function risen(before: number | undefined, percent: number): number {
  return Math.max(before ?? 0, Number.isFinite(percent) ? Math.min(99, Math.floor(percent)) : 0);
}

import type { WaitingJob } from './snapshot.ts';
import { compareAge } from './waiting-lines.ts';

/** What was promised the earliest start goes first; then age. */
export function comparePromises(a: WaitingJob, b: WaitingJob): number {
  return (a.promise?.startAtMs ?? 0) - (b.promise?.startAtMs ?? 0) || compareAge(a, b);
}

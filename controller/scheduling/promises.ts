import type { Placement } from './placement.ts';
import type { Plan } from './plan.ts';
import type { PlannerTuning, StartPromise } from './snapshot.ts';

/**
 * The promises after a complete plan: a job that is passed over for the first time is promised the start that the plan
 * expects; one whose expected start has slipped by more than min(10 min, half its predicted time) is overdue, and stays
 * so until it starts (scheduling.md, Deciding 3). A job that the plan did not come to keeps what it has.
 */
export function nextPromises(
  before: ReadonlyMap<string, StartPromise>,
  plan: Plan,
  nowMs: number,
  tuning: PlannerTuning,
): Map<string, StartPromise> {
  const promises = new Map(before);
  for (const placement of plan.placements) {
    const { jobId, startsInMs } = placement;
    const known = promises.get(jobId);
    if (startsInMs === 0) promises.delete(jobId);
    else if (known !== undefined) {
      const overdue =
        known.overdue || nowMs + startsInMs - known.startAtMs > slipAllowedMs(placement, tuning);
      if (overdue !== known.overdue) promises.set(jobId, { ...known, overdue });
    } else if (plan.passedOver.has(jobId)) {
      promises.set(jobId, { madeAtMs: nowMs, startAtMs: nowMs + startsInMs, overdue: false });
    }
  }
  return promises;
}

/** How far the start of a job that takes as long as this may slip. */
export function slipAllowedMs(
  { startsInMs, endsInMs }: Pick<Placement, 'startsInMs' | 'endsInMs'>,
  { slipMaxMs }: Pick<PlannerTuning, 'slipMaxMs'>,
): number {
  return Math.min(slipMaxMs, (endsInMs - startsInMs) / 2);
}

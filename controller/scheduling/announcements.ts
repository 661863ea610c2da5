import type { Placement } from './placement.ts';
import type { Plan } from './plan.ts';
import type { PlannerTuning } from './snapshot.ts';

/** An announcement that stands. */
export interface Announced {
  readonly jobId: string;
  readonly agentId: string;
  readonly sinceMs: number;
}

/**
 * What each agent is to prefetch after a complete plan: what it gets next, one job per slot. An announcement that is
 * young stays while its job is still planned there, though another job may come before it by now: files that are being
 * fetched are not given up for a change of order among equals (scheduling.md, Deciding 4).
 */
export function wantedAnnouncements(
  standing: Iterable<Announced>,
  plan: Plan,
  slotsOf: (agentId: string) => number,
  nowMs: number,
  { moveEveryMs }: Pick<PlannerTuning, 'moveEveryMs'>,
): readonly Placement[] {
  const placed = new Map(plan.placements.map((placement) => [placement.jobId, placement]));
  const wanted = new Map<string, Placement[]>();
  for (const { jobId, agentId, sinceMs } of standing) {
    const placement = placed.get(jobId);
    if (placement?.agentId !== agentId || placement.startsInMs === 0) continue;
    const isYoung = nowMs - sinceMs < moveEveryMs;
    const here = wanted.get(agentId) ?? [];
    // An agent may have fewer slots by now.
    if (isYoung && here.length < slotsOf(agentId) && !isOutranked(placement, plan))
      wanted.set(agentId, [...here, placement]);
  }
  for (const placement of plan.announcements) {
    const here = wanted.get(placement.agentId) ?? [];
    const isThere = here.some(({ jobId }) => jobId === placement.jobId);
    if (!isThere && here.length < slotsOf(placement.agentId))
      wanted.set(placement.agentId, [...here, placement]);
  }
  return [...wanted.values()].flat();
}

/** What its agent gets before it is of a higher class, or overdue. */
function isOutranked({ agentId, startsInMs, effectiveClass, overdue }: Placement, plan: Plan): boolean {
  return plan.announcements.some(
    (other) =>
      other.agentId === agentId &&
      other.startsInMs < startsInMs &&
      (other.effectiveClass > effectiveClass || (other.overdue && !overdue)),
  );
}

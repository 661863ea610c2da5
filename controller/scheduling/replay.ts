import { Desk } from './desk.ts';
import { effortOf } from './forecast.ts';
import type { Placement } from './placement.ts';
import type { Plan } from './plan.ts';
import type { Snapshot } from './snapshot.ts';

/** A complete plan, and what it was made of. */
export interface CompletePlan {
  readonly plan: Plan;
  readonly snapshot: Snapshot;
}

/** What a plan had given to an agent when a job's turn came. */
export interface Before {
  readonly desk: Desk;
  /** In the order in which they were given. */
  readonly given: readonly Placement[];
}

/**
 * The agents as they were when the plan came to a job: with all that it had placed before. Without a place of its own:
 * with all that was placed. By agent.
 */
export function beforeJob({ plan, snapshot }: CompletePlan, jobId: string): ReadonlyMap<string, Before> {
  const desks = new Map(
    snapshot.agents.map((agent) => [agent.agentId, { desk: new Desk(agent), given: [] as Placement[] }]),
  );
  const ranked = new Map(plan.order.map((each) => [each.job.jobId, each]));
  for (const placement of plan.placements) {
    if (placement.jobId === jobId) break;
    const before = desks.get(placement.agentId);
    const known = ranked.get(placement.jobId);
    if (before === undefined || known === undefined) continue;
    before.given.push(placement);
    before.desk.book(known, effortOf(known.job, before.desk.agent), placement.startsInMs);
  }
  return desks;
}

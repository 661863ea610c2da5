import { feasibleAgents } from './feasible.ts';
import { renderMs, slotsFreeInMs } from './forecast.ts';
import { ranked } from './rank.ts';
import type { PlannedAgent, Snapshot, WaitingJob } from './snapshot.ts';

/** Where a waiting job is expected to run. */
export interface Placement {
  readonly jobId: string;
  readonly agentId: string;
  /** From now; 0: at once. */
  readonly startsInMs: number;
  readonly endsInMs: number;
}

export interface Plan {
  /** Jobs that start now, in order. */
  readonly assignments: readonly Placement[];
  /** What each busy agent gets next, at most one job per slot. */
  readonly announcements: readonly Placement[];
  /** All placements, in rank order. */
  readonly placements: readonly Placement[];
  /** Jobs that no agent can take, in rank order. */
  readonly unplaceable: readonly string[];
}

/**
 * Plans the waiting jobs: in rank order, each goes where it is expected to end first; a job waits for a busy,
 * faster agent as long as that ends it earlier. Pure: same snapshot, same plan.
 *
 *   snapshot --> ranked --> feasible agents --> expected completion --> assignment | announcement
 */
export function makePlan(snapshot: Snapshot): Plan {
  const desks = new Map(snapshot.agents.map((agent) => [agent.agentId, openDesk(agent)]));
  const placements: Placement[] = [];
  const unplaceable: string[] = [];
  for (const job of ranked(snapshot.waiting, snapshot.nowMs, snapshot.tuning).slice(
    0,
    snapshot.tuning.jobsMax,
  )) {
    const best = bestDesk(job, snapshot, desks);
    if (best === undefined) unplaceable.push(job.jobId);
    else placements.push(book(job, best));
  }
  return {
    assignments: placements.filter((placement) => placement.startsInMs === 0),
    announcements: [...desks.values()].flatMap((desk) => desk.next),
    placements,
    unplaceable,
  };
}

/** An agent while a plan is made: when its slots are free, and what it was given. */
interface Desk {
  readonly agent: PlannedAgent;
  readonly freeInMs: number[];
  readonly next: Placement[];
}

function openDesk(agent: PlannedAgent): Desk {
  return { agent, freeInMs: slotsFreeInMs(agent), next: [] };
}

function bestDesk(job: WaitingJob, snapshot: Snapshot, desks: ReadonlyMap<string, Desk>): Desk | undefined {
  let best: Desk | undefined;
  let bestScore = Number.POSITIVE_INFINITY;
  for (const agent of feasibleAgents(job, snapshot.agents)) {
    const desk = desks.get(agent.agentId);
    if (desk === undefined) continue;
    const score = (desk.freeInMs[0] ?? 0) + renderMs(agent, job) - loyaltyMs(job, agent, snapshot);
    if (score < bestScore) [best, bestScore] = [desk, score];
  }
  return best;
}

/** What another agent must gain to take an announced job away from the one that prefetches it. */
function loyaltyMs(job: WaitingJob, agent: PlannedAgent, { tuning }: Snapshot): number {
  const announcedForMs = agent.announced.get(job.jobId);
  if (announcedForMs === undefined) return 0;
  return announcedForMs < tuning.moveEveryMs ? Number.MAX_SAFE_INTEGER / 2 : tuning.moveGainMs;
}

function book(job: WaitingJob, desk: Desk): Placement {
  const startsInMs = desk.freeInMs.shift() ?? 0;
  const endsInMs = startsInMs + renderMs(desk.agent, job);
  desk.freeInMs.push(endsInMs);
  desk.freeInMs.sort((a, b) => a - b);
  const placement = { jobId: job.jobId, agentId: desk.agent.agentId, startsInMs, endsInMs };
  if (startsInMs > 0 && desk.next.length < desk.agent.inventory.slots) desk.next.push(placement);
  return placement;
}

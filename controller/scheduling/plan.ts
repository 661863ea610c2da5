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

/**
 * Where the job is expected to end first. A free slot wins by that alone: a hint never keeps a job from starting.
 * Between busy agents the one that was told to prefetch keeps the job unless another gains enough.
 */
function bestDesk(job: WaitingJob, snapshot: Snapshot, desks: ReadonlyMap<string, Desk>): Desk | undefined {
  const feasible = feasibleAgents(job, snapshot.agents).flatMap((agent) => desks.get(agent.agentId) ?? []);
  const soonest = lowest(feasible, (desk) => completionMs(job, desk));
  if (soonest === undefined || (soonest.freeInMs[0] ?? 0) === 0) return soonest;
  return lowest(feasible, (desk) => completionMs(job, desk) - loyaltyMs(job, desk.agent, snapshot));
}

function completionMs(job: WaitingJob, desk: Desk): number {
  return (desk.freeInMs[0] ?? 0) + renderMs(desk.agent, job);
}

function lowest(desks: readonly Desk[], score: (desk: Desk) => number): Desk | undefined {
  let best: { readonly desk: Desk; readonly score: number } | undefined;
  for (const desk of desks) {
    const own = score(desk);
    if (best === undefined || own < best.score) best = { desk, score: own };
  }
  return best?.desk;
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

import { needsRefusals, refusals } from './feasible.ts';
import { renderMs, slotsFreeInMs, speedOf } from './forecast.ts';
import type { Placement } from './placement.ts';
import { makePlan } from './plan.ts';
import type { PlannedAgent, Snapshot, WaitingJob } from './snapshot.ts';
import type { JobNeeds } from './waiting-lines.ts';

/** What one agent's answer to a waiting job is. */
export interface Opinion {
  readonly agentId: string;
  readonly feasible: boolean;
  readonly reasons: readonly string[];
  readonly expectedCompletionMs?: number;
}

export interface WaitExplanation {
  readonly summary: string;
  readonly agents: readonly Opinion[];
  readonly planned?: Placement;
}

/** Why a job of the snapshot waits. */
export function explainWait(snapshot: Snapshot, job: WaitingJob): WaitExplanation {
  const planned = makePlan(snapshot).placements.find((placement) => placement.jobId === job.jobId);
  return {
    summary: planned === undefined ? blockedReason(job, snapshot.agents) : plannedReason(planned),
    agents: snapshot.agents.map((agent) => opinion(job, agent)),
    ...(planned && { planned }),
  };
}

/** One sentence: what a job that has its place in the plan waits for. */
export function plannedReason(planned: Placement): string {
  if (planned.startsInMs === 0) return `starts now on ${planned.agentId}`;
  return `waits for ${planned.agentId}, which is expected to be free in ${seconds(planned.startsInMs)}`;
}

/** One sentence: why a job has no place in the plan. With needs alone: what holds for all jobs that need the same. */
export function blockedReason(job: WaitingJob | JobNeeds, agents: readonly PlannedAgent[]): string {
  if (agents.length === 0) return 'no agent is attached';
  const subscribed = agents.filter((agent) => agent.inventory.queues.includes(job.queue));
  if (subscribed.length === 0) return `no agent is subscribed to ${job.queue}`;
  const answers: string[] = [];
  for (const agent of subscribed) {
    const reasons = 'refusedBy' in job ? refusals(job, agent) : needsRefusals(job, agent);
    if (reasons.length === 0) return behindMany;
    if (answers.length < agentsNamedMax) answers.push(`${agent.agentId}: ${reasons.join(', ')}`);
  }
  return `no agent can take it (${answers.join('; ')})`;
}

/** Of a job that the plan has not come to. */
export const behindMany = 'waits behind more than 200 jobs';

const agentsNamedMax = 10;

function opinion(job: WaitingJob, agent: PlannedAgent): Opinion {
  const reasons = refusals(job, agent);
  if (reasons.length > 0) return { agentId: agent.agentId, feasible: false, reasons };
  const freeInMs = slotsFreeInMs(agent)[0] ?? 0;
  const notes = [
    ...(freeInMs > 0 ? [`busy: ${agent.running.map((attempt) => `job ${attempt.jobId}`).join(', ')}`] : []),
    ...(job.avoid.has(agent.agentId) ? [`avoided: ${job.avoid.get(agent.agentId) ?? ''}`] : []),
  ];
  return {
    agentId: agent.agentId,
    feasible: true,
    reasons: notes,
    expectedCompletionMs: freeInMs + renderMs(speedOf(agent), job),
  };
}

function seconds(ms: number): string {
  return `${Math.ceil(ms / 1000)} s`;
}

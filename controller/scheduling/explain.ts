import { Desk } from './desk.ts';
import { doubts, needsRefusals, pauseOf, refusals } from './feasible.ts';
import { effortOf } from './forecast.ts';
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
    summary: planned === undefined ? blockedReason(job, snapshot) : plannedReason(planned),
    agents: snapshot.agents.map((agent) => opinion(job, agent, snapshot)),
    ...(planned && { planned }),
  };
}

/** One sentence: what a job that has its place in the plan waits for. */
export function plannedReason({ startsInMs, agentId, limit }: Placement): string {
  if (startsInMs === 0) return `starts now on ${agentId}`;
  if (limit !== undefined) return `waits for the ${limit}; expected on ${agentId} in ${seconds(startsInMs)}`;
  return `waits for ${agentId}, which is expected to be free in ${seconds(startsInMs)}`;
}

/** One sentence: why a job has no place in the plan. With needs alone: what holds for all jobs that need the same. */
export function blockedReason(
  job: WaitingJob | JobNeeds,
  { agents, rules }: Pick<Snapshot, 'agents' | 'rules'>,
): string {
  const paused = pauseOf(job, rules);
  if (paused !== undefined) return paused;
  if (agents.length === 0) return 'no agent is attached';
  const subscribed = agents.filter(({ queues }) => queues.includes(job.queue));
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

function opinion(job: WaitingJob, agent: PlannedAgent, { rules, tuning }: Snapshot): Opinion {
  const reasons = refusals(job, agent);
  if (reasons.length > 0) return { agentId: agent.agentId, feasible: false, reasons };
  const desk = new Desk(agent);
  const doubt = doubts(job, agent, rules, tuning);
  const notes = [
    ...(desk.isFree ? [] : [`busy: ${agent.running.map(({ jobId }) => `job ${jobId}`).join(', ')}`]),
    ...(doubt === undefined ? [] : [doubt]),
  ];
  return {
    agentId: agent.agentId,
    feasible: true,
    reasons: notes,
    expectedCompletionMs: desk.completionMs(effortOf(job, agent)),
  };
}

function seconds(ms: number): string {
  return `${Math.ceil(ms / 1000)} s`;
}

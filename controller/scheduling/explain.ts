import { refusals } from './feasible.ts';
import { renderMs, slotsFreeInMs } from './forecast.ts';
import { makePlan, type Placement } from './plan.ts';
import { ranked } from './rank.ts';
import type { PlannedAgent, Snapshot, WaitingJob } from './snapshot.ts';

/** What one agent's answer to a waiting job is. */
export interface Opinion {
  readonly agentId: string;
  readonly feasible: boolean;
  readonly reasons: readonly string[];
  readonly expectedCompletionMs?: number;
}

export interface WaitExplanation {
  readonly summary: string;
  /** 1 is next. */
  readonly placeInOrder: number;
  readonly agents: readonly Opinion[];
  readonly planned?: Placement;
}

/** Why a job waits; undefined for a job that is not in the snapshot. */
export function explainWait(snapshot: Snapshot, jobId: string): WaitExplanation | undefined {
  const order = ranked(snapshot.waiting, snapshot.nowMs, snapshot.tuning);
  const index = order.findIndex((job) => job.jobId === jobId);
  const job = order[index];
  if (job === undefined) return undefined;
  const planned = makePlan(snapshot).placements.find((placement) => placement.jobId === jobId);
  return {
    summary: waitReason(job, snapshot, planned),
    placeInOrder: index + 1,
    agents: snapshot.agents.map((agent) => opinion(job, agent)),
    ...(planned && { planned }),
  };
}

/** One sentence: what the job waits for. */
export function waitReason(job: WaitingJob, snapshot: Snapshot, planned: Placement | undefined): string {
  if (planned !== undefined) {
    if (planned.startsInMs === 0) return `starts now on ${planned.agentId}`;
    return `waits for ${planned.agentId}, which is expected to be free in ${seconds(planned.startsInMs)}`;
  }
  if (snapshot.agents.length === 0) return 'no agent has ever attached to this farm';
  const subscribed = snapshot.agents.filter((agent) => agent.inventory.queues.includes(job.queue));
  if (subscribed.length === 0) return `no agent is subscribed to ${job.queue}`;
  const answers = subscribed.map((agent) => `${agent.agentId}: ${refusals(job, agent).join(', ')}`);
  if (answers.every((answer) => answer.endsWith(': '))) return 'waits behind more than 200 jobs';
  return `no agent can take it (${answers.slice(0, 10).join('; ')})`;
}

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
    expectedCompletionMs: freeInMs + renderMs(agent, job),
  };
}

function seconds(ms: number): string {
  return `${Math.ceil(ms / 1000)} s`;
}

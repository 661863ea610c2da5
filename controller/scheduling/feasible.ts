import type { PlannedAgent, WaitingJob } from './snapshot.ts';

/**
 * Why this agent cannot take this job, whoever else is there; empty: it can. Being busy is no reason: that is a
 * matter of time, not of fitness. Every reason is shown to people (`explain`).
 */
export function refusals(job: WaitingJob, agent: PlannedAgent): readonly string[] {
  const reasons: string[] = [];
  if (agent.liveness === 'detached') reasons.push('not attached');
  if (agent.liveness === 'suspect') reasons.push('suspect: not heard for a while');
  if (!agent.inventory.queues.includes(job.queue)) reasons.push(`not subscribed to ${job.queue}`);
  if (agent.inventory.slots < 1) reasons.push('has no slot');
  reasons.push(...encoderRefusals(job, agent), ...shareRefusals(job, agent));
  const refusal = job.refusedBy.get(agent.agentId);
  if (refusal !== undefined) reasons.push(refusal);
  return reasons;
}

/** The agents that may take the job now or later: fit, and not to be avoided where others are fit. */
export function feasibleAgents(job: WaitingJob, agents: readonly PlannedAgent[]): readonly PlannedAgent[] {
  const fit = agents.filter((agent) => refusals(job, agent).length === 0);
  const preferred = fit.filter((agent) => !job.avoid.has(agent.agentId));
  return preferred.length > 0 ? preferred : fit;
}

function encoderRefusals(job: WaitingJob, agent: PlannedAgent): readonly string[] {
  const { encoders } = agent.inventory;
  if (encoders.length === 0) return ['no encoder passed its test encode'];
  if (job.enable4k && !encoders.some((encoder) => encoder.max === '2160p')) {
    return ['no encoder passed a test encode at 2160p'];
  }
  return [];
}

function shareRefusals(job: WaitingJob, agent: PlannedAgent): readonly string[] {
  return job.shares
    .filter((share) => !agent.inventory.shares.includes(share))
    .map((share) => `does not reach share ${share}`);
}

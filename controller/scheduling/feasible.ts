import type { PlannedAgent, WaitingJob } from './snapshot.ts';
import type { JobNeeds } from './waiting-lines.ts';

/** What of an agent decides what it can take. */
export type Host = Pick<PlannedAgent, 'liveness' | 'inventory' | 'closed'>;

/**
 * Why this agent cannot take this job, whoever else is there; empty: it can. Being busy is no reason: that is a
 * matter of time, not of fitness. Every reason is shown to people (`explain`).
 */
export function refusals(job: WaitingJob, agent: PlannedAgent): readonly string[] {
  const own = job.refusedBy.get(agent.agentId);
  return own === undefined ? needsRefusals(job, agent) : [...needsRefusals(job, agent), own];
}

/** The same for every job of these needs: what the agent lacks. */
export function needsRefusals(needs: JobNeeds, agent: Host): readonly string[] {
  const reasons: string[] = [];
  if (agent.liveness === 'detached') reasons.push('not attached');
  if (agent.liveness === 'suspect') reasons.push('suspect: not heard for a while');
  reasons.push(...(agent.closed ?? []));
  if (!agent.inventory.queues.includes(needs.queue)) reasons.push(`not subscribed to ${needs.queue}`);
  if (agent.inventory.slots < 1) reasons.push('has no slot');
  reasons.push(...encoderRefusals(needs, agent), ...shareRefusals(needs, agent));
  return reasons;
}

function encoderRefusals(needs: JobNeeds, agent: Host): readonly string[] {
  const { encoders } = agent.inventory;
  if (encoders.length === 0) return ['no encoder passed its test encode'];
  if (needs.enable4k && !encoders.some((encoder) => encoder.max === '2160p')) {
    return ['no encoder passed a test encode at 2160p'];
  }
  return [];
}

function shareRefusals(needs: JobNeeds, agent: Host): readonly string[] {
  return needs.shares
    .filter((share) => !agent.inventory.shares.includes(share))
    .map((share) => `does not reach share ${share}`);
}

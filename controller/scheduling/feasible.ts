import type { Wishes } from '../../proto/agent-link.ts';
import { cautiousMs, effortOf } from './forecast.ts';
import type { FarmRules, PlannedAgent, PlannerTuning, WaitingJob } from './snapshot.ts';
import type { JobNeeds } from './waiting-lines.ts';
import { gibText, namesText, spanText } from './words.ts';

/**
 * Why this agent cannot take this job, whoever else is there; empty: it can. Being busy is no reason: that is a
 * matter of time, not of fitness. Every reason is shown to people (`explain`).
 */
export function refusals(job: WaitingJob, agent: PlannedAgent): readonly string[] {
  const own = job.refusedBy.get(agent.agentId);
  return own === undefined ? needsRefusals(job, agent) : [...needsRefusals(job, agent), own];
}

/** The same for every job of these needs: what the agent lacks. */
export function needsRefusals(needs: JobNeeds, agent: PlannedAgent): readonly string[] {
  const reasons = [...closedTo(agent)];
  if (!agent.queues.includes(needs.queue)) reasons.push(`not subscribed to ${needs.queue}`);
  if (!((agent.classes.get(needs.workClass)?.speed ?? 0) > 0))
    reasons.push(agent.lacks?.get(needs.workClass) ?? `does not render ${needs.workClass}`);
  for (const share of needs.shares)
    if (!agent.shares.includes(share)) reasons.push(`does not reach share ${share}`);
  for (const feature of needs.requires ?? [])
    if (agent.features?.includes(feature) !== true) reasons.push(`its release cannot do ${feature}`);
  if (needs.wishes !== undefined) reasons.push(...wishRefusals(needs.wishes, agent));
  return reasons;
}

/** The same for every job there is: why nothing new starts on the agent. */
export function closedTo({
  liveness,
  closed = [],
  slots,
}: Pick<PlannedAgent, 'liveness' | 'closed' | 'slots'>): readonly string[] {
  const reasons: string[] = [];
  if (liveness === 'detached') reasons.push('not attached');
  if (liveness === 'suspect') reasons.push('suspect: not heard for a while');
  reasons.push(...closed);
  if (slots < 1) reasons.push('has no slot');
  return reasons;
}

/** Names that a reason tells: there may be 64, and a thousand agents that say so. */
const namedMax = 8;

function wishRefusals({ onlyOn, notOn, labels }: Wishes, agent: PlannedAgent): readonly string[] {
  const reasons: string[] = [];
  if (onlyOn.length > 0 && !onlyOn.includes(agent.agentId))
    reasons.push(`the job is to run only on ${namesText(onlyOn, namedMax)}`);
  if (notOn.includes(agent.agentId)) reasons.push('the job is not to run there');
  const missing = labels.filter((label) => !agent.labels.includes(label));
  if (missing.length > 0) reasons.push(`lacks label ${namesText(missing, namedMax)}`);
  return reasons;
}

/**
 * Why another agent is preferred, where there is one. What is only expected is no refusal: the agent itself knows
 * better what its disk holds, and declines.
 */
export function doubts(
  job: WaitingJob,
  agent: PlannedAgent,
  rules: FarmRules,
  { softRunShare }: PlannerTuning,
): string | undefined {
  const avoided = job.avoid.get(agent.agentId);
  if (avoided !== undefined) return `avoided: ${avoided}`;
  const { roomBytes } = effortOf(job, agent);
  // What runs gives its room back; on an idle PC nothing does.
  if (agent.running.length === 0 && roomBytes > agent.scratchBytes)
    return `too little scratch space: may need ${gibText(roomBytes)}, has room for ${gibText(agent.scratchBytes)}`;
  const softRunMs = rules.queues.get(job.queue)?.softRunMs;
  if (softRunMs === undefined) return undefined;
  const neededMs = cautiousMs(job, agent);
  if (neededMs <= softRunMs * softRunShare) return undefined;
  const limit = `${softRunShare} of the time limit of ${spanText(softRunMs)}`;
  return `too slow for it: may need ${spanText(neededMs)}, more than ${limit}`;
}

/** The reason that holds for all jobs of these needs, whatever agents there are. */
export function pauseOf({ queue }: Pick<JobNeeds, 'queue'>, rules: FarmRules): string | undefined {
  const paused = rules.queues.get(queue)?.paused;
  return paused === undefined ? undefined : `${queue} is ${paused}`;
}

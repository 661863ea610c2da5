import { needsRefusals, pauseOf, refusals } from './feasible.ts';
import type { Placement } from './placement.ts';
import type { Snapshot, WaitingJob } from './snapshot.ts';
import type { JobNeeds } from './waiting-lines.ts';
import { cutText, namesText, spanText } from './words.ts';

/** One sentence, for lists: what a job that has its place in the plan waits for. */
export function plannedReason({ startsInMs, agentId, limit }: Placement): string {
  if (startsInMs === 0) return `starts now on ${agentId}`;
  const inTime = `in about ${spanText(startsInMs)}`;
  if (limit !== undefined) return `waits for the ${limit}; expected on ${agentId} ${inTime}`;
  return `waits for ${agentId}, free ${inTime}`;
}

/** One sentence: why a job has no place in the plan. With needs alone: what holds for all jobs that need the same. */
export function blockedReason(
  job: WaitingJob | JobNeeds,
  { agents, rules, tuning }: Pick<Snapshot, 'agents' | 'rules' | 'tuning'>,
): string {
  const paused = pauseOf(job, rules);
  if (paused !== undefined) return paused;
  if (agents.length === 0) return 'no agent is attached';
  const subscribed = agents.filter(({ queues }) => queues.includes(job.queue));
  if (subscribed.length === 0) return `no agent is subscribed to ${job.queue}`;
  // Agents that answer alike are told together.
  const answers = new Map<string, string[]>();
  for (const agent of subscribed) {
    const reasons = 'refusedBy' in job ? refusals(job, agent) : needsRefusals(job, agent);
    if (reasons.length === 0) return `waits behind more than ${tuning.jobsMax} jobs`;
    const answer = reasons.join(', ');
    const alike = answers.get(answer) ?? [];
    answers.set(answer, alike);
    alike.push(agent.agentId);
  }
  const told = [...answers].map(([answer, ids]) => `${namesText(ids, agentsNamedMax)}: ${answer}`);
  const more = told.length > answersMax ? `; and ${told.length - answersMax} other answers` : '';
  return cutText(`no agent can take it (${told.slice(0, answersMax).join('; ')}${more})`, reasonMax);
}

/** Characters; it is shown in lists. */
const reasonMax = 2_000;
const answersMax = 10;
const agentsNamedMax = 5;

import { fromOptionalDuration, type jobWire } from '../proto/index.ts';
import { decodeJob } from './decode-job.ts';
import type { Explanation, OpinionView } from './explanation-views.ts';
import { present } from './present.ts';

export function decodeExplanation(reply: jobWire.ExplainJobResponse): Explanation {
  return {
    job: decodeJob(reply.job),
    summary: reply.summary,
    ...present('placeInOrder', reply.placeInOrder === 0 ? undefined : reply.placeInOrder),
    order: reply.order,
    agents: reply.agents.map(decodeOpinion),
    ...present('plannedAgentId', reply.plannedAgentId),
    ...present('plannedStartMs', fromOptionalDuration(reply.plannedStart, 'planned_start')),
    ...present('plannedEndMs', fromOptionalDuration(reply.plannedEnd, 'planned_end')),
    ...present('promisedStart', reply.promisedStart),
    overdue: reply.overdue,
    ...present('basis', reply.basis),
  };
}

export function decodeOpinion(opinion: jobWire.AgentOpinion): OpinionView {
  const { agentId, feasible, reasons, expectedCompletion, freeIn, copying, rendering } = opinion;
  // A controller of an earlier release says no more than when it would end.
  const isTold = freeIn !== undefined;
  return {
    agentId,
    feasible,
    reasons,
    ...present('expectedCompletionMs', fromOptionalDuration(expectedCompletion, 'expected_completion')),
    ...present('freeInMs', fromOptionalDuration(freeIn, 'free_in')),
    ...present('copyingMs', fromOptionalDuration(copying, 'copying')),
    ...present('renderingMs', fromOptionalDuration(rendering, 'rendering')),
    ...present('missingBytes', isTold ? opinion.missingBytes : undefined),
    ...present('speed', opinion.speed > 0 ? opinion.speed : undefined),
    ...present('speedBasis', opinion.speedBasis),
  };
}

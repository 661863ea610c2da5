import { type farmWire, fromOptionalDuration, priorityClasses } from '../proto/index.ts';
import type { AgentPlanView, PlannedJobView, PlanView } from './plan-views.ts';
import { present } from './present.ts';

export function decodePlan(reply: farmWire.GetPlanResponse): PlanView {
  return {
    ...present('at', reply.at),
    agents: reply.agents.map(decodeAgentPlan),
    blocked: reply.blocked,
    waiting: reply.waiting,
    placed: reply.placed,
  };
}

function decodeAgentPlan({ agentId, closed, slots, running, next }: farmWire.AgentPlan): AgentPlanView {
  return {
    agentId,
    closed,
    slots,
    running: running.map(decodePlannedJob),
    next: next.map(decodePlannedJob),
  };
}

function helped({ helpedAgentId, position }: farmWire.PlannedJob): Pick<PlannedJobView, 'helps'> {
  if (helpedAgentId === '' || position === undefined) return {};
  return { helps: { agentId: helpedAgentId, position } };
}

function decodePlannedJob(job: farmWire.PlannedJob): PlannedJobView {
  return {
    jobId: job.jobId,
    userId: job.userId,
    queue: job.queue,
    priority: priorityClasses.fromWire(job.priority, 'priority'),
    startMs: fromOptionalDuration(job.start, 'start') ?? 0,
    ...present('endMs', fromOptionalDuration(job.end, 'end')),
    announced: job.announced,
    overdue: job.overdue,
    ...helped(job),
  };
}

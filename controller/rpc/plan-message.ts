import {
  type farmWire,
  priorityClasses,
  toDuration,
  toOptionalDuration,
  toTimestamp,
} from '../../proto/index.ts';
import type { PlannedJobView, PlanView } from '../engine/explanations.ts';

/** What the farm does now and will do next. */
export function toPlan(plan: PlanView): farmWire.GetPlanResponse {
  return {
    agents: plan.agents.map(({ agentId, closed, slots, running, next }) => ({
      agentId,
      closed,
      slots,
      running: running.map(toPlannedJob),
      next: next.map(toPlannedJob),
    })),
    blocked: plan.blocked,
    waiting: plan.waiting,
    placed: plan.placed,
    at: toTimestamp(plan.atMs),
  };
}

function toPlannedJob(job: PlannedJobView): farmWire.PlannedJob {
  return {
    jobId: job.jobId,
    userId: job.userId,
    queue: job.queue,
    priority: priorityClasses.toWire(job.priority),
    start: toDuration(job.startMs),
    end: toOptionalDuration(job.endMs),
    announced: job.announced,
    overdue: job.overdue,
    helpedAgentId: job.helps?.agentId ?? '',
    position: job.helps?.position,
  };
}

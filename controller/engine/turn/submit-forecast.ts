import { workClassOf } from '../../../proto/agent-link.ts';
import { estimateMs, sourceBytesOf, workBytesOf } from '../../domain/estimate.ts';
import type { JobSpec } from '../../domain/job.ts';
import type { Route } from '../../domain/routing.ts';
import type { FarmSettings } from '../../domain/settings.ts';
import type { PlanBudget } from '../../scheduling/budget.ts';
import { explainWait } from '../../scheduling/explain.ts';
import { opinionsOf } from '../../scheduling/opinions.ts';
import { type Plan, Planning } from '../../scheduling/plan.ts';
import { beforeJob } from '../../scheduling/replay.ts';
import type { JobLine, Snapshot, WaitingJob } from '../../scheduling/snapshot.ts';
import { compareAge } from '../../scheduling/waiting-lines.ts';
import { spanText } from '../../scheduling/words.ts';
import type { SubmitForecast } from '../verification.ts';
import { forecastErrorOf } from './forecast-errors.ts';
import { snapshotOf } from './snapshot.ts';
import type { FarmState } from './state.ts';
import { askedOf } from './submit.ts';

/** A job as it would be submitted, and what was found out of its files. */
export interface WouldBe {
  readonly spec: JobSpec;
  readonly route: Route;
  /** Names of the shares that it needs. */
  readonly shares: readonly string[];
  /** Undefined: not known of all of its files. */
  readonly sourceBytes: number | undefined;
}

/**
 * When and where a job would be rendered, were it submitted now: a plan of the farm as it is, with this job waiting in it.
 * The farm is not changed. A plan that takes more than its budget is given up: then the answer is what each agent would
 * need with all that the last complete plan has given it, and no time is promised.
 */
export function submitForecast(
  state: FarmState,
  settings: FarmSettings,
  nowMs: number,
  wouldBe: WouldBe,
  budget: PlanBudget,
): SubmitForecast {
  const job = waitingJobOf(state, wouldBe, nowMs);
  const now = snapshotOf(state, settings, nowMs);
  const snapshot: Snapshot = { ...now, lines: [...now.lines, lineOf(job)] };
  const { notBeforeMs } = wouldBe.spec;
  if (notBeforeMs !== undefined && notBeforeMs > nowMs)
    return untimed(
      state,
      snapshot,
      job,
      `would wait for ${spanText(notBeforeMs - nowMs)} first: it is not to start before`,
    );
  const planning = new Planning(snapshot);
  if (!planning.goOn(budget))
    return untimed(state, snapshot, job, 'the plan takes too long now: no start can be told');
  const { summary, agents, planned, basis } = explainWait({ plan: planning.plan, snapshot }, job, {
    errorOf: (agentId, workClass) => forecastErrorOf(state.agents.get(agentId), workClass),
    isWaiting: (jobId) => jobId === job.jobId || state.waiting.has(jobId),
  });
  return {
    summary,
    agents,
    basis,
    ...(planned && { agentId: planned.agentId, startMs: planned.startsInMs, endMs: planned.endsInMs }),
  };
}

/** Without a plan of its own. */
function untimed(state: FarmState, snapshot: Snapshot, job: WaitingJob, summary: string): SubmitForecast {
  const by = state.lastPlan ?? { plan: emptyPlan, snapshot };
  const agents = opinionsOf(job, snapshot, beforeJob({ ...by, snapshot }, job.jobId));
  return { summary, agents, basis: '' };
}

const emptyPlan: Plan = {
  assignments: [],
  announcements: [],
  placements: [],
  order: [],
  passedOver: new Set(),
  unplaceable: [],
  blocked: [],
};

function waitingJobOf(
  state: FarmState,
  { spec, route, shares, sourceBytes }: WouldBe,
  nowMs: number,
): WaitingJob {
  const outputMs = estimateMs(spec.items);
  const { requires } = askedOf(spec);
  const size = { estimateMs: outputMs, enable4k: spec.enable4k };
  return {
    jobId: spec.jobId,
    userId: spec.userId,
    queue: route.queue,
    workClass: workClassOf(spec),
    shares,
    priority: spec.priority,
    submittedAtMs: nowMs,
    sequence: state.nextSequence,
    ...(spec.wishes && { wishes: spec.wishes }),
    ...(requires && { requires }),
    ...(spec.deadlineMs !== undefined && { deadlineMs: spec.deadlineMs }),
    outputMs,
    sourceBytes: sourceBytes ?? sourceBytesOf(size),
    workBytes: workBytesOf(size),
    refusedBy: new Map(),
    avoid: new Map(),
    present: new Map(),
  };
}

/** A line of its own: where it stands among others of its user is for the planner. */
function lineOf(job: WaitingJob): JobLine {
  return {
    key: `verify ${job.jobId}`,
    needs: job,
    overdue: [],
    behind: (before) => (before === undefined || compareAge(before, job) < 0 ? job : undefined),
  };
}

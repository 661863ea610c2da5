import { basisOf, errorText, type ForecastError } from './basis.ts';
import { RunningLimits } from './limits.ts';
import { type Opinion, opinionsOf } from './opinions.ts';
import { orderWords } from './order-words.ts';
import { placeInOrder } from './place-in-order.ts';
import type { Placement } from './placement.ts';
import { type Before, beforeJob, type CompletePlan } from './replay.ts';
import type { Snapshot, WaitingJob } from './snapshot.ts';
import { blockedReason } from './wait-reason.ts';
import { waitsFor } from './waits-for.ts';
import { countText, spanText, toldMs } from './words.ts';

/** Why a job waits, by a plan; times are from the plan's moment. */
export interface WaitExplanation {
  /** One sentence. */
  readonly summary: string;
  /** 1 is next; undefined: no agent can take it, or it is far behind. */
  readonly place?: number;
  /** What its place is made of, one sentence each. */
  readonly order: readonly string[];
  /** Every agent's answer, the best first. */
  readonly agents: readonly Opinion[];
  readonly planned?: Placement;
  /** What its expected times rest on; empty: it has none. */
  readonly basis: string;
}

/** What is known beside the plan. */
export interface KnownBeside {
  /** How good forecasts of this class of work were on an agent. */
  readonly errorOf: (agentId: string, workClass: string) => ForecastError | undefined;
  /** What the plan has assigned meanwhile stands before nobody. */
  readonly isWaiting: (jobId: string) => boolean;
}

/** Why a job waits, by a plan that is complete: nothing is planned again for it. */
export function explainWait(by: CompletePlan, job: WaitingJob, known: KnownBeside): WaitExplanation {
  const { plan, snapshot } = by;
  const planned = plan.placements.find((placement) => placement.jobId === job.jobId);
  const before = beforeJob(by, job.jobId);
  const agents = opinionsOf(job, snapshot, before);
  const place = placeInOrder(by, job.jobId, known.isWaiting);
  const fastest = Math.max(0, ...agents.map(({ outlook }) => outlook?.speed ?? 0));
  return {
    summary:
      planned === undefined
        ? unplannedText(by, job, agents, place)
        : waitsFor(planned, agents, before) + missedText(planned, job, snapshot),
    ...(place !== undefined && { place }),
    order: orderWords(snapshot, job, fastest),
    agents,
    ...(planned && {
      planned: { ...planned, endsInMs: toldMs(planned.endsInMs), startsInMs: toldMs(planned.startsInMs) },
    }),
    basis: planned === undefined ? '' : basisText(planned, job, snapshot, before, known),
  };
}

function basisText(
  planned: Placement,
  { workClass }: WaitingJob,
  { agents }: Snapshot,
  before: ReadonlyMap<string, Before>,
  { errorOf }: KnownBeside,
): string {
  const { agentId } = planned;
  const errors = errorText(agentId, workClass, errorOf(agentId, workClass));
  const agent = agents.find((each) => each.agentId === agentId);
  const there = before.get(agentId);
  return agent === undefined || there === undefined ? errors : basisOf(planned, agent, there, errors);
}

function missedText({ endsInMs }: Placement, { deadlineMs }: WaitingJob, { nowMs }: Snapshot): string {
  if (deadlineMs === undefined) return '';
  const lateMs = nowMs + endsInMs - deadlineMs;
  return lateMs <= 0 ? '' : `; it is expected to miss its deadline by ${spanText(lateMs)}`;
}

/** Of a job that has no place in the plan. */
function unplannedText(
  { plan, snapshot }: CompletePlan,
  job: WaitingJob,
  agents: readonly Opinion[],
  place: number | undefined,
): string {
  if (!agents.some(({ feasible }) => feasible)) return blockedReason(job, snapshot);
  const { jobsMax } = snapshot.tuning;
  if (plan.order.length < jobsMax)
    return 'has come since the last plan: the next one, in a moment, has its place';
  const { limit } = RunningLimits.of(snapshot).roomInMs(job);
  const limited = limit === undefined ? '' : `, and for the ${limit}`;
  const where = place === undefined ? '' : ` (it is number ${place})`;
  return `waits behind the first ${countText(jobsMax, 'job')} in the order, which are all that is planned ahead${where}${limited}`;
}

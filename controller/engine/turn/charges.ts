import { workClassOf } from '../../../proto/agent-link.ts';
import { type AttemptRecord, attemptStates } from '../../domain/attempt.ts';
import type { JobRecord } from '../../domain/job.ts';
import type { FarmSettings } from '../../domain/settings.ts';
import { Charges, costMs, flowOf } from '../../scheduling/fair-share.ts';
import type { FarmRules, PlannedQueue } from '../../scheduling/snapshot.ts';
import type { Ending } from './ending.ts';
import type { Ledger } from './ledger.ts';
import { runningLimits } from './running-limits.ts';
import { attemptKey, type FarmState } from './state.ts';

/** What bounds and weighs the jobs that run, as the planner takes it. */
export function farmRules(state: FarmState, settings: FarmSettings): FarmRules {
  const { runningMax, runningPerUserMax } = settings.limits;
  return {
    queues: new Map(settings.queues.map((queue) => [queue.name, plannedQueue(state, queue)])),
    userWeights: settings.userWeights,
    ...(runningMax !== undefined && { runningMax }),
    ...(runningPerUserMax !== undefined && { runningPerUserMax }),
  };
}

function plannedQueue(
  state: FarmState,
  { name, softRunMs, weight, runningMax }: FarmSettings['queues'][number],
): PlannedQueue {
  const pause = state.queues.get(name);
  const words = pause && ['paused', pause.by && `by ${pause.by}`, pause.reason && `(${pause.reason})`];
  return {
    softRunMs,
    ...(weight !== undefined && { weight }),
    ...(runningMax !== undefined && { runningMax }),
    ...(words && { paused: words.filter(Boolean).join(' ') }),
  };
}

/**
 * Flows with a job that waits and could start take part; of those that have only jobs that run, are held, or that no
 * agent can take, nothing is saved up; those without open jobs are forgotten. After a restart all begin even, and what runs
 * is charged: what they had before is not kept.
 */
export function keepCharges(ledger: Ledger, rules: FarmRules): Charges {
  const { state } = ledger;
  const isNew = state.charges === undefined;
  const charges = state.charges ?? new Charges();
  state.charges = charges;
  const open = new Map(
    [...state.openFlows.values()].map((each) => {
      const flow = flowOf(each, rules);
      return [flow.key, flow];
    }),
  );
  charges.takePart(flowsThatCouldStart(ledger, rules));
  charges.keepOnly(new Set(open.keys()));
  if (isNew) {
    for (const { jobId, state: stands, assignedAtMs } of state.attempts.values()) {
      const job = state.jobs.get(jobId);
      if (job === undefined || !open.has(flowOf(job, rules).key)) continue;
      charges.started(flowOf(job, rules), job.priority, assignedAtMs);
      if (stands !== 'ended') charge(charges, job, rules);
    }
  }
  return charges;
}

/** Their keys, by what the last plan found and the limits on what runs. */
function flowsThatCouldStart({ state }: Ledger, rules: FarmRules): ReadonlySet<string> {
  const keys = new Set<string>();
  const limits = runningLimits(state, rules);
  for (const { key, needs, userId } of state.waiting.lines()) {
    const of = { userId, queue: needs.queue };
    if (!state.lineReasons.has(key) && limits.roomInMs(of).ms === 0) keys.add(flowOf(of, rules).key);
  }
  return keys;
}

/** The job's user has had so much of the farm, from now on. */
export function chargeAssignment(ledger: Ledger, job: JobRecord): void {
  const rules = farmRules(ledger.state, ledger.settings);
  const charges = ledger.state.charges ?? keepCharges(ledger, rules);
  charge(charges, job, rules);
  charges.started(flowOf(job, rules), job.priority, ledger.nowMs);
}

/**
 * An attempt that ended for no fault of its job's is not held against its user; of one that somebody cancelled, what it
 * did not come to.
 */
export function refundAttempt(
  ledger: Ledger,
  attempt: AttemptRecord,
  { outcome, failureClass, used: wasWanted }: Pick<Ending, 'outcome' | 'failureClass' | 'used'>,
): void {
  const job = ledger.state.jobs.get(attempt.jobId);
  const isUsed = outcome === 'published' || outcome === 'timed-out' || wasWanted === true;
  if (job === undefined || isUsed || (outcome === 'failed' && failureClass !== 'environment')) return;
  const used = outcome === 'cancelled' ? usedShare(ledger, attempt) : 0;
  const rules = farmRules(ledger.state, ledger.settings);
  ledger.state.charges?.refund(flowOf(job, rules), costOf(job) * (1 - used));
}

/** How much of an attempt's work was done when it ended: all, once everything was rendered. */
function usedShare({ state }: Ledger, attempt: AttemptRecord): number {
  if (!attemptStates[attempt.state].holdsSlot) return 1;
  return (state.runtimes.get(attemptKey(attempt))?.percent ?? 0) / 100;
}

/** The output is longer or shorter than it was charged for. */
export function rechargeLength(ledger: Ledger, job: JobRecord, estimateMs: number): void {
  const flow = flowOf(job, farmRules(ledger.state, ledger.settings));
  ledger.state.charges?.charge(flow, costOf({ ...job, estimateMs }) - costOf(job));
}

function charge(charges: Charges, job: JobRecord, rules: FarmRules): void {
  charges.charge(flowOf(job, rules), costOf(job));
}

function costOf(job: JobRecord): number {
  return costMs({ outputMs: job.estimateMs, workClass: workClassOf(job) });
}

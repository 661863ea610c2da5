import { sourceBytesOf, workBytesOf } from '../../domain/estimate.ts';
import type { JobRecord } from '../../domain/job.ts';
import type { FarmSettings } from '../../domain/settings.ts';
import type { Times } from '../../domain/times.ts';
import { Charges } from '../../scheduling/fair-share.ts';
import {
  defaultTuning,
  type FlowCharges,
  type JobLine,
  type PlannerTuning,
  type PresentSources,
  type Snapshot,
  type WaitingJob,
} from '../../scheduling/snapshot.ts';
import type { JobAge, WaitingLine } from '../../scheduling/waiting-lines.ts';
import { farmRules } from './charges.ts';
import { lineEntry } from './index-job.ts';
import { announcedTo, plannedAgent } from './planned-agent.ts';
import type { FarmState } from './state.ts';

/** The farm as the planner sees it: agents as they are now; its lines of jobs show what becomes of them. */
export function snapshotOf(state: FarmState, settings: FarmSettings, nowMs: number): Snapshot {
  const announced = announcedTo(state, nowMs);
  const overdue = overdueJobs(state);
  return {
    nowMs,
    lines: [...state.waiting.lines()].map((line) => ({
      ...jobLine(state, settings, line, nowMs),
      overdue: (overdue.get(line) ?? []).map((job) => waitingJob(state, settings, job, nowMs)),
    })),
    agents: [...state.presences.values()].flatMap((presence) =>
      presence.inventory === undefined
        ? []
        : [plannedAgent(state, presence, presence.inventory, announced.get(presence.agentId))],
    ),
    rules: farmRules(state, settings),
    charges: state.charges ?? nobodyServed,
    tuning: tuningOf(settings),
  };
}

const nobodyServed: FlowCharges = new Charges();

/** The planner's constants; its times are those of the farm. */
export function tuningOf({ times }: Pick<FarmSettings, 'times'>): PlannerTuning {
  return {
    ...defaultTuning,
    agingMs: times.agingMs,
    moveGainMs: times.announceGainMs,
    moveEveryMs: times.announceHoldMs,
    slipMaxMs: times.startSlipMs,
  };
}

function jobLine(
  state: FarmState,
  settings: FarmSettings,
  line: WaitingLine,
  nowMs: number,
): Omit<JobLine, 'overdue'> {
  return {
    key: line.key,
    needs: line.needs,
    behind(previous) {
      for (let age: JobAge | undefined = previous; ; ) {
        const entry = line.behind(age);
        if (entry === undefined) return undefined;
        const job = state.jobs.get(entry.jobId);
        if (job !== undefined && isPlaceable(state, job)) return waitingJob(state, settings, job, nowMs);
        age = entry;
      }
    },
  };
}

function overdueJobs(state: FarmState): ReadonlyMap<WaitingLine, readonly JobRecord[]> {
  const overdue = new Map<WaitingLine, JobRecord[]>();
  for (const [jobId, promise] of state.promises) {
    const job = state.jobs.get(jobId);
    const line = state.waiting.lineOf(jobId);
    if (!promise.overdue || job === undefined || line === undefined || !isPlaceable(state, job)) continue;
    overdue.set(line, [...(overdue.get(line) ?? []), job]);
  }
  return overdue;
}

/**
 * After a restart an attempt that nobody knows of may still run: a job that was assigned before waits for the end of the
 * recovery window.
 */
export function isPlaceable(state: FarmState, job: JobRecord): boolean {
  return state.recoveryUntilMs === undefined || job.attemptCount === 0;
}

/** A job as the planner sees it. */
export function waitingJob(
  state: FarmState,
  settings: FarmSettings,
  job: JobRecord,
  nowMs: number,
): WaitingJob {
  const { jobId } = job;
  const sources = state.sources.get(jobId);
  const promise = state.promises.get(jobId);
  return {
    ...lineEntry(job),
    outputMs: job.estimateMs,
    sourceBytes: sources?.totalBytes ?? sourceBytesOf(job),
    workBytes: workBytesOf(job),
    refusedBy: refusedBy(state, job, nowMs),
    avoid: job.attemptCount === 0 ? noAgents : avoided(state, job, settings.times, nowMs),
    present: sources?.byAgent ?? nothingPresent,
    ...(promise && { promise }),
  };
}

const nothingPresent: ReadonlyMap<string, PresentSources> = new Map();
const noAgents: ReadonlyMap<string, string> = new Map();

function refusedBy(state: FarmState, job: JobRecord, nowMs: number): ReadonlyMap<string, string> {
  const refusals = state.refusals.get(job.jobId);
  if (refusals === undefined) return noAgents;
  return new Map(
    [...refusals]
      .filter(([, refusal]) => refusal.untilMs > nowMs)
      .map(([agentId, refusal]) => [agentId, refusal.reason]),
  );
}

/**
 * Hosts that a job had bad luck with: failed there, lost there twice, or lost there by a host that was away for long
 * (scheduling.md, Outcomes and retries). What failed for a reason of the PC may be gone soon: a full disk, an encoder.
 */
function avoided(
  state: FarmState,
  job: JobRecord,
  { lostReturnMs, environmentAvoidMs }: Times,
  nowMs: number,
): ReadonlyMap<string, string> {
  const avoid = new Map<string, string>();
  const losses = new Map<string, number>();
  for (const key of state.attemptsOfJob.get(job.jobId) ?? []) {
    const attempt = state.attempts.get(key);
    const failed = attempt?.outcome === 'failed' && attempt.failureClass !== 'environment';
    const soon =
      attempt?.failureClass === 'environment' && (attempt.endedAtMs ?? 0) > nowMs - environmentAvoidMs;
    if (attempt !== undefined && (failed || soon || attempt.outcome === 'timed-out')) {
      avoid.set(attempt.agentId, `attempt ${attempt.number} failed there`);
    }
    if (attempt?.outcome !== 'lost' || attempt.lossCounted === false) continue;
    losses.set(attempt.agentId, (losses.get(attempt.agentId) ?? 0) + 1);
    const backAtMs = state.presences.get(attempt.agentId)?.session?.attachedAtMs ?? 0;
    if (backAtMs > (attempt.endedAtMs ?? backAtMs) + lostReturnMs)
      avoid.set(attempt.agentId, 'the job was lost there, and it was away for long');
  }
  for (const [agentId, count] of losses)
    if (count >= 2) avoid.set(agentId, `the job was lost there ${count} times`);
  return avoid;
}

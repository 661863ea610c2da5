import type { Inventory } from '../../../proto/agent-link.ts';
import { attemptStates } from '../../domain/attempt.ts';
import type { JobRecord } from '../../domain/job.ts';
import type { FarmSettings } from '../../domain/settings.ts';
import {
  defaultTuning,
  type PlannedAgent,
  type RunningAttempt,
  type Snapshot,
  type WaitingJob,
} from '../../scheduling/snapshot.ts';
import type { FarmState, Presence } from './state.ts';

/** The farm as the planner sees it. */
export function snapshotOf(state: FarmState, settings: FarmSettings, nowMs: number): Snapshot {
  return {
    nowMs,
    waiting: waitingJobs(state, nowMs),
    agents: [...state.presences.values()].flatMap((presence) =>
      presence.inventory === undefined ? [] : [plannedAgent(state, presence, presence.inventory, nowMs)],
    ),
    tuning: {
      ...defaultTuning,
      agingMs: settings.times.agingMs,
      moveGainMs: settings.times.announceGainMs,
      moveEveryMs: settings.times.announceHoldMs,
    },
  };
}

/** Where an agent stands, for the planner and for people. */
export function livenessOf(presence: Presence): 'attached' | 'suspect' | 'detached' {
  if (presence.session === undefined || presence.leaving) return 'detached';
  return presence.suspect ? 'suspect' : 'attached';
}

function waitingJobs(state: FarmState, nowMs: number): readonly WaitingJob[] {
  const jobs: WaitingJob[] = [];
  for (const jobId of state.openJobs) {
    const job = state.jobs.get(jobId);
    if (job?.state !== 'waiting') continue;
    // After a restart an attempt that nobody knows of may still run: a job that was assigned before waits for the
    // end of the recovery window.
    if (state.recoveryUntilMs !== undefined && job.attemptCount > 0) continue;
    jobs.push(waitingJob(state, job, nowMs));
  }
  return jobs;
}

function waitingJob(state: FarmState, job: JobRecord, nowMs: number): WaitingJob {
  return {
    jobId: job.jobId,
    queue: job.queue,
    userId: job.userId,
    priority: job.priority,
    enable4k: job.enable4k,
    submittedAtMs: job.submittedAtMs,
    sequence: job.sequence,
    estimateMs: job.estimateMs,
    shares: job.shares,
    refusedBy: refusedBy(state, job, nowMs),
    avoid: job.attemptCount === 0 ? noAgents : avoided(state, job),
  };
}

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

/** Hosts that a job had bad luck with: failed there, or lost there twice (scheduling.md, Outcomes and retries). */
function avoided(state: FarmState, job: JobRecord): ReadonlyMap<string, string> {
  const avoid = new Map<string, string>();
  const losses = new Map<string, number>();
  for (const key of state.attemptsOfJob.get(job.jobId) ?? []) {
    const attempt = state.attempts.get(key);
    if (attempt?.outcome === 'failed' || attempt?.outcome === 'timed-out') {
      avoid.set(attempt.agentId, `attempt ${attempt.number} failed there`);
    }
    if (attempt?.outcome === 'lost') losses.set(attempt.agentId, (losses.get(attempt.agentId) ?? 0) + 1);
  }
  for (const [agentId, count] of losses)
    if (count >= 2) avoid.set(agentId, `the job was lost there ${count} times`);
  return avoid;
}

function plannedAgent(
  state: FarmState,
  presence: Presence,
  inventory: Inventory,
  nowMs: number,
): PlannedAgent {
  const announced = new Map<string, number>();
  for (const announcement of state.announcements.values()) {
    if (announcement.agentId === presence.agentId)
      announced.set(announcement.jobId, nowMs - announcement.sinceMs);
  }
  return {
    agentId: presence.agentId,
    liveness: livenessOf(presence),
    inventory,
    running: runningAttempts(state, presence.agentId),
    announced,
  };
}

function runningAttempts(state: FarmState, agentId: string): readonly RunningAttempt[] {
  return [...(state.liveAttempts.get(agentId) ?? [])].flatMap((key) => {
    const attempt = state.attempts.get(key);
    if (attempt === undefined || !attemptStates[attempt.state].holdsSlot) return [];
    const job = state.jobs.get(attempt.jobId);
    const runtime = state.runtimes.get(key);
    return {
      jobId: attempt.jobId,
      enable4k: job?.enable4k ?? false,
      estimateMs: job?.estimateMs ?? 0,
      percent: runtime?.percent ?? 0,
      stopping: attempt.stop !== undefined,
      ...(runtime?.etaMs !== undefined && { etaMs: runtime.etaMs }),
    };
  });
}

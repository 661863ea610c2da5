import type { Inventory } from '../../../proto/agent-link.ts';
import { closedReasons } from '../../domain/agent-mode.ts';
import { attemptStates } from '../../domain/attempt.ts';
import type { JobRecord } from '../../domain/job.ts';
import type { FarmSettings } from '../../domain/settings.ts';
import type { Times } from '../../domain/times.ts';
import {
  defaultTuning,
  type JobLine,
  type PlannedAgent,
  type RunningAttempt,
  type Snapshot,
  type WaitingJob,
} from '../../scheduling/snapshot.ts';
import type { JobAge, WaitingLine } from '../../scheduling/waiting-lines.ts';
import { knownShares } from './share-identity.ts';
import type { FarmState, Presence } from './state.ts';

/** The farm as the planner sees it: agents as they are now; its lines of jobs show what becomes of them. */
export function snapshotOf(state: FarmState, settings: FarmSettings, nowMs: number): Snapshot {
  const announced = announcedTo(state, nowMs);
  return {
    nowMs,
    lines: [...state.waiting.lines()].map((line) => jobLine(state, settings, line, nowMs)),
    agents: [...state.presences.values()].flatMap((presence) =>
      presence.inventory === undefined
        ? []
        : [plannedAgent(state, presence, presence.inventory, announced.get(presence.agentId))],
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
  // It holds what we do not know: its slots are not free, and a second assignment would end the first.
  if (presence.recalls !== undefined) return 'detached';
  return presence.suspect ? 'suspect' : 'attached';
}

function jobLine(state: FarmState, settings: FarmSettings, line: WaitingLine, nowMs: number): JobLine {
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
    avoid: job.attemptCount === 0 ? noAgents : avoided(state, job, settings.times, nowMs),
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

/** How long ago which jobs were announced, by agent. */
function announcedTo(state: FarmState, nowMs: number): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const byAgent = new Map<string, Map<string, number>>();
  for (const { agentId, jobId, sinceMs } of state.announcements.values()) {
    const jobs = byAgent.get(agentId) ?? new Map<string, number>();
    byAgent.set(agentId, jobs.set(jobId, nowMs - sinceMs));
  }
  return byAgent;
}

const nothingAnnounced: ReadonlyMap<string, number> = new Map();

/** An agent as the planner sees it. */
export function plannedAgent(
  state: FarmState,
  presence: Presence,
  inventory: Inventory,
  announced: ReadonlyMap<string, number> = nothingAnnounced,
): PlannedAgent {
  return {
    agentId: presence.agentId,
    liveness: livenessOf(presence),
    closed: closedReasons(state.agents.get(presence.agentId)),
    inventory: knownShares(state, inventory),
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

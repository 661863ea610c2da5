import type { Plan } from '../../controller/scheduling/plan.ts';
import {
  defaultTuning,
  type PlannedAgent,
  type RunningAttempt,
  type Snapshot,
  type WaitingJob,
} from '../../controller/scheduling/snapshot.ts';
import { inventory } from './agent-messages.ts';
import { jobLines } from './job-lines.ts';

/** Hand-made jobs and agents for the planner, at one moment. */
export const nowMs = 1_000_000_000;

export function job(jobId: string, changes: Partial<WaitingJob> = {}): WaitingJob {
  return {
    jobId,
    queue: 'default_queue',
    userId: 'ann',
    priority: 'normal',
    enable4k: false,
    submittedAtMs: nowMs,
    sequence: Number(jobId.replaceAll(/\D/g, '')),
    estimateMs: 60_000,
    shares: ['clips'],
    refusedBy: new Map(),
    avoid: new Map(),
    ...changes,
  };
}

export function agent(
  agentId: string,
  framesPerSecond: number,
  changes: Partial<PlannedAgent> = {},
): PlannedAgent {
  const encoder = {
    encoder: 'x',
    rung: 'x',
    hardware: true,
    max: '2160p' as const,
    framesPerSecond,
    sessionsProbed: 1,
  };
  return {
    agentId,
    liveness: 'attached',
    inventory: inventory({ encoders: [encoder] }),
    running: [],
    announced: new Map(),
    ...changes,
  };
}

export function attempt(etaMs: number): RunningAttempt {
  return { jobId: 'running', enable4k: false, etaMs, estimateMs: 1, percent: 0, stopping: false };
}

export function snapshot(waiting: readonly WaitingJob[], agents: readonly PlannedAgent[]): Snapshot {
  return { nowMs, lines: jobLines(waiting), agents, tuning: defaultTuning };
}

export function placesOf(plan: Plan): readonly unknown[] {
  return [plan.placements, plan.announcements, plan.unplaceable, plan.blocked.map(({ key }) => key)];
}

import type { Inventory } from '../../proto/agent-link.ts';
import type { JobAge, JobNeeds, LineEntry } from './waiting-lines.ts';

/** A job that may be placed, as the planner sees it. */
export interface WaitingJob extends LineEntry {
  readonly userId: string;
  /** Estimated length of the output. */
  readonly estimateMs: number;
  /** Agents that are refused outright, with the reason, e.g. `declined: no scratch space`. */
  readonly refusedBy: ReadonlyMap<string, string>;
  /** Agents that are passed over while another feasible one is attached, with the reason. */
  readonly avoid: ReadonlyMap<string, string>;
}

/** Waiting jobs of one class that need the same, oldest first. It may change while a plan is being made. */
export interface JobLine {
  readonly key: string;
  readonly needs: JobNeeds;
  /** The first job behind this one that may be placed now; without one the first of all. */
  behind(job: JobAge | undefined): WaitingJob | undefined;
}

/** An attempt that holds a slot. */
export interface RunningAttempt {
  readonly jobId: string;
  readonly enable4k: boolean;
  /** What is left, by the agent's own word; absent before it knows. */
  readonly etaMs?: number;
  readonly estimateMs: number;
  readonly percent: number;
  /** The attempt is being stopped: its slot is expected back at once. */
  readonly stopping: boolean;
}

/** An agent, as the planner sees it. */
export interface PlannedAgent {
  readonly agentId: string;
  readonly liveness: 'attached' | 'suspect' | 'detached';
  /** Why nothing new may start there: cordoned, draining, evicted, sick. */
  readonly closed?: readonly string[];
  readonly inventory: Inventory;
  readonly running: readonly RunningAttempt[];
  /** Job that was announced to it, and how long ago, for each announcement that stands. */
  readonly announced: ReadonlyMap<string, number>;
}

/** All that a plan is made of. Same snapshot, same plan. */
export interface Snapshot {
  readonly nowMs: number;
  /** After a restart: only jobs that were never assigned may be placed; the caller has left the others out. */
  readonly lines: readonly JobLine[];
  readonly agents: readonly PlannedAgent[];
  readonly tuning: PlannerTuning;
}

export interface PlannerTuning {
  /** Jobs that are placed by one plan, in order. scheduling.md: the first 200. */
  readonly jobsMax: number;
  /** A priority class is gained for each such wait, so that nothing starves. scheduling.md: 4 h. */
  readonly agingMs: number;
  /** An announcement moves only for a gain above this. scheduling.md: 60 s. */
  readonly moveGainMs: number;
  /** At most one move of a job's announcement in this time. scheduling.md: 2 min. */
  readonly moveEveryMs: number;
}

export const defaultTuning: PlannerTuning = {
  jobsMax: 200,
  agingMs: 4 * 3_600_000,
  moveGainMs: 60_000,
  moveEveryMs: 120_000,
};

import type { Inventory, PriorityClass } from '../../proto/agent-link.ts';

/** A job that may be placed, as the planner sees it. */
export interface WaitingJob {
  readonly jobId: string;
  readonly queue: string;
  readonly userId: string;
  readonly priority: PriorityClass;
  readonly enable4k: boolean;
  readonly submittedAtMs: number;
  /** Order of submission; breaks ties. */
  readonly sequence: number;
  /** Estimated length of the output. */
  readonly estimateMs: number;
  readonly shares: readonly string[];
  /** Agents that are refused outright, with the reason, e.g. `declined: no scratch space`. */
  readonly refusedBy: ReadonlyMap<string, string>;
  /** Agents that are passed over while another feasible one is attached, with the reason. */
  readonly avoid: ReadonlyMap<string, string>;
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
  readonly inventory: Inventory;
  readonly running: readonly RunningAttempt[];
  /** Job that was announced to it, and how long ago, for each announcement that stands. */
  readonly announced: ReadonlyMap<string, number>;
}

/** All that a plan is made of. Same snapshot, same plan. */
export interface Snapshot {
  readonly nowMs: number;
  readonly waiting: readonly WaitingJob[];
  readonly agents: readonly PlannedAgent[];
  /** After a restart: only jobs that were never assigned may be placed; the caller has left the others out. */
  readonly tuning: PlannerTuning;
}

export interface PlannerTuning {
  /** Jobs that are planned at a time, in order. scheduling.md: the first 200. */
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

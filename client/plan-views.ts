import type { Priority } from './job-input.ts';

/** One job at its place in the plan; spans are from now. */
export interface PlannedJobView {
  readonly jobId: string;
  readonly userId: string;
  readonly queue: string;
  readonly priority: Priority;
  /** 0 for one that runs. */
  readonly startMs: number;
  /** Absent: not known. */
  readonly endMs?: number;
  /** The agent was told to fetch its files. */
  readonly announced: boolean;
  /** Its start has slipped too far behind what was expected. */
  readonly overdue: boolean;
  /** It renders one item of the job for the agent that has it; absent: the job is its own. */
  readonly helps?: { readonly agentId: string; readonly position: number };
}

/** What one render PC does, and will do next. */
export interface AgentPlanView {
  readonly agentId: string;
  /** Why nothing new starts there; empty: something may. */
  readonly closed: readonly string[];
  readonly slots: number;
  readonly running: readonly PlannedJobView[];
  /** In the order in which they are expected to start; at most 100. */
  readonly next: readonly PlannedJobView[];
}

/** Jobs that no agent can take, together where the reason is one. */
export interface BlockedView {
  readonly reason: string;
  readonly jobs: number;
  /** The first of them. */
  readonly jobIds: readonly string[];
}

/** What the farm does now, and will do next as far as is planned now. */
export interface PlanView {
  /** When it was planned. */
  readonly at?: Date;
  readonly agents: readonly AgentPlanView[];
  readonly blocked: readonly BlockedView[];
  /** Jobs that wait for an agent. */
  readonly waiting: number;
  /** Those of them that have a place in the plan. */
  readonly placed: number;
}

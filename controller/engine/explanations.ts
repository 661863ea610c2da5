import type { PriorityClass } from '../../proto/agent-link.ts';

/** What one agent's answer to a waiting job is; times are from now. */
export interface AgentOpinion {
  readonly agentId: string;
  readonly feasible: boolean;
  /** Why not, all of it; of a feasible one: what it is busy with, and why another one is preferred. */
  readonly reasons: readonly string[];
  /** Of a feasible one: what it would need there, with all that is planned before it. */
  readonly outlook?: {
    readonly freeInMs: number;
    readonly missingBytes: number;
    readonly copyingMs: number;
    readonly renderingMs: number;
    readonly endInMs: number;
    /** Output rendered in a unit of time. */
    readonly speed: number;
    readonly speedBasis: string;
  };
}

/** Why a job is where it is. */
export interface Answer {
  /** One sentence. */
  readonly summary: string;
  /** 1 is next; 0 where the job does not wait, no agent can take it, or it is far behind. */
  readonly placeInOrder: number;
  /** What its place is made of, one sentence each. */
  readonly order: readonly string[];
  /** The best first. */
  readonly agents: readonly AgentOpinion[];
  readonly plannedAgentId?: string;
  readonly plannedStartMs?: number;
  readonly plannedEndMs?: number;
  /** The start (Unix ms) that was expected when it was first passed over. */
  readonly promisedStartMs?: number;
  /** It has slipped too far behind that. */
  readonly overdue: boolean;
  /** What expected times rest on; empty: there are none. */
  readonly basis: string;
}

/** How good forecasts of a class of work were on an agent: time that renders took, relative to what was predicted. */
export interface ForecastErrorView {
  readonly workClass: string;
  /** Renders that were compared. */
  readonly runs: number;
  readonly median: number;
  readonly p90: number;
}

/** One job at its place in the plan; times are from now. */
export interface PlannedJobView {
  readonly jobId: string;
  readonly userId: string;
  readonly queue: string;
  readonly priority: PriorityClass;
  /** 0 for one that runs. */
  readonly startMs: number;
  /** Absent: not known. */
  readonly endMs?: number;
  /** The agent was told to fetch its files. */
  readonly announced: boolean;
  readonly overdue: boolean;
  /** It renders one item of the job for the agent that has it; absent: the job is its own. */
  readonly helps?: { readonly agentId: string; readonly position: number };
}

/** What an agent does, and will do next. */
export interface AgentPlanView {
  readonly agentId: string;
  /** Why nothing new starts there; empty: something may. */
  readonly closed: readonly string[];
  readonly slots: number;
  readonly running: readonly PlannedJobView[];
  /** In the order in which they are expected to start. */
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
  readonly atMs: number;
  /** By id; at most 1,000. */
  readonly agents: readonly AgentPlanView[];
  /** Most jobs first; at most 100. */
  readonly blocked: readonly BlockedView[];
  /** Jobs that wait, and how many of them the plan has placed. */
  readonly waiting: number;
  readonly placed: number;
}

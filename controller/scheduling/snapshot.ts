import type { PriorityClass, WorkClass } from '../../proto/agent-link.ts';
import type { JobAge, JobNeeds, LineEntry } from './waiting-lines.ts';

/** How fast an agent is at one class of work, and how far that can be trusted. */
export interface ClassForecast {
  /** Output rendered in a unit of time, alone on the PC: 2 is twice as fast as it plays. */
  readonly speed: number;
  /** Renders that it is the median of; 0: by test encodes only. */
  readonly runs: number;
  /** Time that one in ten of the last renders exceeded, relative to what was predicted; 1: not known. */
  readonly p90: number;
}

/** What an agent has of a job's files and finished segments. */
export interface PresentSources {
  /** Of its sources. */
  readonly bytes: number;
  /** Length of the output whose segments are finished there. */
  readonly outputMs: number;
}

/** The start that was expected of a job when it was first passed over (scheduling.md, Deciding 3). */
export interface StartPromise {
  readonly madeAtMs: number;
  readonly startAtMs: number;
  /** It has slipped further than is allowed: planned first of its flow and class, until it starts. */
  readonly overdue: boolean;
}

/** A job that may be placed, as the planner sees it. */
export interface WaitingJob extends LineEntry {
  /** Length of the output: estimated before, known after the first probe. */
  readonly outputMs: number;
  /** Of all its sources together. */
  readonly sourceBytes: number;
  /** Room that it takes on its host at most, beside its sources: segments and the result. */
  readonly workBytes: number;
  /** Agents that are refused outright, with the reason, e.g. `declined: no scratch space`. */
  readonly refusedBy: ReadonlyMap<string, string>;
  /** Agents that are passed over while another feasible one is attached, with the reason. */
  readonly avoid: ReadonlyMap<string, string>;
  /** By agent; one that is not here is taken to have nothing. */
  readonly present: ReadonlyMap<string, PresentSources>;
  readonly promise?: StartPromise;
}

/** Waiting jobs of one class and user that need the same, in their order. It may change while a plan is being made. */
export interface JobLine {
  readonly key: string;
  /** The same object for lines that need the same: what an agent lacks for it is judged once. */
  readonly needs: JobNeeds;
  /** The first job behind this one that may be placed now; without one the first of all. */
  behind(job: JobAge | undefined): WaitingJob | undefined;
  /** Those of its jobs whose promised start has slipped too far. */
  readonly overdue: readonly WaitingJob[];
}

/** An attempt that holds a slot. */
export interface RunningAttempt {
  readonly jobId: string;
  readonly userId: string;
  readonly queue: string;
  readonly workClass: WorkClass;
  /** What is left at the speed at which it runs, by the agent's own word; absent before it knows. */
  readonly etaMs?: number;
  readonly outputMs: number;
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
  readonly queues: readonly string[];
  readonly labels: readonly string[];
  /** What it can do that agents of release 0.1 cannot. */
  readonly features?: readonly string[];
  readonly shares: readonly string[];
  readonly slots: number;
  /** What it can render, and how fast. */
  readonly classes: ReadonlyMap<WorkClass, ClassForecast>;
  /** Why it cannot render a class that is not among them, where more is known than that. */
  readonly lacks?: ReadonlyMap<WorkClass, string>;
  /** Speed of each of k renders at a time relative to one alone: the k-th. Beyond its end the last holds; empty: 1. */
  readonly concurrentSpeeds: readonly number[];
  readonly copyBytesPerMs: number;
  /** Room for new jobs. */
  readonly scratchBytes: number;
  readonly running: readonly RunningAttempt[];
  /** Job that was announced to it, and how long ago, for each announcement that stands. */
  readonly announced: ReadonlyMap<string, number>;
}

export interface PlannedQueue {
  /** Its jobs form a flow of their own with this weight; absent: they count for their users only. */
  readonly weight?: number;
  /** Jobs of it at a time on agents. */
  readonly runningMax?: number;
  /** Clean stop of its jobs. */
  readonly softRunMs: number;
  /** Nothing of it starts; why. */
  readonly paused?: string;
}

/** What bounds the jobs that run at a time, and who gets how much of the farm. */
export interface FarmRules {
  readonly queues: ReadonlyMap<string, PlannedQueue>;
  /** Jobs at a time on agents, all together and of one user. */
  readonly runningMax?: number;
  readonly runningPerUserMax?: number;
  /** 1 for a user who is not here. */
  readonly userWeights: ReadonlyMap<string, number>;
}

/** How much each flow of jobs has had (fair-share.ts). */
export interface FlowCharges {
  /** The farm's virtual time: a flow that comes back begins here, not with what it saved while it was away. */
  readonly virtualMs: number;
  /** Virtual time up to which a flow was served, by its key, of those that take part. */
  readonly servedMs: ReadonlyMap<string, number>;
  /** The same of any flow, or where it would begin. */
  standsAtMs(flowKey: string): number;
  /** When a job of the flow and class last got a start; 0: not that is known. */
  startedAtMs(flowKey: string, priority: PriorityClass): number;
}

/** All that a plan is made of. Same snapshot, same plan. */
export interface Snapshot {
  readonly nowMs: number;
  /** After a restart: only jobs that were never assigned may be placed; the caller has left the others out. */
  readonly lines: readonly JobLine[];
  readonly agents: readonly PlannedAgent[];
  readonly rules: FarmRules;
  readonly charges: FlowCharges;
  readonly tuning: PlannerTuning;
}

export interface PlannerTuning {
  /** Jobs that are placed by one plan, in order. scheduling.md: the first 200. */
  readonly jobsMax: number;
  /** A priority class is gained for each such wait, so that nothing starves. scheduling.md: 4 h. */
  readonly agingMs: number;
  /** An announcement moves only for a gain above this, and above twice the fetch there. scheduling.md: 60 s. */
  readonly moveGainMs: number;
  /** At most one move of a job's announcement in this time. scheduling.md: 2 min. */
  readonly moveEveryMs: number;
  /** A start may slip by this, or by half the predicted time if that is less. scheduling.md: 10 min. */
  readonly slipMaxMs: number;
  /** A deadline counts when the time left is below so many times the predicted time. scheduling.md: 1.5. */
  readonly deadlineSlack: number;
  /** A job belongs where it is predicted (p90) to end within this share of its soft limit. scheduling.md: 0.8. */
  readonly softRunShare: number;
  /** Work, on a reference GPU, by which a flow may be ahead of another before the other goes first. */
  readonly roundMs: number;
}

export const defaultTuning: PlannerTuning = {
  jobsMax: 200,
  agingMs: 4 * 3_600_000,
  moveGainMs: 60_000,
  moveEveryMs: 120_000,
  slipMaxMs: 600_000,
  deadlineSlack: 1.5,
  softRunShare: 0.8,
  roundMs: 600_000,
};

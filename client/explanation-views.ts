import type { JobView } from './views.ts';

/** What one agent's answer to a job is; spans are from now. */
export interface OpinionView {
  readonly agentId: string;
  readonly feasible: boolean;
  /** Why not, all of it; of a feasible one: what it is busy with, and why another one is preferred. */
  readonly reasons: readonly string[];
  /** Until the job would end there, with all that is planned before it. */
  readonly expectedCompletionMs?: number;
  /** Until a slot is free there. */
  readonly freeInMs?: number;
  /** What is left to copy then, and to render. */
  readonly copyingMs?: number;
  readonly renderingMs?: number;
  /** Of its files, those that are not there now. */
  readonly missingBytes?: number;
  /** Seconds of output in a second for this class of work. */
  readonly speed?: number;
  /** `median of 12 renders`, `test encode only`. */
  readonly speedBasis?: string;
}

/** Why a job is where it is. */
export interface Explanation {
  readonly job: JobView;
  /** One sentence. */
  readonly summary: string;
  /** 1 is next; absent where the job does not wait, no agent can take it, or it is too far behind to be counted. */
  readonly placeInOrder?: number;
  /** What its place is made of, one sentence each, in the order in which they count. */
  readonly order: readonly string[];
  /** Those that can take the job first, where it ends first before the others. */
  readonly agents: readonly OpinionView[];
  readonly plannedAgentId?: string;
  readonly plannedStartMs?: number;
  readonly plannedEndMs?: number;
  /** The start that was expected when it was first passed over. */
  readonly promisedStart?: Date;
  /** Its start has slipped too far behind that: it goes before its user's other jobs of its class. */
  readonly overdue: boolean;
  /** One sentence: what the expected times rest on. */
  readonly basis?: string;
}

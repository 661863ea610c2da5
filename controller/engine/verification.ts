import type { ItemType } from '../../proto/agent-link.ts';
import type { AgentOpinion } from './explanations.ts';

/** One thing that is wrong. */
export interface Fault {
  /** Of the item, or of the job: `path`, `logo_path`, `deadline`. */
  readonly field: string;
  /** Of docs/errors.md. */
  readonly code: string;
  readonly message: string;
}

/** What is known of one item, in the order in which the items were given. */
export interface VerifiedItem {
  readonly position: number;
  /** Absent: a type that we do not know. */
  readonly itemType?: ItemType;
  readonly videoId: string;
  /** What would be read: the catalogue's path where there is a `video_id`. Absent: none is known. */
  readonly path?: string;
  /** It is there, and may be read. Absent: not known. */
  readonly pathAvailable?: boolean;
  /** Its length in the job: what was measured, or how long a still is shown, or the estimate that was given. */
  readonly durationMs?: number;
  /** The length comes from the file. */
  readonly measured: boolean;
  readonly width?: number;
  readonly height?: number;
  readonly is4k?: boolean;
  readonly codec?: string;
  readonly sizeBytes?: number;
  readonly faults: readonly Fault[];
  /** What is no fault, and a person should know: agents that disagree. */
  readonly warnings: readonly string[];
  /** Why something was not found out; absent: everything was. */
  readonly unknown?: string;
}

/** When and where the job would be rendered, were it submitted now; spans are from now. */
export interface SubmitForecast {
  /** One sentence. */
  readonly summary: string;
  readonly agentId?: string;
  readonly startMs?: number;
  readonly endMs?: number;
  /** What these times rest on; empty: there are none. */
  readonly basis: string;
  /** Every agent's answer, the best first. */
  readonly agents: readonly AgentOpinion[];
}

/** What is known of a job that was not submitted. */
export interface Verification {
  /** A submit would take it now. It does not look at files. */
  readonly accepted: boolean;
  /** Every file is there and can be read; false: something is wrong with one. Absent: not all could be looked at. */
  readonly renderable?: boolean;
  /** What is wrong with the job, beside its items. */
  readonly faults: readonly Fault[];
  readonly items: readonly VerifiedItem[];
  readonly videoCount: number;
  readonly lengthMs: number;
  /** Every part of the length was measured or asked for; false: some of it is estimated. */
  readonly lengthKnown: boolean;
  /** Absent where the job is too wrong to say. */
  readonly queue?: string;
  readonly routeRule?: string;
  /** A job with this id is in the farm already: a submit would be that one. */
  readonly existed: boolean;
  /** Absent where a submit would not take it. */
  readonly forecast?: SubmitForecast;
}

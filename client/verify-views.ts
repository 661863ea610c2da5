import type { OpinionView } from './explanation-views.ts';
import type { ItemType } from './job-input.ts';

/** One thing that is wrong. */
export interface VerifyProblem {
  /** Of the item, or of the job: `path`, `logo_path`, `deadline`. */
  readonly field: string;
  /** Stable. */
  readonly code: string;
  readonly message: string;
}

/** What is known of one item of a job that was not submitted. */
export interface VerifiedItem {
  readonly position: number;
  readonly itemType?: ItemType;
  readonly videoId?: string;
  /** What would be read. */
  readonly path?: string;
  /** It is there, and may be read; absent: not known. */
  readonly pathAvailable?: boolean;
  /** Of the file; of a still how long it is shown; otherwise the estimate that was given. */
  readonly durationMs?: number;
  /** The duration comes from the file. */
  readonly measured: boolean;
  readonly width?: number;
  readonly height?: number;
  readonly is4k?: boolean;
  readonly codec?: string;
  readonly sizeBytes?: number;
  readonly problems: readonly VerifyProblem[];
  /** What is no problem, and a person should know. */
  readonly warnings: readonly string[];
  /** Why something was not found out. */
  readonly unknown?: string;
}

/** What is known of a job that was not submitted. */
export interface Verification {
  /** A submit would take it now. It does not look at files. */
  readonly accepted: boolean;
  /** Every file is there and can be read; absent: not all could be looked at. */
  readonly renderable?: boolean;
  /** Of the job, beside its items. */
  readonly problems: readonly VerifyProblem[];
  /** In the order in which they were given. */
  readonly items: readonly VerifiedItem[];
  readonly videoCount: number;
  readonly lengthMs: number;
  /** False: some of the length is estimated. */
  readonly lengthKnown: boolean;
  readonly queue?: string;
  readonly routeRule?: string;
  /** The farm has a job with this id. */
  readonly existed: boolean;
  /** When it would start, in a sentence. */
  readonly forecast?: string;
  readonly plannedAgentId?: string;
  /** From now. */
  readonly plannedStartMs?: number;
  readonly plannedEndMs?: number;
  readonly basis?: string;
  /** Every agent's answer, the best first. */
  readonly agents: readonly OpinionView[];
}

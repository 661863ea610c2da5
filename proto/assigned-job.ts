import type { PriorityClass, RateProfile, ResolvedItem } from './job-link.ts';
import type { RenderOptions } from './render-options.ts';

/** The whole job record: with it an agent can give back a job that the store lost. */
export interface AssignedJob {
  readonly jobId: string;
  readonly userId: string;
  readonly username: string;
  readonly channelName: string;
  readonly enable4k: boolean;
  readonly queue: string;
  readonly priority: PriorityClass;
  readonly submittedAtMs: number;
  /** The date of the job's log folder, `YYYY-MM-DD`: that of its first start, for good. */
  readonly logDate: string;
  /** IANA name of the zone that log lines are written in. */
  readonly timeZone: string;
  readonly rateProfile: RateProfile;
  readonly items: readonly ResolvedItem[];
  /** Which agents it may go to, should it have to go to another one. */
  readonly wishes?: Wishes;
  /** When it should have ended. */
  readonly deadlineMs?: number;
  /** As the job asked for them; absent: all off. */
  readonly options?: RenderOptions;
}

/** Which agents a job may go to: all that is given must hold; an empty list says nothing. */
export interface Wishes {
  /** Agent ids: only one of these. */
  readonly onlyOn: readonly string[];
  /** Agent ids: none of these. */
  readonly notOn: readonly string[];
  /** The agent must have every one. */
  readonly labels: readonly string[];
}

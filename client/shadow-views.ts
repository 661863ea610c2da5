/** What came of a job in the farm that is a shadow, against what came of it in the other. */
export type ShadowVerdict =
  /** One of the two has not ended. */
  | 'open'
  /** Both completed, and the results are as long. */
  | 'same'
  /** By more than 0.5 s and one frame for each item. */
  | 'length-differs'
  | 'only-ours-failed'
  | 'only-old-failed'
  | 'both-failed'
  /** Its row is gone, or could not be read. */
  | 'old-unknown';

/** One farm's part of a comparison. */
export interface ShadowSideView {
  /** As users see it; `refused`: our farm did not take it. */
  readonly status: string;
  /** When a PC was given the job. */
  readonly startedAt?: Date;
  readonly endedAt?: Date;
  /** Length of the result. */
  readonly durationMs?: number;
  readonly workerId?: string;
  readonly errorMessage?: string;
}

/** A job that both farms rendered. */
export interface ShadowComparisonView {
  readonly jobId: string;
  readonly channelName: string;
  readonly verdict: ShadowVerdict;
  readonly ours: ShadowSideView;
  readonly old?: ShadowSideView;
  /** Of our result, which was dropped. */
  readonly frames?: number;
  readonly sizeBytes?: number;
  readonly attemptCount: number;
}

/** A page of comparisons, newest first. */
export interface ShadowReportView {
  readonly jobs: readonly ShadowComparisonView[];
  /** Empty: this was the last page. */
  readonly nextPageToken: string;
  /** Why the other farm's rows could not be read. */
  readonly trouble?: string;
}

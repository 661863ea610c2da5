/** A job that is a row of the studio's tables already, and is to be rendered here. */
export interface StoredJobRequest {
  /** Idempotency for 24 h; empty: none. */
  readonly requestId: string;
  readonly jobId: string;
  /** Nothing is claimed and nothing stored. */
  readonly validateOnly: boolean;
}

export interface SubmittedJob {
  readonly jobId: string;
  readonly queue: string;
  readonly routeRule: string;
  /** It was known before. */
  readonly existed: boolean;
}

/** Submits jobs by the id of their rows. */
export interface StoredJobs {
  /**
   * @throws FarmError JOB_NOT_FOUND, ROW_NOT_QUEUED, ROW_CLAIMED, DIRECTORY_UNAVAILABLE; what a submit refuses, with items
   *   by their position
   */
  submit(request: StoredJobRequest): Promise<SubmittedJob>;
}

/** What came of a job in the farm that is a shadow, against what came of it in the other. */
export type ShadowVerdict =
  /** One of the two has not ended. */
  | 'open'
  /** Both completed, and the results are as long. */
  | 'same'
  | 'length-differs'
  | 'only-ours-failed'
  | 'only-old-failed'
  | 'both-failed'
  /** Its row is gone, or could not be read. */
  | 'old-unknown';

/** One farm's part of it. */
export interface ShadowSide {
  /** As users see it; `refused`: it was not taken. */
  readonly status: string;
  /** Unix ms: given to the one who rendered it. */
  readonly startedAtMs?: number;
  readonly endedAtMs?: number;
  /** Length of the result. */
  readonly durationMs?: number;
  readonly workerId?: string;
  readonly errorMessage?: string;
}

export interface ShadowComparison {
  readonly jobId: string;
  /** Empty for what was refused. */
  readonly channelName: string;
  readonly verdict: ShadowVerdict;
  readonly ours: ShadowSide;
  readonly old?: ShadowSide;
  /** Of our result, which was dropped. */
  readonly frames?: number;
  readonly sizeBytes?: number;
  readonly attemptCount: number;
}

export interface ShadowReport {
  /** Newest first; what was refused goes first. */
  readonly jobs: readonly ShadowComparison[];
  /** Empty: this was the last page. */
  readonly nextToken: string;
  /** Why the other farm's rows could not be read. */
  readonly trouble?: string;
}

/** Compares the two farms. */
export interface ShadowReports {
  report(page: { readonly size: number; readonly token: string }): Promise<ShadowReport>;
}

import type { JobLogs, LogReads } from '../domain/log-files.ts';
import type { ShadowReports, StoredJobs } from '../domain/stored-jobs.ts';
import type { Farm } from '../engine/farm.ts';
import type { ResultPages } from '../history/port.ts';
import type { Authorise } from './auth.ts';
import type { RpcLimits } from './limits.ts';

/** As pino has it: fields first, then the sentence. */
export interface RpcLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What every service works with. */
export interface RpcContext {
  readonly farm: Farm;
  readonly logs: JobLogs;
  readonly reads: LogReads;
  readonly logger: RpcLogger;
  readonly limits: RpcLimits;
  readonly authorise: Authorise;
  /** Submits by the id of a row; absent: there are no rows. */
  readonly stored?: StoredJobs;
  /** Absent: the farm is no shadow. */
  readonly shadow?: ShadowReports;
  /** Absent: rows of results are not kept here. */
  readonly results?: ResultPages;
  /** The UNC path lies in a source share of this farm. */
  readonly isInSourceShare: (uncPath: string) => boolean;
  /** What time it is (Unix ms). */
  readonly nowMs: () => number;
  /** Fires when the server stops: streams that last end themselves then. */
  readonly stopping: AbortSignal;
}

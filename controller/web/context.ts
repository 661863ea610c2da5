import type { LogReads } from '../domain/log-files.ts';
import type { ShadowReports, StoredJobs } from '../domain/stored-jobs.ts';
import type { Farm } from '../engine/farm.ts';

/** As pino has it: fields first, then the sentence. */
export interface WebLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What every route works with. */
export interface WebContext {
  readonly farm: Farm;
  readonly reads: LogReads;
  /** A reader of a log that takes nothing for this long is cut off. @default 10,000 */
  readonly logDrainMs?: number;
  readonly logger: WebLogger;
  /** Submits by the id of a row; absent: there are no rows. */
  readonly stored?: StoredJobs;
  /** Absent: the farm is no shadow. */
  readonly shadow?: ShadowReports;
  /** The UNC path lies in a source share of this farm. */
  readonly isInSourceShare: (uncPath: string) => boolean;
  /** What time it is (Unix ms). */
  readonly nowMs: () => number;
}

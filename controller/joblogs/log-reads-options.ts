import type { Farm } from '../engine/farm.ts';
import type { Growth } from './growth.ts';
import type { LogClock } from './log-clock.ts';
import type { LogIndex } from './log-index.ts';

/** What reading logs needs, and its limits. */
export interface LogReadsOptions {
  readonly root: string;
  readonly index: LogIndex;
  readonly growth: Growth;
  readonly farm: Pick<Farm, 'logOf'>;
  readonly clock: LogClock;
  /** Reads and follows at a time; each holds one piece of 64 KiB. @default 100 */
  readonly readersMax?: number;
  /** Looks again this often where nothing was heard of: another process may write the folder. @default 1,000 */
  readonly pollMs?: number;
  /** After a job's end a log that is not whole is waited for while something comes in this time. @default 30,000 */
  readonly quietMs?: number;
}

import { FarmError } from '../domain/errors.ts';
import type { LogNews, LogQuery, LogReads } from '../domain/log-files.ts';
import type { Farm } from '../engine/farm.ts';
import { followLog } from './follow-log.ts';
import type { Growth } from './growth.ts';
import type { LogClock } from './log-clock.ts';
import type { LogIndex } from './log-index.ts';
import { codeOf } from './log-paths.ts';

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

/** Reads the log folders, by job; jobs that have left the farm too, for as long as their folder is there. */
export function openLogReads(options: LogReadsOptions): LogReads {
  const { readersMax = 100 } = options;
  let readers = 0;
  return {
    async *read(query, signal) {
      if (readers >= readersMax) {
        const message = `${readers} logs are being read already (at most ${readersMax} at a time)`;
        throw new FarmError('TOO_MANY_WATCHERS', message, { retryAfterMs: 5_000 });
      }
      readers += 1;
      try {
        yield* inOurWords(query, followLog(options, query, signal));
      } finally {
        readers -= 1;
      }
    },
  };
}

/** What the disk says is no answer for a reader. */
async function* inOurWords(
  { jobId }: LogQuery,
  news: AsyncGenerator<LogNews, void, undefined>,
): AsyncGenerator<LogNews, void, undefined> {
  try {
    yield* news;
  } catch (cause) {
    if (cause instanceof FarmError) throw cause;
    const reason = codeOf(cause);
    if (reason === undefined) throw cause;
    const message = `The log of job ${jobId} cannot be read: ${reason}`;
    throw new FarmError('STORAGE_UNAVAILABLE', message, { cause, retryAfterMs: 5_000 });
  }
}

import { FarmError } from '../domain/errors.ts';
import type { LogNews, LogQuery, LogReads } from '../domain/log-files.ts';
import { followLog } from './follow-log.ts';
import { codeOf } from './log-paths.ts';
import type { LogReadsOptions } from './log-reads-options.ts';

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

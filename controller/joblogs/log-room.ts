import type { JobLogs, LogReads } from '../domain/log-files.ts';
import type { Farm } from '../engine/farm.ts';
import { Growth } from './growth.ts';
import { openJobLogs } from './job-logs.ts';
import type { LogClock } from './log-clock.ts';
import { openLogIndex } from './log-index.ts';
import { codeOf } from './log-paths.ts';
import { openLogReads } from './log-reads.ts';
import { startLogRetention } from './retention.ts';

export interface LogRoomOptions {
  /** The folder `logs/`. */
  readonly root: string;
  readonly farm: Pick<Farm, 'logOf' | 'status'>;
  readonly clock: LogClock;
  /** Of the dates of the folders. */
  readonly timeZone: string;
  readonly keepDays: number;
  readonly keepBytes: number;
  readonly log: LogRoomLogger;
}

/** As pino has it. */
interface LogRoomLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface LogRoom {
  readonly logs: JobLogs;
  readonly reads: LogReads;
  /** Ends what goes on in the background. Idempotent. */
  stop(): Promise<void>;
}

/** Strange entries that are remembered as told. */
const toldMax = 1_000;

/** The folder of the job logs: what writes it, what reads it, and what removes what is old. */
export function openLogRoom({ root, farm, log, clock, ...keep }: LogRoomOptions): LogRoom {
  const index = openLogIndex(root);
  const growth = new Growth();
  const told = new Set<string>();
  const retention = startLogRetention({
    ...{ root, index, farm, clock, ...keep },
    onStrange(path) {
      if (told.has(path) || told.size >= toldMax) return;
      told.add(path);
      log.warn({ path: path.slice(0, 300) }, 'Something in the logs folder is not ours: it is left alone');
    },
    onTrouble: (message, err) => log.warn({ err }, message),
    onRemoved: (removed) => log.info(removed, 'Old job logs were removed'),
  });
  return {
    logs: openJobLogs({ root, index, growth, wrote: troubleTeller(root, log) }),
    reads: openLogReads({ root, index, growth, farm, clock }),
    stop: () => retention.stop(),
  };
}

/** A disk that is full is told once, not with every upload that it refuses. */
function troubleTeller(logsDir: string, log: LogRoomLogger): (trouble: Error | undefined) => void {
  let told: string | undefined;
  return (trouble) => {
    const reason = trouble === undefined ? undefined : (codeOf(trouble) ?? 'unexpected error');
    if (reason === told) return;
    told = reason;
    if (reason === undefined) log.info({ logsDir }, 'The logs folder can be written again');
    else {
      const message =
        'The logs folder cannot be written: rendering goes on, agents keep their logs and send them later';
      log.warn({ err: trouble, logsDir, reason }, message);
    }
  };
}

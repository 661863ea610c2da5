import type { JobLogs, LogReads } from '../domain/log-files.ts';
import type { Farm } from '../engine/farm.ts';
import { Growth } from './growth.ts';
import { openJobLogs } from './job-logs.ts';
import type { LogClock } from './log-clock.ts';
import { openLogIndex } from './log-index.ts';
import { openLogReads } from './log-reads.ts';
import { startLogRetention } from './retention.ts';
import { Turns } from './turns.ts';

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
  /** Told of each write whether the disk took it. */
  readonly wrote: (trouble: Error | undefined) => void;
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
export function openLogRoom({ root, farm, log, clock, wrote, ...keep }: LogRoomOptions): LogRoom {
  const index = openLogIndex(root);
  const growth = new Growth();
  const turns = new Turns();
  const told = new Set<string>();
  const retention = startLogRetention({
    ...{ root, index, farm, clock, turns, ...keep },
    onStrange(path) {
      if (told.has(path) || told.size >= toldMax) return;
      told.add(path);
      log.warn({ path: path.slice(0, 300) }, 'Something in the logs folder is not ours: it is left alone');
    },
    onTrouble: (message, err) => log.warn({ err }, message),
    onRemoved: (removed) => log.info(removed, 'Old job logs were removed'),
  });
  return {
    logs: openJobLogs({ root, index, turns, growth, wrote }),
    reads: openLogReads({ root, index, growth, farm, clock }),
    stop: () => retention.stop(),
  };
}

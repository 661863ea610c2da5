import type { Assign, FinishedOutcome } from '../../proto/index.ts';
import { fenceText } from '../../proto/index.ts';
import type { LogFolder } from './log-folder.ts';
import { logFiles } from './log-folder.ts';
import type { LogLevel } from './log-line.ts';
import { clockOf, logLine } from './log-line.ts';

/** The lines of `job.log` that people look for (mission.md section 4); each method is one of them. */
export interface JobLog {
  begin(agentId: string): void;
  step(step: string, message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
  skipping(fileName: string): void;
  totalDuration(seconds: number): void;
  /** At most one line per whole percent, never backwards. */
  progress(percent: number, seconds: number): void;
  succeeded(publishedPath: string): void;
  /** It was rendered in shadow mode. */
  shadowed(): void;
  failed(finished: Pick<FinishedOutcome, 'outcome' | 'message' | 'problems' | 'stderrTail'>): void;
}

/** Hears nothing: an item of another agent's job has no log here. */
export const silentJobLog: JobLog = {
  begin: () => undefined,
  step: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  skipping: () => undefined,
  totalDuration: () => undefined,
  progress: () => undefined,
  succeeded: () => undefined,
  shadowed: () => undefined,
  failed: () => undefined,
};

/** The last lines of FFmpeg's stderr that a failed job's log ends with. */
const stderrLinesMax = 50;

/** Writes an attempt's `job.log`. `now` is milliseconds since the epoch. */
export function createJobLog(assign: Assign, folder: LogFolder, now: () => number): JobLog {
  const clock = clockOf(assign.job.timeZone);
  let lastPercent = -1;
  const line = (level: LogLevel, message: string): void =>
    folder.write(logFiles.jobLog, logLine(clock(now()), level, message));
  const info = (message: string): void => line('INFO', message);

  return {
    info,
    warn: (message) => line('WARNING', message),
    error: (message) => line('ERROR', message),
    step: (step, message) => info(`Step ${step}: ${message}`),
    skipping: (fileName) => info(`Skipping (already exists): ${fileName}`),
    begin(agentId) {
      const { job, ref, attemptNumber } = assign;
      info(`=== Starting Compilation Job ${job.jobId} ===`);
      info(`Worker: ${agentId}`);
      info(`Channel: ${job.channelName}`);
      info(`User: ${job.username}`);
      info(`Queue: ${job.queue}, attempt ${attemptNumber}, fence ${fenceText(ref.fence)}`);
      info(`Items: ${job.items.length}, ${job.enable4k ? '3840x2160' : '1920x1080'}`);
    },
    totalDuration(seconds) {
      info(`Step 2: Total duration`);
      info(`Total duration: ${seconds.toFixed(2)}s (${(seconds / 60).toFixed(2)} min)`);
    },
    progress(percent, seconds) {
      if (percent <= lastPercent) return;
      lastPercent = percent;
      info(`Progress: ${percent}% (time: ${seconds.toFixed(2)}s)`);
    },
    succeeded(publishedPath) {
      info(`Output: ${publishedPath}`);
      info('=== Job Completed Successfully ===');
    },
    shadowed: () => info('=== Job Rendered in Shadow Mode: its result is kept nowhere ==='),
    failed(finished) {
      line('ERROR', `${finished.outcome}: ${finished.message ?? 'no reason given'}`);
      for (const problem of finished.problems) line('ERROR', `${problem.code}: ${problem.message}`);
      const tail = finished.stderrTail.slice(-stderrLinesMax);
      if (tail.length > 0) line('ERROR', `Last ${tail.length} lines of FFmpeg:`);
      for (const text of tail) line('ERROR', text);
      line('ERROR', '=== Job Failed ===');
    },
  };
}

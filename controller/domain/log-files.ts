import type { LogPlace } from './names.ts';

/** The files of a job's log folder (mission.md section 4). */
export type LogFileName = 'job.log' | 'ffmpeg_cmd.txt' | 'ffmpeg_stderr.txt';

/** One attempt's file: offsets count within what that attempt wrote. */
export interface LogAddress {
  readonly place: LogPlace;
  /** 1 for the job's first attempt. */
  readonly attemptNumber: number;
  readonly file: LogFileName;
}

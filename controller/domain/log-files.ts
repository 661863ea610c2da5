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

/** The job folders under logs/: agents send the files of their attempts, at rising offsets. */
export interface JobLogs {
  /** How many bytes of an attempt's file are here: an upload goes on from there. */
  size(address: LogAddress): Promise<number>;
  /**
   * Takes bytes that begin at `offsetBytes`; what is here already is skipped. Returns the size afterwards.
   * @throws FarmError LOG_OFFSET for a gap, LOG_TOO_LARGE, STORAGE_UNAVAILABLE
   */
  append(address: LogAddress, offsetBytes: number, data: Uint8Array): Promise<number>;
}

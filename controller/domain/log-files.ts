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
  /** The file has `sizeBytes` and gets no longer: readers need not wait for more. @throws as append */
  end(address: LogAddress, sizeBytes: number): Promise<void>;
}

/** What a reader wants of a job's log. */
export interface LogQuery {
  readonly jobId: string;
  readonly file: LogFileName;
  /** Only what this attempt wrote; absent: all of job.log, the newest attempt's of other files, then later ones'. */
  readonly attempt?: number;
  /** Where it begins; counts in the file of `offsetAttempt`. */
  readonly offsetBytes: number;
  /** Where no attempt is wanted: whose file the offset counts in. Absent: the newest. */
  readonly offsetAttempt?: number;
  /** Begins this many lines before the end instead. */
  readonly tailLines?: number;
  /** Goes on with what is added, until the job has ended and its log is whole. */
  readonly follow: boolean;
}

/** A reader is told where it begins, then bytes in order, then that this is the end. */
export type LogNews = {
  /** Whose file it is; 0: job.log of all attempts. */
  readonly attempt: number;
  /** Of the first byte of `data`; of the next one where there is none. */
  readonly offsetBytes: number;
} & (
  | { readonly kind: 'begin'; readonly sizeBytes: number }
  | { readonly kind: 'data'; readonly data: Uint8Array }
  /** `isWhole`: the job has ended, and the agent has said that this is all. */
  | { readonly kind: 'end'; readonly isWhole: boolean }
);

/** The same folders, as people read them. */
export interface LogReads {
  /**
   * Holds one piece at a time: the next is read when it is asked for.
   * @throws FarmError JOB_NOT_FOUND, LOG_NOT_FOUND, LOG_OFFSET, TOO_MANY_WATCHERS, STORAGE_UNAVAILABLE, NOT_LEADING
   */
  read(query: LogQuery, signal: AbortSignal): AsyncGenerator<LogNews, void, undefined>;
}

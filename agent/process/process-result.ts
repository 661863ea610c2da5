/** Why a process ended; the first cause wins, whatever happened while it was being ended. */
export type ProcessCause = 'exited' | 'aborted' | 'stalled' | 'timed-out' | 'spawn-failed';

/** How a run ended: one shape for success and failure, every field always present. */
export interface ProcessResult {
  readonly cause: ProcessCause;
  /** It exited by itself, with code 0. */
  readonly succeeded: boolean;
  /** Undefined when a signal ended it, or it never started. */
  readonly exitCode: number | undefined;
  readonly signalName: string | undefined;
  /** SIGKILL was needed: it did not end within the grace time. */
  readonly isForced: boolean;
  /** Why it could not be started, e.g. `spawn ffmpeg ENOENT`. */
  readonly spawnError: string | undefined;
  /** The system's code for that: `ENOENT`, `EACCES`, ... */
  readonly spawnErrorCode: string | undefined;
  readonly stderrTail: readonly string[];
  /** As much of stdout as the options asked for. */
  readonly stdout: string;
  readonly stdoutCut: boolean;
  readonly durationMs: number;
}

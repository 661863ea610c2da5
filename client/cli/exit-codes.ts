import { RenderfarmError } from '../errors.ts';
import type { JobState } from '../views.ts';

/** What scripts can rely on; docs/cli.md and `--help` say the same. */
export const exitCodes = {
  ok: 0,
  /** A job that was followed failed. */
  jobFailed: 1,
  /** Wrong usage, or a job file or request that is not valid. */
  invalid: 2,
  /** No controller answered in time. */
  unreachable: 3,
  /** The controller knows no such thing, or refuses. */
  refused: 4,
  /** A job that was followed was cancelled. */
  jobCancelled: 5,
  /** A defect of this program. */
  internal: 70,
  /** Ended by Ctrl-C; jobs go on. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The text of `--help`. */
export const exitCodeHelp = `
Exit codes:
  0    done; jobs that were followed are published
  1    a job failed
  2    wrong usage, or an invalid job file or request
  3    no controller answered in time
  4    not found, or refused by the controller
  5    a job was cancelled
  70   a defect of this program
  130  interrupted (Ctrl-C); jobs go on`;

/** The code of an error that ended a command. */
export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof RenderfarmError)) return exitCodes.internal;
  switch (error.code) {
    case 'INVALID_OPTIONS':
    case 'INVALID_JOB_FILE':
    case 'JOB_TOO_LARGE':
    case 'USAGE':
      return exitCodes.invalid;
    case 'CONTROLLER_UNREACHABLE':
      return exitCodes.unreachable;
    case 'UNEXPECTED_REPLY':
      return exitCodes.internal;
    default:
      return ofStatus(error);
  }
}

/** The code for jobs that were followed to their end: a failed one counts more than a cancelled one. */
export function exitCodeOfJobs(states: readonly JobState[]): ExitCode {
  if (states.some((state) => state === 'failed' || state === 'quarantined')) return exitCodes.jobFailed;
  return states.includes('cancelled') ? exitCodes.jobCancelled : exitCodes.ok;
}

function ofStatus(error: RenderfarmError): ExitCode {
  switch (error.status) {
    case undefined:
    case 'INVALID_ARGUMENT':
      return exitCodes.invalid;
    case 'UNAVAILABLE':
    case 'DEADLINE_EXCEEDED':
      return exitCodes.unreachable;
    case 'INTERNAL':
    case 'UNKNOWN':
    case 'DATA_LOSS':
      return exitCodes.internal;
    default:
      return exitCodes.refused;
  }
}

import type { FailureClass, FinishedOutcome, Problem, Usage } from '../../proto/index.ts';
import { MediaError } from '../media/media-error.ts';
import { UncError } from '../media/unc.ts';
import { codeOf } from './output-share.ts';
import { StageError } from './stage-step.ts';

/** What a report may hold: an event must fit a message of 1 MiB with room to spare. */
const problemsBytesMax = 500_000;
const messageCharsMax = 4_000;
const stderrLineCharsMax = 500;
const stderrLinesMax = 50;

/** Why an attempt ends, as its steps say it. Caught in one place and made into the attempt's outcome. */
export class AttemptFailedError extends Error {
  override readonly name = 'AttemptFailedError';
  readonly failure: AttemptFailure;

  constructor(failure: AttemptFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

export interface AttemptFailure {
  readonly failureClass: FailureClass;
  readonly message: string;
  readonly problems: readonly Problem[];
  readonly exitCode?: number;
  readonly stderrTail?: readonly string[];
}

/** The outcome of an attempt that did not come to its end. A stop is named by whoever asked for it. */
export function finishedOf(error: unknown, stopped: string | undefined, usage: Usage): FinishedOutcome {
  if (stopped !== undefined) {
    return { outcome: 'returned', message: stopped, problems: [], stderrTail: [], usage };
  }
  const { failureClass, message, problems, exitCode, stderrTail = [] } = failureOf(error);
  return {
    outcome: 'failed',
    failureClass,
    message: message.slice(0, messageCharsMax),
    problems: bounded(problems),
    ...(exitCode === undefined ? {} : { exitCode }),
    stderrTail: stderrTail.slice(-stderrLinesMax).map((line) => line.slice(0, stderrLineCharsMax)),
    usage,
  };
}

function failureOf(error: unknown): AttemptFailure {
  if (error instanceof AttemptFailedError) return error.failure;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof MediaError) return simple(error.failureClass, error.code, message);
  if (error instanceof UncError) return simple('input', error.code, message);
  if (error instanceof StageError) return simple('environment', error.code, message);
  // The system said no: this PC's disk, memory or rights, not the job.
  const code = codeOf(error);
  if (code !== undefined) return simple('environment', code, message);
  return simple('job', 'AGENT_FAULT', message);
}

function simple(failureClass: FailureClass, code: string, message: string): AttemptFailure {
  return { failureClass, message, problems: [{ code, message }] };
}

function bounded(problems: readonly Problem[]): readonly Problem[] {
  let bytes = 0;
  const kept = problems.filter((problem) => {
    bytes += Buffer.byteLength(JSON.stringify(problem));
    return bytes <= problemsBytesMax;
  });
  const left = problems.length - kept.length;
  if (left === 0) return problems;
  return [...kept, { code: 'MORE_PROBLEMS', message: `and ${left} more` }];
}

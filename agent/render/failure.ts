import type { FailureClass } from '../../proto/agent-link.ts';
import { type FailureCategory, failureKinds } from './failure-table.ts';
import { isFatalLine } from './fatal-lines.ts';
import type { FfmpegResult } from './ffmpeg.ts';
import { causeOfExit } from './find-cause.ts';
import type { RenderProblemCode } from './problem-codes.ts';

/** Why a render failed: whose fault it is, and what FFmpeg said last. */
export interface RenderFailure {
  readonly failureClass: FailureClass;
  readonly code: RenderProblemCode;
  /** Begins with the old wording, `FFmpeg failed with return code N`, where FFmpeg ran. */
  readonly message: string;
  readonly exitCode: number | undefined;
  readonly stderrTail: readonly string[];
  /** The item that was rendered, when it was one. */
  readonly position: number | undefined;
}

/** Ends a render; `renderJob` catches it and nobody else sees it. */
export class RenderFailedError extends Error {
  readonly failure: RenderFailure;

  constructor(failure: RenderFailure) {
    super(failure.message);
    this.name = 'RenderFailedError';
    this.failure = failure;
  }
}

/**
 * Explains an FFmpeg that did not succeed (and was not aborted by us): its words first, its exit code second. One that
 * hung after it had named a fault of its PC, as drivers of a lost GPU do, has that fault.
 */
export function explainFailure(
  result: FfmpegResult,
  what: { readonly label: string; readonly position?: number },
): RenderFailure {
  const facts = { exitCode: result.exitCode, stderrTail: result.stderrTail, position: what.position };
  const { category, told } = explain(result);
  const { failureClass, code } = failureKinds[category];
  const message =
    category === 'ffmpeg-missing'
      ? `FFmpeg could not be started for ${what.label}: ${told ?? 'unknown reason'}`
      : `FFmpeg failed with return code ${result.exitCode ?? result.signalName ?? 'unknown'} on ${what.label}`;
  const isWhole = category === 'ffmpeg-missing' || told === undefined;
  return { ...facts, failureClass, code, message: isWhole ? message : `${message}: ${told}` };
}

function explain(result: FfmpegResult): { readonly category: FailureCategory; readonly told?: string } {
  const { cause, spawnError, wordsCause, signalName, exitCode } = result;
  if (cause === 'spawn-failed')
    return { category: 'ffmpeg-missing', ...(spawnError === undefined ? {} : { told: spawnError }) };
  if (cause === 'stalled' || cause === 'timed-out') {
    const told = 'it stalled and was ended';
    const isOfPc = wordsCause !== undefined && isEnvironment(wordsCause.category);
    return isOfPc
      ? { category: wordsCause.category, told: `${wordsCause.line}; ${told}` }
      : { category: 'stall', told };
  }
  if (wordsCause !== undefined) return { category: wordsCause.category, told: wordsCause.line };
  // We end by other causes: somebody else did this, as the kernel does when memory runs out.
  if (signalName === 'SIGKILL')
    return { category: 'out-of-memory', told: 'it was killed, most likely because memory ran out' };
  const last = result.errorLines.at(-1)?.trim();
  const category = causeOfExit(exitCode)?.category ?? 'unknown';
  return { category, ...(last === undefined ? {} : { told: last }) };
}

function isEnvironment(category: FailureCategory): boolean {
  return failureKinds[category].failureClass === 'environment';
}

/**
 * FFmpeg 5.1 leaves with 0 although the disk was full at the end: the PC's fault that it named on the way, if that forbids
 * the segment.
 */
export function explainDespiteSuccess(
  { wordsCause, exitCode, stderrTail }: FfmpegResult,
  what: { readonly label: string; readonly position?: number },
): RenderFailure | undefined {
  if (wordsCause === undefined || !isEnvironment(wordsCause.category) || !isFatalLine(wordsCause.line))
    return undefined;
  const { failureClass, code } = failureKinds[wordsCause.category];
  const message = `FFmpeg ended as if all was well on ${what.label}, and yet: ${wordsCause.line}`;
  return { failureClass, code, message, exitCode, stderrTail, position: what.position };
}

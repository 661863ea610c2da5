import type { AttemptTombstone, FinishedOutcome, HeldAttempt, Usage } from '../agent-link.ts';
import type * as agent from '../gen/renderfarm/v1/agent.ts';
import type * as job from '../gen/renderfarm/v1/job.ts';
import type { CompleteWire } from './complete.ts';
import { compact } from './complete.ts';
import { failureClasses, heldStates, outcomes } from './enums.ts';
import { count, list, optionalText, required, texts } from './read.ts';
import { fromDuration, fromOptionalDuration, toDuration, toOptionalDuration } from './time.ts';
import { fromManifest, fromProblem, fromRef, itemsMax, toManifest, toProblem, toRef } from './work.ts';

/** An item can have more than one problem (source, logo), and the job its own. */
const problemsMax = 2 * itemsMax + 50;
/** mission.md section 3: the last 50 lines of stderr. */
const stderrLinesMax = 50;

export function toUsage(usage: Usage): CompleteWire<job.Usage> {
  return {
    copiedFiles: usage.copiedFiles,
    copiedBytes: usage.copiedBytes,
    reusedFiles: usage.reusedFiles,
    reusedBytes: usage.reusedBytes,
    segmentsRendered: usage.segmentsRendered,
    segmentsReused: usage.segmentsReused,
    segmentsHelped: usage.segmentsHelped ?? 0,
    framesEncoded: usage.framesEncoded,
    runTime: toDuration(usage.runMs),
    waitedForShares: toDuration(usage.waitedForSharesMs),
    firstFrame: toOptionalDuration(usage.firstFrameMs),
  };
}

export function fromUsage(wire: job.Usage | undefined, field: string): Usage {
  const usage = required(wire, field);
  return compact<Usage>({
    copiedFiles: count(usage.copiedFiles, `${field}.copied_files`),
    copiedBytes: count(usage.copiedBytes, `${field}.copied_bytes`),
    reusedFiles: count(usage.reusedFiles, `${field}.reused_files`),
    reusedBytes: count(usage.reusedBytes, `${field}.reused_bytes`),
    segmentsRendered: count(usage.segmentsRendered, `${field}.segments_rendered`),
    segmentsReused: count(usage.segmentsReused, `${field}.segments_reused`),
    segmentsHelped: count(usage.segmentsHelped, `${field}.segments_helped`) || undefined,
    framesEncoded: count(usage.framesEncoded, `${field}.frames_encoded`),
    runMs: fromDuration(usage.runTime, `${field}.run_time`),
    waitedForSharesMs: fromDuration(usage.waitedForShares, `${field}.waited_for_shares`),
    firstFrameMs: fromOptionalDuration(usage.firstFrame, `${field}.first_frame`),
  });
}

export function toFinished(finished: FinishedOutcome): CompleteWire<agent.FinishedOutcome> {
  return {
    outcome: outcomes.toWire(finished.outcome),
    failureClass: finished.failureClass === undefined ? 0 : failureClasses.toWire(finished.failureClass),
    message: finished.message ?? '',
    problems: finished.problems.map(toProblem),
    exitCode: finished.exitCode,
    stderrTail: finished.stderrTail,
    publishedPath: finished.publishedPath ?? '',
    usage: toUsage(finished.usage),
  };
}

export function fromFinished(wire: agent.FinishedOutcome | undefined, field: string): FinishedOutcome {
  const finished = required(wire, field);
  return compact<FinishedOutcome>({
    outcome: outcomes.fromWire(finished.outcome, `${field}.outcome`),
    failureClass: failureClasses.optionalFromWire(finished.failureClass, `${field}.failure_class`),
    message: optionalText(finished.message),
    problems: list(finished.problems, `${field}.problems`, problemsMax, fromProblem),
    exitCode: finished.exitCode,
    stderrTail: texts(finished.stderrTail, `${field}.stderr_tail`, stderrLinesMax),
    publishedPath: optionalText(finished.publishedPath),
    usage: fromUsage(finished.usage, `${field}.usage`),
  });
}

export function toHeld(held: HeldAttempt): CompleteWire<agent.HeldAttempt> {
  return {
    ref: toRef(held.ref),
    state: heldStates.toWire(held.state),
    percent: held.percent,
    manifest: held.manifest && toManifest(held.manifest),
    finished: held.finished && toFinished(held.finished),
  };
}

export function fromHeld(wire: agent.HeldAttempt, field: string): HeldAttempt {
  return compact<HeldAttempt>({
    ref: fromRef(wire.ref, `${field}.ref`),
    state: heldStates.fromWire(wire.state, `${field}.state`),
    percent: count(wire.percent, `${field}.percent`, 0, 100),
    manifest: wire.manifest && fromManifest(wire.manifest, `${field}.manifest`),
    finished: wire.finished && fromFinished(wire.finished, `${field}.finished`),
  });
}

export function toTombstone(tombstone: AttemptTombstone): CompleteWire<agent.AttemptTombstone> {
  return {
    ref: toRef(tombstone.ref),
    outcome: outcomes.toWire(tombstone.outcome),
    publishedPath: tombstone.publishedPath ?? '',
  };
}

export function fromTombstone(wire: agent.AttemptTombstone, field: string): AttemptTombstone {
  return compact<AttemptTombstone>({
    ref: fromRef(wire.ref, `${field}.ref`),
    outcome: outcomes.fromWire(wire.outcome, `${field}.outcome`),
    publishedPath: optionalText(wire.publishedPath),
  });
}

/**
 * What an operator reads in the agent's own log at level info: an attempt's life in four lines, an item's in two, a prefetch in one, and
 * what somebody may have to see to. Progress is told elsewhere: it makes no lines here.
 */
import type { FinishedOutcome, ItemRef, JobRef } from '../proto/index.ts';
import { fenceText } from '../proto/index.ts';
import type { AgentLogger } from './agent-logger.ts';
import type { Effect } from './core/effects.ts';
import type { AttemptReport, Input, ItemReport } from './core/inputs.ts';
import { keyOf } from './core/journal-fold.ts';

export interface OperatorLog {
  /** Call it with all that the core hears. */
  heard(input: Input): void;
  /** Call it with all that the core has decided. */
  decided(effect: Effect): void;
}

interface OpenAttempt {
  readonly acceptedMs: number;
  waitsFor?: string;
}

/** `nowMs` is steady. */
export function createOperatorLog(logger: AgentLogger, nowMs: () => number): OperatorLog {
  const attempts = new Map<string, OpenAttempt>();
  const prefetches = new Set<string>();

  return {
    heard(input) {
      switch (input.type) {
        case 'attempt':
          tellReport(logger, input.ref, input.report, attempts.get(keyOf(input.ref)), nowMs());
          return;
        case 'publish-result':
          if (input.result.type === 'retry')
            logger.warn({ ...named(input.ref), reason: input.result.detail }, 'publishing waits');
          return;
        case 'prefetch':
          tellPrefetch(logger, input.report, prefetches);
          return;
        case 'item':
          tellItem(logger, input.item, input.report);
          return;
        default:
          return;
      }
    },
    decided(effect) {
      switch (effect.type) {
        case 'start-attempt': {
          const { ref, attemptNumber, job } = effect.assign;
          const { channelName, queue, items } = job;
          attempts.set(keyOf(ref), { acceptedMs: nowMs() });
          const figures = { attempt: attemptNumber, queue, channelName, items: items.length };
          logger.info({ ...named(ref), ...figures }, 'attempt accepted');
          return;
        }
        case 'start-item': {
          const { ref, position } = effect.assign.item;
          logger.info({ ...named(ref), position }, "rendering an item of another agent's job");
          return;
        }
        case 'clean-up':
          attempts.delete(keyOf(effect.assign.ref));
          tellOutcome(logger, effect.assign.ref, effect.finished);
          return;
        case 'start-prefetch':
          prefetches.add(effect.announce.announcementId);
          return;
        case 'stop-prefetch':
          if (prefetches.delete(effect.announcementId))
            logger.info({ jobId: effect.jobId, why: effect.why }, 'prefetch given up or handed over');
          return;
        default:
          return;
      }
    },
  };
}

function tellReport(
  logger: AgentLogger,
  ref: JobRef,
  report: AttemptReport,
  open: OpenAttempt | undefined,
  nowMs: number,
): void {
  const sinceAcceptedMs = Math.round(nowMs - (open?.acceptedMs ?? nowMs));
  if (report.type === 'prepared') {
    const { copiedBytes, reusedBytes, totalFrames } = report;
    const figures = { copiedBytes, reusedBytes, totalFrames, sinceAcceptedMs };
    const words = totalFrames === 0 ? 'attempt started before all its files are here' : 'attempt started';
    logger.info({ ...named(ref), ...figures }, words);
  } else if (report.type === 'encoded') {
    logger.info({ ...named(ref), sinceAcceptedMs }, 'attempt encoded');
  } else if (report.type === 'progress' && report.waiting !== undefined && open !== undefined) {
    const { reason } = report.waiting;
    // Once a reason: it is reported again before each try.
    if (open.waitsFor !== reason) logger.warn({ ...named(ref), reason }, 'attempt waits');
    open.waitsFor = reason;
  }
}

function tellOutcome(logger: AgentLogger, ref: JobRef, finished: FinishedOutcome): void {
  const { outcome, failureClass, message, problems, exitCode, publishedPath, usage } = finished;
  const { copiedBytes, reusedBytes, framesEncoded, segmentsRendered, segmentsReused } = usage;
  const { segmentsHelped = 0 } = usage;
  const figures = {
    ...{ copiedBytes, reusedBytes, framesEncoded, segmentsRendered, segmentsReused, segmentsHelped },
  };
  const times = { runMs: usage.runMs, firstFrameMs: usage.firstFrameMs };
  const codes = problems.length === 0 ? undefined : [...new Set(problems.map(({ code }) => code))];
  const fields = { ...named(ref), publishedPath, failureClass, exitCode, codes, reason: message };
  const level = outcome === 'failed' || outcome === 'timed-out' ? 'warn' : 'info';
  logger[level]({ ...fields, ...figures, ...times }, `attempt ${outcome}`);
}

function tellItem(
  logger: AgentLogger,
  { ref, position }: ItemRef,
  { result, reused, framesEncoded, code, message }: ItemReport,
): void {
  const level = result === 'failed' ? 'warn' : 'info';
  const figures = { position, reused, framesEncoded, code, reason: message };
  logger[level]({ ...named(ref), ...figures }, `item ${result}`);
}

function tellPrefetch(
  logger: AgentLogger,
  { announcementId, jobId, state, files, bytes, message }: Extract<Input, { type: 'prefetch' }>['report'],
  open: Set<string>,
): void {
  if (state === 'fetching' || !open.delete(announcementId)) return;
  const level = state === 'failed' ? 'warn' : 'info';
  logger[level]({ jobId, files, bytes, reason: message }, `prefetch ${state}`);
}

function named({ jobId, fence }: JobRef) {
  return { jobId, fence: fenceText(fence) };
}

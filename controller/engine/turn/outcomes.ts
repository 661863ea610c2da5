import type { Cancel, Outcome, Problem } from '../../../proto/agent-link.ts';
import { compareFences } from '../../../proto/agent-link.ts';
import type { AttemptRecord } from '../../domain/attempt.ts';
import type { JobRecord } from '../../domain/job.ts';
import { moveAttempt, moveJob, without } from '../../domain/move-job.ts';
import { afterAttempt, type Disposition, retryPolicy } from '../../domain/retry.ts';
import { refundAttempt } from './charges.ts';
import type { Ending } from './ending.ts';
import { noteForecastError } from './forecast-errors.ts';
import { askAgain } from './known-sources.ts';
import type { Ledger } from './ledger.ts';
import { fitsElsewhere } from './prediction.ts';

/**
 * Gives an attempt its one outcome, and its job what follows from it. An attempt that has ended stays as it is.
 *
 * @param decides `job-decided`: what becomes of the job is the caller's to say
 */
export function endAttempt(
  ledger: Ledger,
  attempt: AttemptRecord,
  ending: Ending,
  decides: 'job-follows' | 'job-decided' = 'job-follows',
): void {
  if (attempt.state === 'ended') return;
  // Before what is known of its progress goes with it.
  refundAttempt(ledger, attempt, ending);
  const entry = {
    atMs: ledger.nowMs,
    what: ending.outcome,
    detail: ending.message,
    agentId: attempt.agentId,
  };
  ledger.putAttempt(
    moveAttempt(attempt, 'ended', entry, {
      outcome: ending.outcome,
      message: ending.message,
      endedAtMs: ledger.nowMs,
      ...(ending.failureClass && { failureClass: ending.failureClass }),
      ...(ending.finished && { finished: ending.finished }),
      ...(ending.outcome === 'lost' && { lossCounted: ending.counted ?? true }),
    }),
  );
  noteForecastError(ledger, attempt, ending);
  askAgain(ledger, attempt);
  ledger.log(isWanted(ending) ? 'info' : 'warn', 'attempt-ended', {
    jobId: attempt.jobId,
    attempt: attempt.number,
    agentId: attempt.agentId,
    outcome: ending.outcome,
    message: ending.message,
  });
  if (decides === 'job-decided' || ending.outcome === 'published') return;
  const job = ledger.state.jobs.get(attempt.jobId);
  if (job !== undefined && holdsLease(job, attempt))
    settle(ledger, job, attempt, { ...ending, outcome: ending.outcome });
}

function isWanted({ outcome, used }: Ending): boolean {
  return outcome === 'published' || used === true;
}

/**
 * The agent of an attempt is gone, or its process is: lost; or, where it was to stop anyway, ended for that reason,
 * because the first cause wins and that is no loss of its host.
 */
export function endUnheard(
  ledger: Ledger,
  attempt: AttemptRecord,
  loss: Pick<Ending, 'message' | 'counted'>,
): void {
  const { stop } = attempt;
  if (stop === undefined) endAttempt(ledger, attempt, { ...loss, outcome: 'lost' });
  else endAttempt(ledger, attempt, { outcome: stop.outcome, message: stop.reason });
}

/** Asks the agent to stop an attempt that may no longer publish. Its slot is free when it says that it stopped. */
export function stopAttempt(
  ledger: Ledger,
  attempt: AttemptRecord,
  stop: { readonly reason: string; readonly outcome: Cancel['outcome'] },
): void {
  if (attempt.state === 'ended') return;
  // The first reason to stop is the one that counts.
  const why = attempt.stop ?? { ...stop, atMs: ledger.nowMs };
  ledger.putAttempt({ ...attempt, stop: why });
  sendCancel(ledger, attempt, why, 'graceful');
}

/** Tells the agent to kill an attempt whose lease the controller has ended, or is about to. */
export function killAttempt(
  ledger: Ledger,
  attempt: AttemptRecord,
  stop: { readonly reason: string; readonly outcome: Cancel['outcome'] },
): void {
  sendCancel(ledger, attempt, stop, 'kill');
}

function sendCancel(
  ledger: Ledger,
  attempt: AttemptRecord,
  { reason, outcome }: { readonly reason: string; readonly outcome: Cancel['outcome'] },
  mode: Cancel['mode'],
): void {
  ledger.sendTo(attempt.agentId, {
    kind: 'cancel',
    ref: { jobId: attempt.jobId, fence: attempt.fence },
    mode,
    graceMs: mode === 'kill' ? 0 : ledger.settings.times.cancelGraceMs,
    reason,
    outcome,
  });
}

/** The attempt is the one that may act for its job. */
export function holdsLease(job: JobRecord, attempt: Pick<AttemptRecord, 'fence'>): boolean {
  return job.fence !== undefined && compareFences(job.fence, attempt.fence) === 0;
}

function settle(
  ledger: Ledger,
  job: JobRecord,
  attempt: AttemptRecord,
  ending: Ending & { readonly outcome: Exclude<Outcome, 'published'> },
): void {
  const end = {
    ...ending,
    problems: ending.problems ?? [],
    lossCounts: ending.counted ?? true,
    fitsElsewhere: ending.outcome === 'timed-out' && fitsElsewhere(ledger, job, attempt.agentId),
  };
  const policy = retryPolicy(ledger.settings);
  const disposition = afterAttempt(job, end, ledger.nowMs, ledger.moment.random(), policy);
  const entry = {
    atMs: ledger.nowMs,
    what: disposition.to === 'waiting' || disposition.to === 'delayed' ? 'requeued' : disposition.to,
    detail: disposition.reason,
    agentId: attempt.agentId,
  };
  const released = without(job, 'fence', 'reason', 'notBeforeMs', 'grant');
  ledger.putJob(moveJob(released, disposition.to, entry, patchOf(disposition, end.problems, ledger.nowMs)));
  ledger.log(disposition.to === 'waiting' ? 'info' : 'warn', `job-${entry.what}`, {
    jobId: job.jobId,
    reason: disposition.reason,
  });
}

function patchOf(disposition: Disposition, problems: readonly Problem[], nowMs: number): Partial<JobRecord> {
  const { charged, losses, environmentFailures, reason } = disposition;
  const counters = { charged, losses, environmentFailures };
  switch (disposition.to) {
    case 'waiting':
      return counters;
    case 'delayed':
      return { ...counters, reason, notBeforeMs: disposition.notBeforeMs };
    case 'failed':
    case 'quarantined':
      return { ...counters, errorMessage: reason, problems, endedAtMs: nowMs };
    case 'cancelled':
      return { ...counters, cancelReason: reason, endedAtMs: nowMs };
  }
}

import type { PriorityClass } from '../../proto/agent-link.ts';
import type { FarmErrorCode } from './errors.ts';
import { type JobRecord, waitsSinceMs } from './job.ts';
import { hasEnded, statusOf } from './job-states.ts';
import { moveJob, noteJob, without } from './move-job.ts';

/** What a person may wish of a job that was submitted. */
export type JobWish =
  | { readonly verb: 'cancel' | 'retry' | 'hold' | 'release'; readonly reason: string }
  | { readonly verb: 'priority'; readonly reason: string; readonly priority: PriorityClass };

/** What becomes of the job; the same record where it is already as wished. */
export type WishAnswer =
  | { readonly granted: true; readonly job: JobRecord }
  | { readonly granted: false; readonly code: FarmErrorCode; readonly message: string };

/**
 * Carries out a person's wish on a job's record. Who wishes what is there already has it: cancelling a cancelled job
 * and holding a held one change nothing and are no errors.
 */
export function grantWish(job: JobRecord, wish: JobWish, nowMs: number): WishAnswer {
  switch (wish.verb) {
    case 'cancel':
      return cancel(job, wish.reason, nowMs);
    case 'retry':
      return retry(job, wish.reason, nowMs);
    case 'hold':
      return hold(job, wish.reason, nowMs);
    case 'release':
      return release(job, wish.reason, nowMs);
    case 'priority':
      return changePriority(job, wish, nowMs);
  }
}

/** Its attempt, where it has one, no longer holds the job: whoever calls this stops it. */
function cancel(job: JobRecord, reason: string, atMs: number): WishAnswer {
  if (job.state === 'cancelled') return granted(job);
  if (job.state === 'publishing') {
    return refused('JOB_PUBLISHING', `job ${job.jobId} is being published; it can no longer be cancelled`);
  }
  if (hasEnded(job.state) && job.state !== 'quarantined') return ended(job);
  const detail = reason === '' ? 'cancelled by its user' : reason;
  const rest = without(job, 'fence', 'notBeforeMs', 'reason');
  const patch = { cancelReason: detail, endedAtMs: atMs };
  return granted(moveJob(rest, 'cancelled', { atMs, what: 'cancelled', detail }, patch));
}

/** A fresh start with the same items: what was counted against the job is forgotten, what happened to it is not. */
function retry(job: JobRecord, reason: string, atMs: number): WishAnswer {
  if (job.state === 'published') {
    const message = `job ${job.jobId} is published; submit a new job to render it again`;
    return refused('JOB_ENDED', message);
  }
  if (!hasEnded(job.state)) {
    return refused('JOB_NOT_ENDED', `job ${job.jobId} is ${job.state}: only a job that has ended is retried`);
  }
  const detail = because('by a person; its counters begin anew', reason);
  const fresh = { charged: 0, losses: 0, environmentFailures: [], problems: [], agedFromMs: atMs };
  return granted(moveJob(reopened(job), 'waiting', { atMs, what: 'retried', detail }, fresh));
}

function hold(job: JobRecord, reason: string, atMs: number): WishAnswer {
  if (job.state === 'held') return granted(job);
  if (hasEnded(job.state)) return ended(job);
  if (statusOf(job.state) !== 'queued') {
    const message = `job ${job.jobId} is ${job.state}: only a job that waits can be held (cancel it, or evict its agent)`;
    return refused('JOB_PROCESSING', message);
  }
  const detail = because('held by a person', reason);
  return granted(moveJob(job, 'held', { atMs, what: 'held', detail }, { reason: detail }));
}

/**
 * A held job waits again: for the time that it was waiting for when it was held, where that has not come. A delayed one
 * waits for no time any more. A quarantined one goes on with its history: attempts that were charged stay charged, but
 * what quarantined it is counted from nothing, or its next bad luck would quarantine it again at once.
 *
 * How long a job was kept back is no age: after days it would stand before everybody's.
 */
function release(job: JobRecord, reason: string, atMs: number): WishAnswer {
  if (job.state === 'held') {
    const entry = { atMs, what: 'released', detail: because('by a person', reason) };
    const { notBeforeMs = 0 } = job;
    const aged = { agedFromMs: Math.max(notBeforeMs, atMs) };
    if (notBeforeMs <= atMs)
      return granted(moveJob(without(job, 'reason', 'notBeforeMs'), 'waiting', entry, aged));
    return granted(moveJob(job, 'delayed', entry, { ...aged, reason: notBeforeReason(notBeforeMs) }));
  }
  if (job.state === 'delayed') {
    const entry = { atMs, what: 'released', detail: because('from its delay by a person', reason) };
    const aged = { agedFromMs: Math.min(waitsSinceMs(job), atMs) };
    return granted(moveJob(without(job, 'reason', 'notBeforeMs'), 'waiting', entry, aged));
  }
  if (job.state === 'quarantined') {
    const entry = { atMs, what: 'released', detail: because('from quarantine by a person', reason) };
    const fresh = { losses: 0, environmentFailures: [], problems: [], agedFromMs: atMs };
    return granted(moveJob(reopened(job), 'waiting', entry, fresh));
  }
  const message = `job ${job.jobId} is ${job.state}: only a held, delayed or quarantined job is released`;
  return refused('JOB_NOT_HELD', message);
}

function changePriority(
  job: JobRecord,
  { priority, reason }: Extract<JobWish, { verb: 'priority' }>,
  atMs: number,
): WishAnswer {
  if (hasEnded(job.state)) return ended(job);
  if (job.priority === priority) return granted(job);
  const detail = because(`${job.priority} -> ${priority}`, reason);
  return granted(noteJob(job, { atMs, what: 'priority', detail }, { priority }));
}

/** Without what its end had left in the record. */
function reopened(job: JobRecord): JobRecord {
  return without(job, 'errorMessage', 'cancelReason', 'endedAtMs', 'reason', 'notBeforeMs', 'fence', 'grant');
}

/** Why a job is delayed that waits for a time. */
export function notBeforeReason(notBeforeMs: number): string {
  return `not before ${new Date(notBeforeMs).toISOString().replace(/\.\d+Z$/u, 'Z')}`;
}

function because(what: string, reason: string): string {
  return reason === '' ? what : `${what}: ${reason}`;
}

function granted(job: JobRecord): WishAnswer {
  return { granted: true, job };
}

function refused(code: FarmErrorCode, message: string): WishAnswer {
  return { granted: false, code, message };
}

function ended(job: JobRecord): WishAnswer {
  return refused('JOB_ENDED', `job ${job.jobId} has ended: ${job.state}`);
}

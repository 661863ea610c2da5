import type { JobRecord } from '../../domain/job.ts';
import { hasEnded } from '../../domain/job-states.ts';
import { moveJob, without } from '../../domain/move-job.ts';
import type { Input } from './inputs.ts';
import type { Ledger } from './ledger.ts';
import { stopAttempt } from './outcomes.ts';

type CancelInput = Extract<Input, { kind: 'cancel' }>;

/** Cancels a job: durable at once. What runs is stopped in its own time and may not publish any more. */
export function takeCancel(ledger: Ledger, input: CancelInput): void {
  if (answerRepeated(ledger, input)) return;
  const job = ledger.state.jobs.get(input.jobId);
  if (job === undefined) {
    ledger.reply(input.replyId, {
      kind: 'refused',
      code: 'JOB_NOT_FOUND',
      message: `Job not found: ${input.jobId}`,
      resource: { type: 'job', name: input.jobId },
    });
    return;
  }
  const refusal = refusalOf(job);
  if (refusal !== undefined) {
    ledger.reply(input.replyId, { kind: 'refused', resource: { type: 'job', name: job.jobId }, ...refusal });
    return;
  }
  if (job.state !== 'cancelled') cancelJob(ledger, job, input.reason);
  if (input.requestId !== '') {
    const { requestId, bodyHash, jobId } = input;
    ledger.putRequest({ requestId, verb: 'cancel', bodyHash, jobId, atMs: ledger.nowMs });
  }
  ledger.reply(input.replyId, { kind: 'cancelled', jobId: job.jobId });
}

function answerRepeated(ledger: Ledger, input: CancelInput): boolean {
  const request = input.requestId === '' ? undefined : ledger.state.requests.get(input.requestId);
  if (request === undefined) return false;
  if (request.verb !== 'cancel' || request.bodyHash !== input.bodyHash) {
    ledger.reply(input.replyId, {
      kind: 'refused',
      code: 'REQUEST_ID_REUSED',
      message: `request id ${input.requestId} was used for another request (job ${request.jobId})`,
    });
  } else if (ledger.state.jobs.has(request.jobId)) {
    ledger.reply(input.replyId, { kind: 'cancelled', jobId: request.jobId });
  } else return false;
  return true;
}

/** Cancelling a cancelled job is no error: the caller has what it wants. */
function refusalOf(
  job: JobRecord,
): { readonly code: 'JOB_PUBLISHING' | 'JOB_ENDED'; readonly message: string } | undefined {
  if (job.state === 'publishing') {
    return {
      code: 'JOB_PUBLISHING',
      message: `job ${job.jobId} is being published; it can no longer be cancelled`,
    };
  }
  if (hasEnded(job.state) && job.state !== 'cancelled' && job.state !== 'quarantined') {
    return { code: 'JOB_ENDED', message: `job ${job.jobId} has ended: ${job.state}` };
  }
  return undefined;
}

function cancelJob(ledger: Ledger, job: JobRecord, reason: string): void {
  const detail = reason === '' ? 'cancelled by its user' : reason;
  const entry = { atMs: ledger.nowMs, what: 'cancelled', detail };
  const attempt = job.fence && ledger.attempt({ jobId: job.jobId, fence: job.fence });
  const patch = { cancelReason: detail, endedAtMs: ledger.nowMs };
  ledger.putJob(moveJob(without(job, 'fence', 'notBeforeMs', 'reason'), 'cancelled', entry, patch));
  if (attempt !== undefined) stopAttempt(ledger, attempt, { reason: detail, outcome: 'cancelled' });
  ledger.log('info', 'job-cancelled', { jobId: job.jobId, reason: detail });
}

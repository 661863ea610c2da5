import type { JobRecord } from '../../domain/job.ts';
import { hasEnded } from '../../domain/job-states.ts';
import { grantWish, type JobWish } from '../../domain/job-verbs.ts';
import type { Input } from './inputs.ts';
import type { Ledger } from './ledger.ts';
import { stopAttempt } from './outcomes.ts';
import { once, type Refused } from './requests.ts';
import { retryFromHistory } from './restore.ts';
import { refusedExcess } from './submit.ts';

type JobVerb = Extract<Input, { kind: JobWish['verb'] }>;

/** What a person wishes of a job: durable at once, done once per request id. */
export function takeJobVerb(ledger: Ledger, input: JobVerb): void {
  once(ledger, input, { verb: input.kind, subject: input.jobId }, () => {
    const job = ledger.state.jobs.get(input.jobId);
    if (job !== undefined) return carryOut(ledger, job, wishOf(input));
    const { past } = input;
    if (input.kind === 'retry' && past !== undefined) return retryFromHistory(ledger, input, past);
    return unknownJob(ledger, input.jobId);
  });
}

function wishOf(input: JobVerb): JobWish {
  const { reason } = input;
  return input.kind === 'priority'
    ? { verb: input.kind, reason, priority: input.priority }
    : { verb: input.kind, reason };
}

function carryOut(ledger: Ledger, job: JobRecord, wish: JobWish): Refused | undefined {
  const answer = grantWish(job, wish, ledger.nowMs);
  if (!answer.granted) {
    const { code, message } = answer;
    return { kind: 'refused', code, message, resource: { type: 'job', name: job.jobId } };
  }
  if (answer.job === job) return undefined;
  // A job that is opened again counts as one that is submitted.
  if (hasEnded(job.state) && !hasEnded(answer.job.state)) {
    const refused = refusedExcess(ledger, job);
    if (refused !== undefined) return refused;
  }
  ledger.putJob(answer.job);
  // Order and eligibility follow from more than the state.
  ledger.state.planStale = true;
  if (wish.verb === 'cancel') stopWork(ledger, job, answer.job.cancelReason ?? '');
  const { what, detail } = answer.job.timeline.at(-1) ?? { what: wish.verb, detail: '' };
  ledger.log('info', wish.verb === 'priority' ? 'job-priority' : `job-${what}`, {
    jobId: job.jobId,
    from: job.state,
    reason: detail,
  });
  return undefined;
}

function stopWork(ledger: Ledger, job: JobRecord, reason: string): void {
  const attempt = job.fence && ledger.attempt({ jobId: job.jobId, fence: job.fence });
  if (attempt !== undefined) stopAttempt(ledger, attempt, { reason, outcome: 'cancelled' });
}

/** No job of this id is here; one that was is told apart. */
export function unknownJob(ledger: Ledger, jobId: string): Refused {
  const tombstone = ledger.state.tombstones.get(jobId);
  const resource = { type: 'job', name: jobId };
  if (tombstone === undefined) {
    return { kind: 'refused', code: 'JOB_NOT_FOUND', message: `Job not found: ${jobId}`, resource };
  }
  const message = `job ${jobId} ended (${tombstone.state}) and has left the store: only a retry brings it back, where history has it`;
  return { kind: 'refused', code: 'JOB_ARCHIVED', message, resource };
}

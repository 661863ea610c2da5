import { compareFences, type Fence } from '../../../proto/agent-link.ts';
import type { AttemptRecord } from '../../domain/attempt.ts';
import { sizeOf } from '../../domain/estimate.ts';
import type { JobRecord } from '../../domain/job.ts';
import { grantWish } from '../../domain/job-verbs.ts';
import { without } from '../../domain/move-job.ts';
import { outputFileName } from '../../domain/names.ts';
import { noteCatalog, refusedWithoutCatalog } from './catalog.ts';
import type { JobOrderInput, PastJobInput } from './inputs.ts';
import type { Ledger } from './ledger.ts';
import { refusedFullOutbox } from './outbox.ts';
import { placeOf } from './past-jobs.ts';
import type { Refused } from './requests.ts';
import type { TombstoneRecord } from './state.ts';
import { askedOf, lookUpOf, refusedExcess, routeOf } from './submit.ts';

/**
 * A job comes back from history and waits again, as if it had been retried before it left: under its id, with its
 * attempts, so that what agents may still hold of them is behind its fences. The records take the place of its
 * tombstone in one batch.
 */
export function retryFromHistory(
  ledger: Ledger,
  order: JobOrderInput,
  past: PastJobInput,
): Refused | undefined {
  const { body, awaits } = past;
  const { jobId } = past.job;
  const tombstone = ledger.state.tombstones.get(jobId);
  const resource = { type: 'job', name: jobId };
  const newer = tombstone === undefined ? undefined : newerEnd(tombstone, past.job);
  if (newer !== undefined) return { kind: 'refused', code: 'JOB_ENDED', message: newer, resource };
  const answer = grantWish(past.job, { verb: 'retry', reason: order.reason }, ledger.nowMs);
  if (!answer.granted) return { kind: 'refused', code: answer.code, message: answer.message, resource };
  const queue = queueOf(ledger, past);
  if (typeof queue !== 'string') return queue;
  const job: JobRecord = {
    ...without(answer.job, 'awaitsCatalog', 'lookedUpAtMs'),
    ...askedOf(body.spec),
    // A table of history may be written by others: what places and charges it is made of what is rendered.
    ...sizeOf(body.spec.items),
    ...lookUpOf({ ...body, ...(awaits !== undefined && { awaits }) }, ledger.nowMs),
    queue,
    shares: [...new Set([...past.shares, ledger.settings.output.share])],
    // Its old number may be another's by now.
    sequence: ledger.state.nextSequence++,
  };
  const refused =
    refusedFullOutbox(ledger) ??
    refusedExcess(ledger, job) ??
    (awaits === undefined ? undefined : refusedWithoutCatalog(ledger, awaits));
  if (refused !== undefined) return refused;
  ledger.putJob(job);
  ledger.putBody(body);
  if (awaits !== undefined || job.lookedUpAtMs !== undefined) noteCatalog(ledger, awaits);
  for (const attempt of attemptsOf(past, tombstone)) ledger.putAttempt(attempt);
  if (tombstone !== undefined) ledger.dropTombstone(jobId);
  ledger.log('info', 'job-restored', {
    jobId,
    endedAtMs: placeOf(past.job).endedAtMs,
    attempts: job.attemptCount,
  });
  return undefined;
}

/** History may be behind: what the tombstone says of the end is what happened. */
function newerEnd({ state }: TombstoneRecord, { jobId }: JobRecord): string | undefined {
  if (state !== 'published') return undefined;
  return `job ${jobId} is published; submit a new job to render it again`;
}

/** Its old queue, where the farm still has it. */
function queueOf({ settings }: Ledger, { job, body }: PastJobInput): string | Refused {
  const isKnown = (name: string): boolean => settings.queues.some((queue) => queue.name === name);
  if (isKnown(job.queue)) return job.queue;
  const { queue } = routeOf(body.spec, settings);
  if (isKnown(queue)) return queue;
  const message = `queue ${queue} is not configured any more: submit the job as a new one`;
  return { kind: 'refused', code: 'UNKNOWN_QUEUE', message, resource: { type: 'queue', name: queue } };
}

/**
 * What history keeps of its attempts. Where it keeps none as new as the tombstone knows, one stands for that: whatever
 * an agent holds of the job up to there has ended.
 */
function attemptsOf(
  { job, attempts, body }: PastJobInput,
  tombstone: TombstoneRecord | undefined,
): readonly AttemptRecord[] {
  const ended = attempts.filter(({ state }) => state === 'ended');
  const fence = tombstone?.fence;
  if (fence === undefined || ended.some((attempt) => compareFences(attempt.fence, fence) >= 0)) return ended;
  return [...ended, standIn(job, body.jobId, fence)];
}

function standIn(job: JobRecord, jobId: string, fence: Fence): AttemptRecord {
  const atMs = placeOf(job).endedAtMs;
  return {
    jobId,
    fence,
    number: Math.max(1, job.attemptCount),
    agentId: job.agentId ?? '',
    instanceId: '',
    state: 'ended',
    output: { folder: '', stagingFolder: '', finalName: outputFileName(job.channelName, jobId) },
    assignedAtMs: job.startedAtMs ?? atMs,
    endedAtMs: atMs,
    outcome: job.state === 'cancelled' ? 'cancelled' : 'failed',
    message: 'history keeps no more of this attempt',
    timeline: [],
  };
}

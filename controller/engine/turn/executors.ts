import type { AnnulPublishReply, FinishPublishReply } from '../../../proto/agent-link.ts';
import type { AttemptRecord } from '../../domain/attempt.ts';
import type { Grant, JobRecord } from '../../domain/job.ts';
import { noteJob, without } from '../../domain/move-job.ts';
import type { Ledger } from './ledger.ts';
import { endAttempt, holdsLease } from './outcomes.ts';
import { entry, publishEarlier, takePublished } from './publishing.ts';
import { reaches } from './share-identity.ts';
import { attemptKey } from './state.ts';

/** The owner of a grant is gone: somebody else who reaches the share finishes it (rule 8c). */
export function ownerLost(ledger: Ledger, attempt: AttemptRecord): void {
  const key = attemptKey(attempt);
  if (!ledger.state.publishRetries.has(key))
    ledger.state.publishRetries.set(key, { atMs: ledger.nowMs, tries: 0 });
}

/** The owner of a grant is back: it goes on by itself. */
export function ownerBack(ledger: Ledger, attempt: AttemptRecord): void {
  const job = ledger.state.jobs.get(attempt.jobId);
  if (job?.grant?.annulment !== undefined) return;
  ledger.state.publishRetries.delete(attemptKey(attempt));
  // What was said of others who finish it is over.
  if (job?.reason !== undefined && holdsLease(job, attempt)) ledger.putJob(without(job, 'reason'));
}

/** Asks an agent to finish each granted publication whose owner is gone and whose time has come. */
export function retryPublications(ledger: Ledger): void {
  const { publishRetryMinMs, publishRetryMaxMs } = ledger.settings.times;
  for (const [key, retry] of ledger.state.publishRetries) {
    const attempt = ledger.state.attempts.get(key);
    const grant = attempt && ledger.state.jobs.get(attempt.jobId)?.grant;
    if (attempt === undefined || grant === undefined) {
      ledger.state.publishRetries.delete(key);
      continue;
    }
    if (retry.atMs > ledger.nowMs) continue;
    const waitMs = Math.min(publishRetryMaxMs, publishRetryMinMs * 2 ** retry.tries);
    ledger.state.publishRetries.set(key, { atMs: ledger.nowMs + waitMs, tries: retry.tries + 1 });
    askExecutor(ledger, attempt, grant, retry.tries);
  }
}

/** What an executor found (rule 8c). Only a publication changes anything; the rest is shown and tried again. */
export function takeFinishPublishReply(ledger: Ledger, agentId: string, reply: FinishPublishReply): void {
  const attempt = ledger.attempt(reply.ref);
  const job = ledger.state.jobs.get(reply.ref.jobId);
  if (
    attempt === undefined ||
    job === undefined ||
    attempt.state !== 'publishing' ||
    !holdsLease(job, attempt)
  )
    return;
  if (reply.result === 'published') {
    takePublished(ledger, attempt, reply.publishedPath);
  } else if (reply.result === 'mismatch' && reply.publishedPath !== undefined) {
    publishEarlier(ledger, job, agentId, reply.publishedPath);
  } else if (reply.result === 'absent') {
    annul(ledger, attempt, `${agentId} found neither the staged file nor the result`);
  } else noteTrouble(ledger, job, agentId, reply);
}

/** Shown and tried again: nobody can say yet how the publication ended. */
export function noteTrouble(
  ledger: Ledger,
  job: JobRecord,
  agentId: string,
  { result, detail }: { readonly result: string; readonly detail?: string },
): void {
  const reason = `publication not finished: ${agentId} found ${result}${detail === undefined ? '' : ` (${detail})`}`;
  if (job.reason === reason) return;
  ledger.putJob(noteJob(job, entry(ledger, { agentId }, 'publish-retry', reason), { reason }));
  const fields = { jobId: job.jobId, agentId, result };
  if (result === 'mismatch') ledger.alarm('publication-not-finished', fields);
  else ledger.log('warn', 'publication-not-finished', fields);
}

function askExecutor(ledger: Ledger, attempt: AttemptRecord, grant: Grant, tries: number): void {
  const { share } = ledger.settings.output;
  const able = [...ledger.state.presences.values()].filter(
    (presence) =>
      presence.session !== undefined && !presence.suspect && reaches(ledger.state, presence, share),
  );
  const executor = able[tries % Math.max(1, able.length)];
  const job = ledger.job(attempt.jobId);
  const reason = waitsFor(attempt, grant, share, executor?.agentId);
  if (job.reason !== reason)
    ledger.putJob(noteJob(job, entry(ledger, attempt, 'publish-retry', reason), { reason }));
  if (executor?.session === undefined) return;
  const shareId = ledger.state.shares.get(share)?.id;
  ledger.send(executor.session.sessionId, {
    kind: grant.annulment === undefined ? 'finish-publish' : 'annul-publish',
    ref: { jobId: attempt.jobId, fence: attempt.fence },
    output: attempt.output,
    manifest: grant.manifest,
    ...(shareId !== undefined && { shareId }),
  });
}

function waitsFor(attempt: AttemptRecord, grant: Grant, share: string, executor: string | undefined): string {
  if (executor === undefined) return `publication waits: no attached agent reaches share ${share}`;
  if (grant.annulment === undefined)
    return `publication is finished by ${executor}: ${attempt.agentId} is gone`;
  return `publication is taken back by ${executor}: ${grant.annulment.reason}`;
}

/**
 * Takes a grant back (protocol.md rule 8d): its file is bad or gone, or an operator wishes it. Until an executor has
 * set the staging folder aside and then found no target, the grant stands and may still end as published.
 */
export function annul(ledger: Ledger, attempt: AttemptRecord, reason: string): void {
  const job = ledger.state.jobs.get(attempt.jobId);
  if (job?.grant === undefined || !holdsLease(job, attempt) || attempt.state !== 'publishing') return;
  if (job.grant.annulment === undefined) {
    const entry = { atMs: ledger.nowMs, what: 'annulling', detail: reason, agentId: attempt.agentId };
    const grant = { ...job.grant, annulment: { reason, sinceMs: ledger.nowMs } };
    ledger.putJob(noteJob(job, entry, { grant, reason: `its publication is taken back: ${reason}` }));
    ledger.alarm('publication-annulling', { jobId: job.jobId, reason });
  }
  // Whoever finishes it may do so at once; a back-off of the time before is over.
  ledger.state.publishRetries.set(attemptKey(attempt), { atMs: ledger.nowMs, tries: 0 });
}

/** Grants that were being taken back when the controller stopped: somebody is asked to look again. */
export function goOnAnnulling(ledger: Ledger): void {
  for (const live of ledger.state.liveAttempts.values()) {
    for (const key of live) {
      const attempt = ledger.state.attempts.get(key);
      const grant = attempt && ledger.state.jobs.get(attempt.jobId)?.grant;
      if (attempt?.state === 'publishing' && grant?.annulment !== undefined) ownerLost(ledger, attempt);
    }
  }
}

/** What the executor found. Only an absent target behind a staging folder that was set aside takes the grant back. */
export function takeAnnulReply(ledger: Ledger, agentId: string, reply: AnnulPublishReply): void {
  const attempt = ledger.attempt(reply.ref);
  const job = ledger.state.jobs.get(reply.ref.jobId);
  const annulment = job?.grant?.annulment;
  if (attempt?.state !== 'publishing' || job === undefined || annulment === undefined) return;
  if (!holdsLease(job, attempt)) return;
  switch (reply.result) {
    case 'published':
      takePublished(ledger, attempt, reply.publishedPath);
      return;
    case 'annulled': {
      const ref = { jobId: attempt.jobId, fence: attempt.fence };
      const message = `its publication was taken back: ${annulment.reason}`;
      endAttempt(ledger, attempt, { outcome: 'failed', failureClass: 'environment', message });
      ledger.sendTo(attempt.agentId, { kind: 'publish-refused', ref, reason: message });
      return;
    }
    case 'mismatch':
    case 'unreachable':
      noteTrouble(ledger, job, agentId, reply);
  }
}

import type { FinishPublishReply, Manifest } from '../../../proto/agent-link.ts';
import type { AttemptRecord } from '../../domain/attempt.ts';
import type { JobRecord } from '../../domain/job.ts';
import { moveAttempt, moveJob, noteJob, without } from '../../domain/move-job.ts';
import type { Ledger } from './ledger.ts';
import { endAttempt, holdsLease } from './outcomes.ts';
import { attemptKey } from './state.ts';

/**
 * A staged file asks to be published: granted where its attempt holds the job's lease and nobody wants it stopped
 * (protocol.md rule 8b). The grant is a record; it leaves behind the commit.
 */
export function takeReady(ledger: Ledger, attempt: AttemptRecord, manifest: Manifest): void {
  const ref = { jobId: attempt.jobId, fence: attempt.fence };
  const job = ledger.state.jobs.get(attempt.jobId);
  if (job === undefined || !holdsLease(job, attempt) || attempt.stop !== undefined) {
    const reason = attempt.stop?.reason ?? 'another attempt holds the job';
    ledger.sendTo(attempt.agentId, { kind: 'publish-refused', ref, reason });
    return;
  }
  if (attempt.state === 'publishing') {
    // It asks again: its new process reads its old journal. The grant stands.
    ledger.sendTo(attempt.agentId, { kind: 'publish-grant', ref, finalName: attempt.output.finalName });
    return;
  }
  const ready = moveAttempt(
    attempt,
    'ready',
    entry(ledger, attempt, 'ready', `${manifest.frames} frames, ${manifest.sizeBytes} bytes staged`),
    { manifest },
  );
  ledger.putAttempt(
    moveAttempt(
      ready,
      'publishing',
      entry(ledger, attempt, 'granted', `may publish ${attempt.output.finalName}`),
    ),
  );
  ledger.putJob(
    moveJob(
      moveJob(job, 'ready', entry(ledger, attempt, 'ready', 'verified and staged')),
      'publishing',
      entry(ledger, attempt, 'granted', attempt.output.finalName),
      {
        grant: {
          fence: attempt.fence,
          agentId: attempt.agentId,
          output: attempt.output,
          manifest,
          grantedAtMs: ledger.nowMs,
        },
      },
    ),
  );
  ledger.sendTo(attempt.agentId, { kind: 'publish-grant', ref, finalName: attempt.output.finalName });
}

/** The file has its final name: the job is done. */
export function takePublished(
  ledger: Ledger,
  attempt: AttemptRecord,
  publishedPath: string | undefined,
): void {
  const job = ledger.state.jobs.get(attempt.jobId);
  const grant = job?.grant;
  if (job === undefined || grant === undefined || !holdsLease(job, attempt)) {
    // Cannot happen while agents keep rule 8; if one breaks it, people must know, and the job stays as it is.
    ledger.log('error', 'published-without-grant', { jobId: attempt.jobId, agentId: attempt.agentId });
    endAttempt(ledger, attempt, {
      outcome: 'superseded',
      message: 'reported a publication that was not granted',
    });
    return;
  }
  const outputPath = publishedPath ?? `${grant.output.folder}\\${grant.output.finalName}`;
  endAttempt(ledger, attempt, { outcome: 'published', message: outputPath });
  ledger.putJob(
    moveJob(without(job, 'reason', 'fence'), 'published', entry(ledger, attempt, 'published', outputPath), {
      outputPath,
      endedAtMs: ledger.nowMs,
      finalDurationMs: grant.manifest.durationMs,
      features: grant.manifest.features,
    }),
  );
  discardOthers(ledger, job, attempt);
}

/** The owner of a grant is gone: somebody else who reaches the share finishes it (rule 8c). */
export function ownerLost(ledger: Ledger, attempt: AttemptRecord): void {
  const key = attemptKey(attempt);
  if (!ledger.state.publishRetries.has(key))
    ledger.state.publishRetries.set(key, { atMs: ledger.nowMs, tries: 0 });
}

/** The owner of a grant is back: it goes on by itself. */
export function ownerBack(ledger: Ledger, attempt: AttemptRecord): void {
  ledger.state.publishRetries.delete(attemptKey(attempt));
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
    askExecutor(ledger, attempt, grant.manifest, retry.tries);
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
    return;
  }
  const reason = `publication not finished: ${agentId} found ${reply.result}${reply.detail === undefined ? '' : ` (${reply.detail})`}`;
  ledger.log(reply.result === 'mismatch' ? 'error' : 'warn', 'publication-not-finished', {
    jobId: job.jobId,
    agentId,
    result: reply.result,
  });
  if (job.reason !== reason)
    ledger.putJob(noteJob(job, entry(ledger, { agentId }, 'publish-retry', reason), { reason }));
}

function askExecutor(ledger: Ledger, attempt: AttemptRecord, manifest: Manifest, tries: number): void {
  const share = ledger.settings.output.share;
  const able = [...ledger.state.presences.values()].filter(
    (presence) =>
      presence.session !== undefined && !presence.suspect && presence.inventory?.shares.includes(share),
  );
  const executor = able[tries % Math.max(1, able.length)];
  const job = ledger.job(attempt.jobId);
  const reason =
    executor === undefined
      ? `publication waits: no attached agent reaches share ${share}`
      : `publication is finished by ${executor.agentId}: ${attempt.agentId} is gone`;
  if (job.reason !== reason)
    ledger.putJob(noteJob(job, entry(ledger, attempt, 'publish-retry', reason), { reason }));
  if (executor?.session === undefined) return;
  ledger.send(executor.session.sessionId, {
    kind: 'finish-publish',
    ref: { jobId: attempt.jobId, fence: attempt.fence },
    output: attempt.output,
    manifest,
  });
}

/** Lost attempts may have left a staging folder; the others have cleaned up behind themselves. */
function discardOthers(ledger: Ledger, job: JobRecord, winner: AttemptRecord): void {
  for (const key of ledger.state.attemptsOfJob.get(job.jobId) ?? []) {
    const attempt = ledger.state.attempts.get(key);
    if (attempt?.outcome !== 'lost') continue;
    ledger.sendTo(winner.agentId, {
      kind: 'discard',
      ref: { jobId: attempt.jobId, fence: attempt.fence },
      stagingFolder: attempt.output.stagingFolder,
    });
  }
}

function entry(
  ledger: Ledger,
  { agentId }: { readonly agentId: string },
  what: string,
  detail: string,
): { atMs: number; what: string; detail: string; agentId: string } {
  return { atMs: ledger.nowMs, what, detail, agentId };
}

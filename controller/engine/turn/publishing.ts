import type { Manifest } from '../../../proto/agent-link.ts';
import type { AttemptRecord } from '../../domain/attempt.ts';
import type { JobRecord } from '../../domain/job.ts';
import { hasEnded } from '../../domain/job-states.ts';
import { moveAttempt, moveJob, without } from '../../domain/move-job.ts';
import type { Ledger } from './ledger.ts';
import { endAttempt, holdsLease, stopAttempt } from './outcomes.ts';
import { endInShadow } from './shadow.ts';

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
    // It is being taken back: what was granted may still end as published, but nobody is told to do so.
    if (job.grant?.annulment !== undefined) return;
    // It asks again: its new process reads its old journal. The grant stands.
    ledger.sendTo(attempt.agentId, { kind: 'publish-grant', ref, finalName: attempt.output.finalName });
    return;
  }
  const elsewhere = otherShare(ledger, manifest);
  if (elsewhere !== undefined) {
    refuseElsewhere(ledger, attempt, elsewhere);
    return;
  }
  if (ledger.settings.shadow === true || job.shadow !== undefined) {
    endInShadow(ledger, job, attempt, manifest);
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

/** The file is staged on another share than the one that the farm knows under this name: nobody would find it there. */
function otherShare(
  { state, settings }: Ledger,
  { shareId: found }: Manifest,
): { readonly share: string; readonly expected: string; readonly found: string } | undefined {
  const { share } = settings.output;
  const expected = state.shares.get(share)?.id;
  if (expected === undefined || found === undefined || expected === found) return undefined;
  return { share, expected, found };
}

/** It was assigned before the farm knew the share: the attempt is over, and the PC is at fault, not the job. */
function refuseElsewhere(
  ledger: Ledger,
  attempt: AttemptRecord,
  where: NonNullable<ReturnType<typeof otherShare>>,
): void {
  const { share, expected, found } = where;
  const reason = `${attempt.agentId} has staged it on share-id ${found}, and ${expected} is ${share}: another share is mounted there`;
  ledger.alarm('staged-elsewhere', { jobId: attempt.jobId, agentId: attempt.agentId, ...where });
  const ref = { jobId: attempt.jobId, fence: attempt.fence };
  endAttempt(ledger, attempt, {
    outcome: 'failed',
    failureClass: 'environment',
    message: reason,
    problems: [{ code: 'STAGED_ELSEWHERE', message: reason }],
  });
  ledger.sendTo(attempt.agentId, { kind: 'publish-refused', ref, reason });
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
    takeUngranted(ledger, attempt, publishedPath);
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

/**
 * A file that bears this job's name was found (rules 4 and 8c: a store that lost its tail, or was restored): the job is
 * published with it, whatever it was doing, and people are told.
 */
export function publishEarlier(
  ledger: Ledger,
  job: JobRecord,
  agentId: string,
  publishedPath: string | undefined,
): void {
  const reason = `an earlier result of this job is published${publishedPath === undefined ? '' : `: ${publishedPath}`}`;
  ledger.alarm('earlier-result', { jobId: job.jobId, agentId, path: publishedPath ?? '' });
  const rival = job.fence && ledger.attempt({ jobId: job.jobId, fence: job.fence });
  if (rival?.state === 'publishing') {
    endAttempt(ledger, rival, { outcome: 'superseded', message: reason }, 'job-decided');
  } else if (rival !== undefined) stopAttempt(ledger, rival, { reason, outcome: 'superseded' });
  const note = entry(ledger, { agentId }, 'published', reason);
  ledger.putJob(
    moveJob(without(job, 'fence', 'notBeforeMs', 'reason', 'grant'), 'published', note, {
      endedAtMs: ledger.nowMs,
      ...(publishedPath !== undefined && { outputPath: publishedPath }),
    }),
  );
}

/** Cannot happen while stores keep what they have; if it does, the file that is there is the job's. */
function takeUngranted(ledger: Ledger, attempt: AttemptRecord, publishedPath: string | undefined): void {
  ledger.alarm('published-without-grant', { jobId: attempt.jobId, agentId: attempt.agentId });
  endAttempt(
    ledger,
    attempt,
    { outcome: 'superseded', message: 'reported a publication that was not granted' },
    'job-decided',
  );
  const job = ledger.state.jobs.get(attempt.jobId);
  if (job !== undefined && !hasEnded(job.state) && job.state !== 'publishing')
    publishEarlier(ledger, job, attempt.agentId, publishedPath);
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

/** An entry of a timeline, now. */
export function entry(
  ledger: Ledger,
  { agentId }: { readonly agentId: string },
  what: string,
  detail: string,
): { atMs: number; what: string; detail: string; agentId: string } {
  return { atMs: ledger.nowMs, what, detail, agentId };
}

import type { Manifest } from '../../../proto/agent-link.ts';
import { shadowReason } from '../../../proto/shadow.ts';
import type { AttemptRecord } from '../../domain/attempt.ts';
import type { JobRecord } from '../../domain/job.ts';
import { moveJob, without } from '../../domain/move-job.ts';
import type { Ledger } from './ledger.ts';
import { endAttempt } from './outcomes.ts';
import { noteHostSuccess } from './sick.ts';

/**
 * A staged file of a farm that is a shadow: nothing is granted. Its attempt is over, its agent drops what it has staged
 * as it does for every attempt that may not publish, and its job has ended well, without an output.
 */
export function endInShadow(
  ledger: Ledger,
  job: JobRecord,
  attempt: AttemptRecord,
  manifest: Manifest,
): void {
  const { frames, sizeBytes, durationMs, features } = manifest;
  const ending = { outcome: 'superseded', message: shadowReason, used: true } as const;
  ledger.putAttempt({ ...attempt, manifest });
  endAttempt(ledger, { ...attempt, manifest }, ending, 'job-decided');
  noteHostSuccess(ledger, attempt.agentId);
  const detail = `${shadowReason}: ${frames} frames, ${sizeBytes} bytes`;
  const entry = { atMs: ledger.nowMs, what: 'shadowed', detail, agentId: attempt.agentId };
  ledger.putJob(
    moveJob(without(job, 'reason', 'fence'), 'published', entry, {
      endedAtMs: ledger.nowMs,
      finalDurationMs: durationMs,
      features,
      shadow: { frames, sizeBytes },
    }),
  );
  ledger.log('info', 'job-shadowed', { jobId: job.jobId, agentId: attempt.agentId, frames, sizeBytes });
  const ref = { jobId: attempt.jobId, fence: attempt.fence };
  ledger.sendTo(attempt.agentId, { kind: 'publish-refused', ref, reason: shadowReason });
}

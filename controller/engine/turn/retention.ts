import type { Fence } from '../../../proto/agent-link.ts';
import { compareFences } from '../../../proto/agent-link.ts';
import type { Ledger } from './ledger.ts';
import { isTold } from './outbox.ts';

/** Records that one turn removes at most: a farm that was off for a week must not stop for its clean-up. */
const removedPerTurnMax = 200;

/** Lets ended jobs leave the hot store, and forgets old request ids and tombstones. */
export function expireRecords(ledger: Ledger): void {
  const { endedJobsMs, quarantinedJobsMs, requestIdMs, tombstonesMs } = ledger.settings.times;
  let left = removedPerTurnMax;
  // A destination that is new has yet to be owed those that ended before: the first leader with a history, for one.
  const leaving = ledger.state.outboxMove === undefined ? ledger.state.endedJobs : [];
  for (const jobId of leaving) {
    const job = ledger.job(jobId);
    const endedAtMs = job.endedAtMs ?? ledger.nowMs;
    if (left <= 0 || endedAtMs > ledger.nowMs - endedJobsMs) break;
    // A person has to decide, and may be away for longer than a day.
    if (job.state === 'quarantined' && endedAtMs > ledger.nowMs - quarantinedJobsMs) continue;
    if (hasLiveAttempt(ledger, jobId) || !isTold(ledger.state, jobId)) continue;
    const attempts = ledger.state.attemptsOfJob.get(jobId)?.length ?? 0;
    ledger.buryJob({
      jobId,
      state: job.state,
      queue: job.queue,
      routeRule: job.routeRule,
      endedAtMs,
      ...lastFence(ledger, jobId),
      ...(job.outputPath !== undefined && { outputPath: job.outputPath }),
      ...(job.shadow && { shadow: true }),
    });
    left -= 1 + attempts;
  }
  for (const request of ledger.state.requests.values()) {
    if (left <= 0 || request.atMs > ledger.nowMs - requestIdMs) break;
    ledger.dropRequest(request.requestId);
    left -= 1;
  }
  for (const tombstone of ledger.state.tombstones.values()) {
    if (left <= 0 || tombstone.endedAtMs > ledger.nowMs - tombstonesMs) break;
    raiseHorizon(ledger, tombstone.fence);
    ledger.dropTombstone(tombstone.jobId);
    left -= 1;
  }
}

/** The newest fence of a job: what its tombstone remembers. */
function lastFence(ledger: Ledger, jobId: string): { readonly fence?: Fence } {
  let last: Fence | undefined;
  for (const key of ledger.state.attemptsOfJob.get(jobId) ?? []) {
    const fence = ledger.state.attempts.get(key)?.fence;
    if (fence !== undefined && (last === undefined || compareFences(fence, last) > 0)) last = fence;
  }
  return last === undefined ? {} : { fence: last };
}

/** What is forgotten for good is never recreated from an agent: nothing at or below its fence is. */
function raiseHorizon(ledger: Ledger, fence: Fence | undefined): void {
  const farm = ledger.state.farm.get('farm');
  if (fence === undefined) return;
  if (farm?.horizon !== undefined && compareFences(farm.horizon, fence) >= 0) return;
  const { nowMs } = ledger;
  ledger.putFarm({ rowStartedAtMs: nowMs, lastStartedAtMs: nowMs, ...farm, horizon: fence });
}

function hasLiveAttempt(ledger: Ledger, jobId: string): boolean {
  return (ledger.state.attemptsOfJob.get(jobId) ?? []).some(
    (key) => ledger.state.attempts.get(key)?.state !== 'ended',
  );
}

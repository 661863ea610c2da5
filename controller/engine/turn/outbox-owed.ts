import type { AttemptRecord } from '../../domain/attempt.ts';
import type { JobRecord } from '../../domain/job.ts';
import { hasEnded, statusOf } from '../../domain/job-states.ts';
import type { DestinationName } from '../../domain/outbox.ts';
import type { FarmSettings } from '../../domain/settings.ts';

type OutboxSettings = Pick<FarmSettings, 'destinations' | 'results'>;

/** Who must hear of a job's change; `before` is absent for a job that is new. */
export function owedBy(
  settings: OutboxSettings,
  before: JobRecord | undefined,
  after: JobRecord,
): readonly DestinationName[] {
  const { destinations = [] } = settings;
  if (destinations.length === 0) return destinations;
  const hears: Readonly<Record<DestinationName, boolean>> = {
    directory: before === undefined || showsOtherwise(before, after),
    results: isEnd(before, after) && (after.state === 'published' || settings.results === 'all'),
    history: isEnd(before, after) || isReopened(before, after),
  };
  return destinations.filter((name) => hears[name]);
}

/** Who must hear that the last attempt of a job that had ended before is over: it stopped later than its job. */
export function owedByLateAttempt(
  settings: OutboxSettings,
  job: JobRecord | undefined,
  attempt: AttemptRecord,
): readonly DestinationName[] {
  if (job === undefined || attempt.state !== 'ended' || !hasEnded(job.state)) return [];
  return (settings.destinations ?? []).filter((name) => name === 'history');
}

/** A person wants it once more. */
export function isReopened(before: JobRecord | undefined, after: JobRecord): boolean {
  return before !== undefined && hasEnded(before.state) && !hasEnded(after.state);
}

function isEnd(before: JobRecord | undefined, after: JobRecord): boolean {
  return hasEnded(after.state) && before?.state !== after.state;
}

/** What the studio's `jobs` row shows (mission.md section 3); its percent is told without a row. */
function showsOtherwise(before: JobRecord, after: JobRecord): boolean {
  return (
    statusOf(before.state) !== statusOf(after.state) ||
    before.startedAtMs !== after.startedAtMs ||
    before.endedAtMs !== after.endedAtMs ||
    before.agentId !== after.agentId ||
    before.queue !== after.queue ||
    before.outputPath !== after.outputPath ||
    before.finalDurationMs !== after.finalDurationMs ||
    before.errorMessage !== after.errorMessage ||
    before.cancelReason !== after.cancelReason
  );
}

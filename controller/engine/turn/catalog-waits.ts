import type { JobRecord } from '../../domain/job.ts';
import type { FarmSettings } from '../../domain/settings.ts';
import type { Ledger } from './ledger.ts';
import type { FarmState } from './state.ts';

/** Of the age at which a job is looked up again: a question is worth it from the first on, and takes others along from the second on. */
const dueShare = 0.75;
const alongShare = 0.5;

/** The words of a job that waits for the catalogue, for lists. */
export function catalogReason({ awaitsCatalog }: JobRecord): string | undefined {
  return awaitsCatalog && `catalogue: ${awaitsCatalog.why}`;
}

/** A job's paths are too old to begin with them, and will be known anew in a moment. */
export function waitsForLookUp(
  state: FarmState,
  settings: FarmSettings,
  job: JobRecord,
  nowMs: number,
): boolean {
  // While the catalogue is away the old paths are used: rendering goes on, and a file that is gone is named by its agent.
  return state.catalog.failures === 0 && ageOf(state, settings, job, nowMs) >= 1;
}

/** Jobs that a plan has a place for: the old ones among them are looked up, before their turn comes where that can be. */
export function wantLookUps(
  { state, settings, nowMs }: Ledger,
  placed: Iterable<{ readonly jobId: string }>,
): void {
  const { wanted } = state.catalog;
  wanted.clear();
  let due = false;
  for (const { jobId } of placed) {
    const job = state.jobs.get(jobId);
    const age = job === undefined ? 0 : ageOf(state, settings, job, nowMs);
    if (age >= alongShare) wanted.add(jobId);
    due ||= age >= dueShare;
  }
  if (!due) wanted.clear();
}

/** How old a job's paths are, in terms of the age at which they are looked up again; 0 where it has no ids. */
function ageOf(state: FarmState, { times }: FarmSettings, job: JobRecord, nowMs: number): number {
  const lookedUpAtMs = job.lookedUpAtMs ?? firstLookUpMs(state, job);
  return lookedUpAtMs === undefined ? 0 : (nowMs - lookedUpAtMs) / times.catalogMaxAgeMs;
}

/** Of a job whose record was written before it had a place for that. */
function firstLookUpMs(state: FarmState, { jobId }: JobRecord): number | undefined {
  const body = state.bodies.get(jobId);
  const hasIds = body?.spec.items.some(({ videoId }) => videoId !== undefined) === true;
  return hasIds ? body.resolution.resolvedAtMs : undefined;
}

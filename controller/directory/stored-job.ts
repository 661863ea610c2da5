import { FarmError } from '../domain/errors.ts';
import type { JobSpec } from '../domain/job.ts';
import { isJobId, type JobRules, jobLimits, validateJob, violationsText } from '../domain/validate.ts';
import { byPosition, readRows } from './intake-rows.ts';
import { DirectoryAway, type IntakeRows } from './intake-table.ts';

/** What jobs of rows are checked against. */
export type StoredJobRules = Pick<JobRules, 'isInSourceShare'> & { readonly nowMs: () => number };

/** The columns that say whose a row is. */
export interface RowState {
  readonly status: string;
  readonly farm: string | null;
  readonly claimedBy: string | null;
  readonly workerId: string;
}

export interface StoredJob {
  readonly jobId: string;
  readonly row: Readonly<Record<string, unknown>>;
  readonly state: RowState;
}

/** The row of a job. @throws FarmError JOB_NOT_FOUND; DirectoryAway */
export async function readStoredJob(
  table: IntakeRows,
  jobId: string,
  signal: AbortSignal,
): Promise<StoredJob> {
  const row = isJobId(jobId) ? await table.job(jobId, signal) : undefined;
  if (row === undefined) {
    throw new FarmError('JOB_NOT_FOUND', `Job not found: ${jobId.slice(0, 100)}`, {
      resource: { type: 'jobs row', name: jobId.slice(0, 100) },
    });
  }
  const { status, farm, claimed_by: claimedBy, worker_id: workerId } = row;
  return {
    jobId: jobId.toLowerCase(),
    row: { ...row, job_id: jobId.toLowerCase() },
    state: {
      status: textOf(status) ?? '',
      farm: textOf(farm) ?? null,
      claimedBy: textOf(claimedBy) ?? null,
      workerId: textOf(workerId) ?? '',
    },
  };
}

/** The job of a row and its items. @throws FarmError INVALID_JOB, JOB_TOO_LARGE: everything at once; DirectoryAway */
export async function specOfStored(
  table: IntakeRows,
  { jobId, row }: StoredJob,
  rules: StoredJobRules,
  signal: AbortSignal,
): Promise<JobSpec> {
  const { rows, count } = await table.items(jobId, signal);
  const { itemsMax } = jobLimits;
  if (count > itemsMax) {
    const violation = { field: 'job_items', description: `must be at most ${itemsMax} items, not ${count}` };
    throw new FarmError('JOB_TOO_LARGE', violationsText([violation]), { violations: [violation] });
  }
  if (count === 0) throw noItems(jobId);
  const read = readRows(row, rows);
  if (read.draft === undefined) {
    throw new FarmError('INVALID_JOB', violationsText(read.violations), { violations: read.violations });
  }
  const { draft } = read;
  const nowMs = rules.nowMs();
  const validated = validateJob(draft, { isInSourceShare: rules.isInSourceShare, newJobId: jobId, nowMs });
  if (validated.valid) return validated.spec;
  const violations = byPosition(validated.violations, draft.items);
  throw new FarmError(validated.code, violationsText(violations), { violations });
}

/** What a submit refused of a job whose items have positions, by these. */
export function namedByPosition(error: FarmError, { items }: JobSpec): FarmError {
  const violations = byPosition(error.violations, items);
  const { code, resource, retryAfterMs, info, cause } = error;
  const message = violations.length === 0 ? error.message : violationsText(violations);
  return new FarmError(code, message, {
    violations,
    info,
    cause,
    ...(resource && { resource }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

/** Nothing was read: who inserts a row and then its items may be in between. */
export function hasNoItems(error: FarmError): boolean {
  return error.code === 'INVALID_JOB' && error.resource?.type === noItemsOf;
}

/** For callers, who do not know our errors. */
export function away(error: unknown): unknown {
  if (!(error instanceof DirectoryAway)) return error;
  return new FarmError('DIRECTORY_UNAVAILABLE', error.message, { cause: error, retryAfterMs: 5_000 });
}

const noItemsOf = 'items of job';

function noItems(jobId: string): FarmError {
  const violation = { field: 'job_items', description: `No items found for job ${jobId}` };
  return new FarmError('INVALID_JOB', violation.description, {
    violations: [violation],
    resource: { type: noItemsOf, name: jobId },
  });
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value.slice(0, 200) : undefined;
}

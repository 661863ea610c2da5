import { FarmError, type FarmErrorCode } from '../domain/errors.ts';
import type { JobSpec } from '../domain/job.ts';
import type { StoredJobRequest, StoredJobs, SubmittedJob } from '../domain/stored-jobs.ts';
import type { IntakeClaims, IntakeRows } from './intake-table.ts';
import {
  away,
  namedByPosition,
  readStoredJob,
  type StoredJob,
  type StoredJobRules,
  specOfStored,
} from './stored-job.ts';

/** What taking rows in needs of the farm. */
export interface IntakeFarm {
  submit(request: {
    readonly requestId: string;
    readonly spec: JobSpec;
    readonly validateOnly: boolean;
    readonly jobIdMade: boolean;
  }): Promise<SubmittedJob>;
  /** A job that the store or a tombstone knows. @throws FarmError JOB_IN_SHADOW, NOT_LEADING */
  known(jobId: string): Promise<SubmittedJob | undefined>;
}

export interface IntakeOptions {
  readonly farm: IntakeFarm;
  readonly rows: IntakeRows;
  readonly claims: IntakeClaims;
  readonly rules: StoredJobRules;
  /** Ends what is under way when the controller stops. */
  readonly stopping: AbortSignal;
}

/**
 * Submits by the id of a row: it is read, checked, claimed and submitted, in this order. So nothing is claimed that
 * cannot be rendered, nothing is rendered that another farm has, and what was submitted before is the same job.
 */
export function storedJobs(options: IntakeOptions): StoredJobs {
  return {
    submit: async (request) => {
      try {
        return await submitStored(options, request);
      } catch (error) {
        throw away(error);
      }
    },
  };
}

async function submitStored(
  options: IntakeOptions,
  { requestId, jobId, validateOnly }: StoredJobRequest,
): Promise<SubmittedJob> {
  const { farm, rows, claims, rules, stopping } = options;
  const known = await farm.known(jobId.toLowerCase());
  if (known !== undefined) return known;
  const stored = await readStoredJob(rows, jobId, stopping);
  requireFree(stored, claims.claimant);
  const spec = await specOfStored(rows, stored, rules, stopping);
  const submit = (onlyValidate: boolean): Promise<SubmittedJob> =>
    submitted(farm, { requestId, spec, validateOnly: onlyValidate, jobIdMade: false });
  // Also what only the catalogue knows, before the row is taken from anybody else.
  const routed = await submit(true);
  if (validateOnly) return routed;
  if (!(await claims.claim(stored.jobId, stopping))) {
    // Its status or its claim has changed since it was read: the row says what.
    requireFree(await readStoredJob(rows, jobId, stopping), claims.claimant);
    throw claimed(stored.jobId, 'somebody else');
  }
  try {
    return await submit(false);
  } catch (error) {
    if (isRefusal(error)) await giveBack(options, stored);
    throw error;
  }
}

/** Said of a job that may have been taken all the same: a lead that ended under it, a store that did not answer. */
const unclear: readonly FarmErrorCode[] = ['NOT_LEADING', 'SHUTTING_DOWN', 'STORAGE_UNAVAILABLE', 'INTERNAL'];

function isRefusal(error: unknown): boolean {
  return error instanceof FarmError && !unclear.includes(error.code);
}

/**
 * Who asks again finds it ours as well; another farm should not have to wait for that. The row of a job that is ours, as
 * somebody who asked in the same moment found room, stays: both farms would render it.
 */
async function giveBack(
  { farm, claims, stopping }: IntakeOptions,
  { jobId, state }: StoredJob,
): Promise<void> {
  if (state.claimedBy !== null) return;
  try {
    if ((await farm.known(jobId)) !== undefined) return;
    await claims.release(jobId, state.farm, stopping);
  } catch {
    // It stays ours: who asks again, or leads next, goes on with it.
  }
}

async function submitted(
  farm: IntakeFarm,
  request: Parameters<IntakeFarm['submit']>[0],
): Promise<SubmittedJob> {
  try {
    return await farm.submit(request);
  } catch (error) {
    throw error instanceof FarmError ? namedByPosition(error, request.spec) : error;
  }
}

/** @throws FarmError ROW_NOT_QUEUED, ROW_CLAIMED */
function requireFree({ jobId, state }: StoredJob, claimant: string): void {
  const { status, claimedBy, workerId } = state;
  if (status !== 'queued') {
    const who = workerId === '' ? '' : ` (worker_id ${workerId})`;
    throw new FarmError(
      'ROW_NOT_QUEUED',
      `the row of job ${jobId} is ${status || 'without a status'}${who}`,
      {
        resource: { type: 'jobs row', name: jobId },
        info: { status },
      },
    );
  }
  if (claimedBy !== null && claimedBy !== claimant) throw claimed(jobId, claimedBy);
}

function claimed(jobId: string, by: string): FarmError {
  return new FarmError('ROW_CLAIMED', `the row of job ${jobId} is claimed by ${by}`, {
    resource: { type: 'jobs row', name: jobId },
    info: { claimed_by: by },
  });
}

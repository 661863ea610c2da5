import type { FarmSettings } from '../../domain/settings.ts';
import type { SubmitReply } from '../farm.ts';
import { errorOf, type Refused } from './requests.ts';
import type { FarmState } from './state.ts';

/**
 * What a submit of a job's id comes to, where the store or a tombstone knows it: the same job; undefined: it is new. A
 * copy of another farm's job is no job of a farm that publishes.
 */
export function knownJob(
  { jobs, tombstones }: FarmState,
  { shadow }: Pick<FarmSettings, 'shadow'>,
  jobId: string,
): SubmitReply | Refused | undefined {
  const known = jobs.get(jobId) ?? tombstones.get(jobId);
  if (known === undefined) return undefined;
  if (known.shadow === undefined || shadow === true)
    return { jobId, queue: known.queue, routeRule: known.routeRule, existed: true };
  return {
    kind: 'refused',
    code: 'JOB_IN_SHADOW',
    message: `job ${jobId} was rendered in shadow mode by a farm with this store: its result was published nowhere, and never will be`,
    resource: { type: 'job', name: jobId },
  };
}

/** The same for who only asks. @throws FarmError JOB_IN_SHADOW */
export function knownJobOrThrow(
  state: FarmState,
  settings: Pick<FarmSettings, 'shadow'>,
  jobId: string,
): SubmitReply | undefined {
  const known = knownJob(state, settings, jobId);
  if (known === undefined || !('kind' in known)) return known;
  throw errorOf(known);
}

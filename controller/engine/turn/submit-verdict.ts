import type { JobSpec } from '../../domain/job.ts';
import type { Route } from '../../domain/routing.ts';
import type { FarmSettings } from '../../domain/settings.ts';
import { checkTimesAt } from '../../domain/validate-times.ts';
import type { Fault } from '../verification.ts';
import { refusedWithoutCatalog } from './catalog.ts';
import { knownJob } from './known-job.ts';
import { refusedFullOutbox } from './outbox.ts';
import type { FarmState } from './state.ts';
import { refusedExcess, routeOf, unknownQueue } from './submit.ts';

/** What a submit of a valid job would come to now. */
export interface SubmitVerdict {
  /** Absent where its queue is not configured. */
  readonly route?: Route;
  readonly existed: boolean;
  /** Why it would be refused; empty: it would be taken. */
  readonly faults: readonly Fault[];
}

/**
 * Asks what `takeSubmit` asks, in its order, and does nothing.
 * @param catalogAway why the catalogue cannot say where its videos are; undefined: it has said so, or need not
 */
export function submitVerdict(
  state: FarmState,
  settings: FarmSettings,
  spec: JobSpec,
  { nowMs, catalogAway }: { readonly nowMs: number; readonly catalogAway?: string | undefined },
): SubmitVerdict {
  const known = knownJob(state, settings, spec.jobId);
  if (known !== undefined && !('kind' in known))
    return { route: { queue: known.queue, rule: known.routeRule }, existed: true, faults: [] };
  if (known !== undefined)
    return { existed: false, faults: [{ field: 'job_id', code: known.code, message: known.message }] };
  const faults: Fault[] = checkTimesAt(spec, nowMs).map(({ field, description }) => ({
    ...{ field, code: 'INVALID_JOB', message: description },
  }));
  const route = routeOf(spec, settings);
  if (!settings.queues.some(({ name }) => name === route.queue)) {
    const { code, message } = unknownQueue(settings, route.queue);
    return { existed: false, faults: [...faults, { field: 'queue', code, message }] };
  }
  const farm = { state, settings };
  const refused =
    refusedFullOutbox(farm) ??
    refusedExcess(farm, { userId: spec.userId, queue: route.queue }) ??
    (catalogAway === undefined ? undefined : refusedWithoutCatalog(farm, catalogAway));
  if (refused !== undefined) faults.push({ field: 'job', code: refused.code, message: refused.message });
  return { route, existed: false, faults };
}

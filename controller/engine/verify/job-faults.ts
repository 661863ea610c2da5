import type { FieldViolation } from '../../domain/errors.ts';
import type { ItemDraft, JobDraft } from '../../domain/job-draft.ts';
import { pathFault } from '../../domain/path-rules.ts';
import type { Fault } from '../verification.ts';

/** What a submit would refuse, by item, and what is wrong with the job beside them. */
export interface JobFaults {
  readonly ofJob: readonly Fault[];
  readonly ofItems: ReadonlyMap<number, readonly Fault[]>;
}

/** The violations of a job, each where it belongs. */
export function faultsByItem(
  { items }: JobDraft,
  violations: readonly FieldViolation[],
  isInSourceShare: (path: string) => boolean,
): JobFaults {
  const ofJob: Fault[] = [];
  const ofItems = new Map<number, Fault[]>();
  for (const { field, description } of violations) {
    const [, index = '', own = 'item'] = /^items\[(\d+)\](?:\.(.+))?$/u.exec(field) ?? [];
    const item = index === '' ? undefined : items[Number(index)];
    if (item === undefined) ofJob.push({ field, code: codeOfJob(field, items.length), message: description });
    else {
      const faults = ofItems.get(Number(index)) ?? [];
      ofItems.set(Number(index), faults);
      faults.push({ field: own, code: codeOfItem(item, own, isInSourceShare), message: description });
    }
  }
  return { ofJob, ofItems };
}

function codeOfJob(field: string, items: number): string {
  return field === 'job' || (field === 'items' && items > 0) ? 'JOB_TOO_LARGE' : 'INVALID_JOB';
}

/** Paths have the codes under which an agent would refuse them. */
function codeOfItem(item: ItemDraft, field: string, isInSourceShare: (path: string) => boolean): string {
  if (field === 'item') return 'JOB_TOO_LARGE';
  const path = field === 'path' ? item.path : field === 'logo_path' ? item.logoPath : '';
  if (path === '') return field === 'path' ? 'PATH_MISSING' : 'INVALID_JOB';
  if (pathFault(path) !== undefined) return 'PATH_MALFORMED';
  return isInSourceShare(path) ? 'INVALID_JOB' : 'PATH_OUTSIDE_SHARES';
}

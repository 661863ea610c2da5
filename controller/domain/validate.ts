import type { FarmErrorCode, FieldViolation } from './errors.ts';
import type { JobSpec } from './job.ts';
import type { ItemDraft, JobDraft } from './job-draft.ts';
import { isPrintableName, nameCharactersMax } from './text-rules.ts';
import type { ValidatedItem } from './validate-item.ts';
import { validateItem } from './validate-item.ts';
import { checkOptions, givenOptions } from './validate-options.ts';
import { checkTimes, checkTimesAt } from './validate-times.ts';
import { checkWishes, givenWishes } from './validate-wishes.ts';

/** protocol.md rule 10. */
export const jobLimits = { itemsMax: 2_000, itemBytesMax: 4 * 1024, jobBytesMax: 768 * 1024 } as const;

/** What a job is checked against. */
export interface JobRules {
  /** The UNC path lies in a source share of this farm. */
  isInSourceShare(uncPath: string): boolean;
  /** The id of a job that brings none. */
  readonly newJobId: string;
  readonly nowMs: number;
}

export type ValidatedJob =
  | { readonly valid: true; readonly spec: JobSpec }
  | {
      readonly valid: false;
      readonly code: Extract<FarmErrorCode, 'INVALID_JOB' | 'JOB_TOO_LARGE'>;
      /** All of them, in the order of the job's fields. */
      readonly violations: readonly FieldViolation[];
    };

/**
 * A job that the farm can take, or everything that is wrong with it by field, in the .proto's names
 * (`items[3].duration`). Whether its video ids and files exist is not asked here. Nor is whether its times have passed,
 * unless it is wrong anyway: that is asked (`checkTimesAt`) where it is known whether the job is new.
 */
export function validateJob(draft: JobDraft, rules: JobRules): ValidatedJob {
  const sizes = checkSizes(draft);
  // What is beyond the limits is refused unread: checking it has a cost without one.
  const items = draft.items
    .slice(0, jobLimits.itemsMax)
    .map((item, index) =>
      item.encodedBytes > jobLimits.itemBytesMax ? unread : validateItem(item, index, rules),
    );
  const violations = [
    ...checkNames(draft),
    ...sizes,
    ...checkPositions(draft.items.slice(0, jobLimits.itemsMax)),
    ...items.flatMap((item) => item.violations),
    ...checkWishes(draft.wishes),
    ...checkTimes(draft),
    ...checkOptions(draft.options),
  ];
  if (violations.length > 0) {
    const code = sizes.length > 0 ? 'JOB_TOO_LARGE' : 'INVALID_JOB';
    return { valid: false, code, violations: [...violations, ...checkTimesAt(draft, rules.nowMs)] };
  }
  const { notBeforeMs, deadlineMs } = draft;
  const wishes = givenWishes(draft.wishes);
  const options = givenOptions(draft.options);
  const spec: JobSpec = {
    jobId: draft.jobId === '' ? rules.newJobId : draft.jobId.toLowerCase(),
    userId: draft.userId,
    channelName: draft.channelName,
    enable4k: draft.enable4k,
    items: items.flatMap((item) => item.spec ?? []),
    priority: draft.priority ?? 'normal',
    ...(draft.queue !== '' && { queue: draft.queue }),
    ...(wishes && { wishes }),
    ...(notBeforeMs !== undefined && { notBeforeMs }),
    ...(deadlineMs !== undefined && { deadlineMs }),
    ...(options && { options }),
  };
  return { valid: true, spec };
}

/** `items[3].duration: must be ...`; one that is a sentence of its own comes first, as people search for it. */
export function violationText(violation: FieldViolation): string {
  const { field, description } = violation;
  return /^[A-Z]/u.test(description) ? `${description} (${field})` : `${field}: ${description}`;
}

/** The first violation in words, and how many more there are. */
export function violationsText(violations: readonly FieldViolation[]): string {
  const [first] = violations.map(violationText);
  const rest = violations.length > 1 ? ` (and ${violations.length - 1} more)` : '';
  return `${first ?? 'The job is invalid'}${rest}`;
}

/** A UUID of any version (RFC 9562). */
export function isJobId(text: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/iu.test(text);
}

const unread: ValidatedItem = { spec: undefined, violations: [] };

function checkNames(draft: JobDraft): FieldViolation[] {
  const violations: FieldViolation[] = [];
  const printable = `must have 1 to ${nameCharactersMax} printable characters`;
  if (draft.jobId !== '' && !isJobId(draft.jobId)) {
    violations.push({ field: 'job_id', description: 'must be a UUID' });
  }
  if (!isPrintableName(draft.userId)) violations.push({ field: 'user_id', description: printable });
  if (!isPrintableName(draft.channelName)) violations.push({ field: 'channel_name', description: printable });
  if (draft.items.length === 0) violations.push({ field: 'items', description: 'No items found for job' });
  if (draft.priority === undefined) {
    violations.push({ field: 'priority', description: 'must be one of low, normal, high, urgent' });
  }
  if (draft.queue !== '' && !isPrintableName(draft.queue)) {
    violations.push({ field: 'queue', description: printable });
  }
  return violations;
}

function checkSizes(draft: JobDraft): FieldViolation[] {
  const { itemsMax, itemBytesMax, jobBytesMax } = jobLimits;
  const violations: FieldViolation[] = [];
  if (draft.items.length > itemsMax) {
    const description = `must be at most ${itemsMax} items, not ${draft.items.length}`;
    violations.push({ field: 'items', description });
  }
  if (draft.encodedBytes > jobBytesMax) {
    const description = `must be at most ${jobBytesMax} bytes encoded, not ${draft.encodedBytes}`;
    violations.push({ field: 'job', description });
  }
  for (const [index, item] of draft.items.slice(0, itemsMax).entries()) {
    if (item.encodedBytes <= itemBytesMax) continue;
    const description = `must be at most ${itemBytesMax} bytes encoded, not ${item.encodedBytes}`;
    violations.push({ field: `items[${index}]`, description });
  }
  return violations;
}

function checkPositions(items: readonly ItemDraft[]): FieldViolation[] {
  const violations: FieldViolation[] = [];
  const indexByPosition = new Map<number, number>();
  for (const [index, { position }] of items.entries()) {
    const first = indexByPosition.get(position);
    if (first === undefined) indexByPosition.set(position, index);
    else {
      const description = `must be distinct: items[${first}] has position ${position} too`;
      violations.push({ field: `items[${index}].position`, description });
    }
  }
  return violations;
}

import type { FieldViolation } from './errors.ts';

/** A job may be told to wait for a time this far ahead. */
export const notBeforeDaysMax = 366;

const dayMs = 24 * 60 * 60_000;
/** The last millisecond of year 9999, the last that a Timestamp may say. */
const timeMsMax = 253_402_300_799_999;

/** The times of a job; a draft may have NaN, for one that is none. */
export interface JobTimes {
  readonly notBeforeMs?: number | undefined;
  readonly deadlineMs?: number | undefined;
}

/** What is wrong with a job's times whenever it is looked at. */
export function checkTimes({ notBeforeMs, deadlineMs }: JobTimes): readonly FieldViolation[] {
  const violations = [
    ...(isTime(notBeforeMs) ? [] : [{ field: 'not_before', description: timeRule }]),
    ...(isTime(deadlineMs) ? [] : [{ field: 'deadline', description: timeRule }]),
  ];
  if (violations.length > 0 || notBeforeMs === undefined || deadlineMs === undefined) return violations;
  return deadlineMs > notBeforeMs ? [] : [{ field: 'deadline', description: 'must be after not_before' }];
}

/**
 * What is wrong with them now. It is asked of a new job only: a job that was taken in time stays the same job when its
 * caller, who did not hear so, submits it again later. A time that not_before names may have passed: it says nothing then.
 */
export function checkTimesAt(
  { notBeforeMs, deadlineMs }: JobTimes,
  nowMs: number,
): readonly FieldViolation[] {
  const tooFar = notBeforeMs !== undefined && notBeforeMs > nowMs + notBeforeDaysMax * dayMs;
  return [
    ...(tooFar
      ? [{ field: 'not_before', description: `must be at most ${notBeforeDaysMax} days ahead` }]
      : []),
    ...(deadlineMs !== undefined && deadlineMs <= nowMs
      ? [{ field: 'deadline', description: 'must be in the future' }]
      : []),
  ];
}

const timeRule = 'must be a time between 1970 and 9999';

function isTime(atMs: number | undefined): boolean {
  return atMs === undefined || (atMs >= 0 && atMs <= timeMsMax);
}

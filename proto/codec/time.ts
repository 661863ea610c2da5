import type { Duration } from '../gen/google/protobuf/duration.ts';
import { DecodeError } from './decode-error.ts';

/** The longest span that a Duration may say, per its specification: 10,000 years. */
const durationSecondsMax = 315_576_000_000;
/** The last millisecond that a Timestamp may say: the end of year 9999. */
const timestampMsMax = 253_402_300_799_999;

/** A span as a Duration. Fractions of a millisecond survive to the nanosecond. */
export function toDuration(spanMs: number): Duration {
  const seconds = Math.trunc(spanMs / 1_000);
  const nanos = Math.round((spanMs - seconds * 1_000) * 1e6);
  return Math.abs(nanos) < 1e9 ? { seconds, nanos } : { seconds: seconds + Math.sign(nanos), nanos: 0 };
}

/** Absent for undefined. */
export function toOptionalDuration(spanMs: number | undefined): Duration | undefined {
  return spanMs === undefined ? undefined : toDuration(spanMs);
}

/**
 * A Duration in milliseconds.
 * @throws DecodeError where it is absent, negative, or no valid Duration.
 */
export function fromDuration(value: Duration | undefined, field: string): number {
  if (value === undefined) throw new DecodeError('MISSING', field, 'must be given');
  return durationMs(value, field);
}

/** Undefined for an absent one. */
export function fromOptionalDuration(value: Duration | undefined, field: string): number | undefined {
  return value === undefined ? undefined : durationMs(value, field);
}

/** A time as a Timestamp. */
export function toTimestamp(atMs: number): Date {
  return new Date(atMs);
}

/** Absent for undefined. */
export function toOptionalTimestamp(atMs: number | undefined): Date | undefined {
  return atMs === undefined ? undefined : new Date(atMs);
}

/**
 * A Timestamp in milliseconds since the Unix epoch.
 * @throws DecodeError where it is absent, before 1970 or after 9999.
 */
export function fromTimestamp(value: Date | undefined, field: string): number {
  if (value === undefined) throw new DecodeError('MISSING', field, 'must be given');
  const atMs = value.getTime();
  if (!(atMs >= 0 && atMs <= timestampMsMax)) {
    throw new DecodeError('OUT_OF_RANGE', field, 'must be a time between 1970 and 9999');
  }
  return Math.trunc(atMs);
}

function durationMs(value: Duration, field: string): number {
  const { seconds, nanos } = value;
  if (seconds < 0 || nanos < 0) throw new DecodeError('OUT_OF_RANGE', field, 'must not be negative');
  if (seconds > durationSecondsMax || nanos > 999_999_999) {
    throw new DecodeError('OUT_OF_RANGE', field, 'must be a valid duration');
  }
  return seconds * 1_000 + nanos / 1e6;
}

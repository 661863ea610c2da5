import { InvalidArgumentError } from 'commander';

/** Everything that an option was given with, in order. */
export function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value];
}

/** The priority classes, lowest first. */
export const priorities = ['low', 'normal', 'high', 'urgent'];

/** Bit rates of results. */
export const profiles = ['studio', 'quality'];

/** A number of an option: above 0, and no more than a day has seconds. @throws InvalidArgumentError */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 86_400)) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

const countMax = 100_000;

/** @throws InvalidArgumentError */
export function countValue(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > countMax) {
    throw new InvalidArgumentError(`It must be a whole number, 1 to ${countMax}.`);
  }
  return value;
}

/**
 * A time of an option: `2026-03-01 18:00` (here, unless `Z` or an offset says where), or a span from now: `+90m`, `+1d12h`.
 * @throws InvalidArgumentError
 */
export function timeValue(text: string, nowMs: number): Date {
  const time = text.startsWith('+') ? after(text, nowMs) : timeOfDay(text);
  if (time !== undefined && !Number.isNaN(time.getTime())) return time;
  throw new InvalidArgumentError('It must be a time such as 2026-03-01T18:00, or +2h from now.');
}

/**
 * A time that is over: `2026-03-01` (its beginning, here), a time as above, or a span ago: `7d`, `1d12h`.
 * @throws InvalidArgumentError
 */
export function pastTime(text: string, nowMs: number): Date {
  const ago = after(`+${text}`, nowMs);
  const time = ago === undefined ? timeOfDay(isDay(text) ? `${text} 00:00` : text) : mirrored(ago, nowMs);
  if (time !== undefined && !Number.isNaN(time.getTime())) return time;
  throw new InvalidArgumentError(
    'It must be a time such as 2026-03-01 or 2026-03-01T18:00, or a span ago: 7d.',
  );
}

function isDay(text: string): boolean {
  return /^\d{4}-\d\d-\d\d$/u.test(text);
}

function mirrored(later: Date, nowMs: number): Date {
  return new Date(2 * nowMs - later.getTime());
}

const spanMs = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 } as const;

function after(text: string, nowMs: number): Date | undefined {
  if (!/^\+(?=\d)(\d{1,6}d)?(\d{1,6}h)?(\d{1,6}m)?(\d{1,6}s)?$/u.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+)([dhms])/gu)];
  const ms = parts.reduce(
    (sum, [, count, unit]) => sum + Number(count) * spanMs[unit as keyof typeof spanMs],
    0,
  );
  return new Date(nowMs + ms);
}

function timeOfDay(text: string): Date | undefined {
  const parts = /^(\d{4})-(\d\d)-(\d\d)[T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?$/u.exec(text);
  if (parts === null) return undefined;
  const [, year, month, day] = parts.map(Number);
  // Date makes 2 March of 30 February.
  const date = new Date(Date.UTC(year ?? 0, (month ?? 0) - 1, day));
  return date.getUTCDate() === day ? new Date(text.replace(' ', 'T')) : undefined;
}

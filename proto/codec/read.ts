import { DecodeError } from './decode-error.ts';

/** Ids are made by us or come from configuration: more than this is a mistake. */
const idCharactersMax = 256;

/** A message that must be there. */
export function required<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw new DecodeError('MISSING', field, 'must be given');
  return value;
}

/** An id: not empty, at most 256 characters. */
export function id(value: string, field: string): string {
  if (value === '') throw new DecodeError('MISSING', field, 'must be given');
  if (value.length > idCharactersMax) {
    throw new DecodeError('OUT_OF_RANGE', field, `must have at most ${idCharactersMax} characters`);
  }
  return value;
}

/** A text that must not be empty. */
export function given(value: string, field: string): string {
  if (value === '') throw new DecodeError('MISSING', field, 'must be given');
  return value;
}

/** proto3 has no absent string: an empty one is. */
export function optionalText(value: string): string | undefined {
  return value === '' ? undefined : value;
}

/** A whole number from 0 (or `min`) on. */
export function count(value: number, field: string, min = 0, max = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `between ${min} and ${max}`;
  throw new DecodeError('OUT_OF_RANGE', field, `must be a whole number ${range}`);
}

/** The same, where it may be absent. */
export function optionalCount(value: number | undefined, field: string): number | undefined {
  return value === undefined ? undefined : count(value, field);
}

/** A finite number from 0 on. */
export function measure(value: number, field: string): number {
  if (Number.isFinite(value) && value >= 0) return value;
  throw new DecodeError('OUT_OF_RANGE', field, 'must be a number of at least 0');
}

/** A list with a limit, each entry decoded under its own path. */
export function list<T, U>(
  values: readonly T[],
  field: string,
  max: number,
  decode: (value: T, field: string) => U,
): U[] {
  if (values.length > max) {
    throw new DecodeError('TOO_MANY', field, `must have at most ${max} entries, not ${values.length}`);
  }
  return values.map((value, index) => decode(value, `${field}[${index}]`));
}

/** proto3 has no absent list: an empty one is. */
export function some<T>(values: readonly T[]): readonly T[] | undefined {
  return values.length === 0 ? undefined : values;
}

/** A list of texts with a limit. */
export function texts(values: readonly string[], field: string, max: number): readonly string[] {
  return list(values, field, max, (value) => value);
}

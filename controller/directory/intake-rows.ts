import type { FieldViolation } from '../domain/errors.ts';
import type { JobDraft } from '../domain/job-draft.ts';
import { draftOfRows, itemRow, jobRow } from './supabase-rows.ts';

/** What rows say of a job, or the columns that nobody could read as what they are for. */
export type ReadRows =
  | { readonly draft: JobDraft; readonly violations?: undefined }
  | { readonly draft?: undefined; readonly violations: readonly FieldViolation[] };

type Row = Readonly<Record<string, unknown>>;
type Kind = 'text' | 'flag' | 'number';

const jobKinds: Readonly<Record<string, Kind>> = { user_id: 'text', channel_name: 'text', enable_4k: 'flag' };
const itemKinds: Readonly<Record<string, Kind>> = {
  item_type: 'text',
  video_id: 'text',
  path: 'text',
  title: 'text',
  logo_path: 'text',
  duration: 'number',
  text_animation_text: 'text',
  resolution: 'text',
  is_4k: 'flag',
  path_available: 'flag',
};

const rules: Readonly<Record<Kind, string>> = {
  text: 'must be a text',
  flag: 'must be true or false',
  number: 'must be a number',
};

/**
 * A job as its rows have it, for `validateJob`. The columns of a table have types, but it is not our table: a column of
 * another type is named, with its item's position, and never guessed at.
 */
export function readRows(job: Row, items: readonly unknown[]): ReadRows {
  const rows = items.map((item) => (isRow(item) ? item : {}));
  const violations = [
    ...checked(job, jobKinds, ''),
    ...rows.flatMap((row, index) => [
      ...checkedPosition(row, index),
      ...checked(row, itemKinds, `${itemName(row['position'], index)}.`),
    ]),
  ];
  if (violations.length > 0) return { violations };
  const draft = draftOfRows(
    jobRow.parse(texts(job)),
    rows.map((row) => itemRow.parse({ ...texts(row), job_id: String(job['job_id']) })),
  );
  return { draft };
}

/** Fields of a job's items by their position, as its rows have them, instead of by their place in a list. */
export function byPosition(
  violations: readonly FieldViolation[],
  items: readonly { readonly position: number }[],
): readonly FieldViolation[] {
  return violations.map(({ field, description }) => ({
    field: withPositions(field, items),
    description: withPositions(description, items),
  }));
}

function withPositions(text: string, items: readonly { readonly position: number }[]): string {
  return text.replaceAll(/\bitems\[(\d+)\]/gu, (_all, index: string) =>
    itemName(items[Number(index)]?.position, Number(index)),
  );
}

function itemName(position: unknown, index: number): string {
  return Number.isSafeInteger(position) ? `job_items[position ${String(position)}]` : `job_items[${index}]`;
}

function checkedPosition(row: Row, index: number): readonly FieldViolation[] {
  if (Number.isSafeInteger(row['position'])) return [];
  return [{ field: `job_items[${index}].position`, description: 'must be a whole number' }];
}

function checked(row: Row, kinds: Readonly<Record<string, Kind>>, prefix: string): readonly FieldViolation[] {
  return Object.entries(kinds)
    .filter(([column, kind]) => !isOf(kind, row[column]))
    .map(([column, kind]) => ({ field: `${prefix}${column}`, description: rules[kind] }));
}

function isOf(kind: Kind, value: unknown): boolean {
  if (value === null || value === undefined) return true;
  switch (kind) {
    case 'text':
      // Ids of a catalogue are whole numbers in some tables.
      return typeof value === 'string' || Number.isSafeInteger(value);
    case 'flag':
      return typeof value === 'boolean' || value === 0 || value === 1;
    case 'number':
      return typeof value === 'number' || (typeof value === 'string' && /^-?\d+(\.\d+)?$/u.test(value));
  }
}

/** Whole numbers where texts are meant. */
function texts(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      typeof value === 'number' && (jobKinds[column] ?? itemKinds[column]) === 'text' ? String(value) : value,
    ]),
  );
}

function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

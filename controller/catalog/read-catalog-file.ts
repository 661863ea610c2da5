import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { parse } from 'csv-parse';
import { z } from 'zod';
import { type CatalogEntry, CatalogUnavailable } from './catalog.ts';

/** Rows of a catalogue file; more is refused. */
export const catalogRowsMax = 1_000_000;

/** Problems that a message names; the rest is counted. */
const namedMax = 20;

/** Where a row stands in its file, for people. */
interface Row {
  readonly place: string;
  readonly value: unknown;
}

const blank = z.literal('').transform(() => undefined);
const rowSchema = z.object({
  video_id: z.string('is missing').trim().min(1, 'is empty').max(256, 'is longer than 256 characters'),
  path: z.string('is missing').trim().min(1, 'is empty').max(32_767, 'is too long'),
  resolution: z.union([blank, z.string()]).optional(),
  is_4k: z.union([z.boolean(), blank, z.stringbool()], 'is neither true nor false').optional(),
});

/**
 * Reads a catalogue file: CSV with the columns `video_id`, `path` and, if wanted, `resolution` and `is_4k`; or, where
 * the name ends in `.json`, a list of such objects.
 * @throws CatalogUnavailable naming every bad row
 */
export async function readCatalogFile(
  file: string,
  rowsMax: number = catalogRowsMax,
): Promise<ReadonlyMap<string, CatalogEntry>> {
  const entries = new Map<string, CatalogEntry>();
  const places = new Map<string, string>();
  const problems: string[] = [];
  try {
    let rows = 0;
    for await (const row of rowsOf(file)) {
      rows += 1;
      if (rows > rowsMax) throw new Error(`more than ${rowsMax} rows`);
      problems.push(...addRow(row, entries, places));
    }
  } catch (error) {
    throw new CatalogUnavailable(`The catalogue ${file} cannot be read: ${messageOf(error)}`, error);
  }
  if (problems.length > 0) throw new CatalogUnavailable(describe(file, problems));
  return entries;
}

function addRow(
  row: Row,
  entries: Map<string, CatalogEntry>,
  places: Map<string, string>,
): readonly string[] {
  const parsed = rowSchema.safeParse(row.value);
  if (!parsed.success) {
    return parsed.error.issues.map((issue) => `${row.place}: ${issue.path.join('.')} ${issue.message}`);
  }
  const { video_id: id, path, resolution, is_4k: is4k } = parsed.data;
  const before = places.get(id);
  if (before !== undefined) return [`${row.place}: video_id ${id} is already in ${before}`];
  places.set(id, row.place);
  entries.set(id, {
    path,
    ...(resolution !== undefined && { resolution }),
    ...(is4k !== undefined && { is4k }),
  });
  return [];
}

async function* rowsOf(file: string): AsyncIterable<Row> {
  if (file.endsWith('.json')) {
    const list: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (!Array.isArray(list)) throw new Error('it is not a list');
    for (const [index, value] of list.entries()) yield { place: `entry ${index + 1}`, value };
    return;
  }
  const parser = createReadStream(file).pipe(
    parse({ bom: true, columns: true, info: true, skip_empty_lines: true, trim: true }),
  );
  for await (const { record, info } of parser as AsyncIterable<{
    record: unknown;
    info: { lines: number };
  }>) {
    yield { place: `line ${info.lines}`, value: record };
  }
}

function describe(file: string, problems: readonly string[]): string {
  const more = problems.length > namedMax ? `; and ${problems.length - namedMax} more` : '';
  return `The catalogue ${file} has errors: ${problems.slice(0, namedMax).join('; ')}${more}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

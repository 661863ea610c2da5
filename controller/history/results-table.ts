import { FarmError } from '../domain/errors.ts';
import { type ResultRow, resultRow } from '../domain/result-row.ts';
import type { Destination, OutboxItem } from '../outbox/destination.ts';
import type { PastPlace, PastRow, PastRows } from '../store/past-rows.ts';
import { asked } from './asked.ts';
import { putAll, read } from './history-table.ts';
import type { ResultPages } from './port.ts';
import { factsOf } from './row-text.ts';

/** Rows of results of the embedded table, page by page: a token is the place of the last row that was listed. */
export function tableResults(rows: PastRows): ResultPages {
  return {
    page: async (filter, { size, token }) => {
      const after = token === '' ? undefined : placeFrom(token);
      const listed = await asked(() => read(() => rows.list(filter, size + 1, after)));
      const shown = listed.slice(0, size);
      const last = shown.at(-1);
      const nextToken = listed.length > size && last !== undefined ? tokenOf(last) : '';
      return { entries: shown.map(({ summary }) => JSON.parse(summary) as ResultRow), nextToken };
    },
  };
}

function tokenOf({ endedAtMs, id }: PastPlace): string {
  return Buffer.from(`${endedAtMs} ${id}`).toString('base64url');
}

/** @throws FarmError INVALID_REQUEST */
function placeFrom(token: string): PastPlace {
  const text = Buffer.from(token, 'base64url').toString('latin1');
  const [, endedAtMs, id] = /^(\d{1,15}) ([0-9a-f-]{36}\/\d{1,15})$/u.exec(text) ?? [];
  if (endedAtMs !== undefined && id !== undefined) return { endedAtMs: Number(endedAtMs), id };
  const violation = { field: 'page_token', description: 'is not a token of this list' };
  throw new FarmError('INVALID_REQUEST', `page_token: ${violation.description}`, { violations: [violation] });
}

const itemsMax = 100;

/**
 * Puts a row for each end of a job, as BigQuery would have it.
 * @param results which ends make a row
 */
export function resultsDestination(rows: PastRows, results: 'completed' | 'all'): Destination {
  return {
    name: 'results',
    itemsMax,
    deliver: async (items) =>
      await putAll(
        rows,
        items.flatMap((item) => rowOf(item, results) ?? []),
        items,
      ),
  };
}

function rowOf(item: OutboxItem, results: 'completed' | 'all'): PastRow | undefined {
  const row = resultRow(item, results);
  if (row === undefined) return undefined;
  const facts = factsOf(item);
  return { ...facts, id: `${row.job_id}/${facts.endedAtMs}`, summary: JSON.stringify(row), detail: '' };
}

import { type ResultRow, resultRow } from '../domain/result-row.ts';
import type { Destination, OutboxItem } from '../outbox/destination.ts';
import type { PastPlace, PastRow, PastRows } from '../store/past-rows.ts';
import { putAll } from './history-table.ts';
import { HistoryAway, type HistoryFilter } from './port.ts';
import { factsOf } from './row-text.ts';

/** One end of a job, and where it stands: the id is the job's, with its end. */
export interface PlacedResult {
  readonly place: PastPlace;
  readonly row: ResultRow;
}

/** The embedded table of results. */
export interface Results {
  /** At most `size` behind `after`, newest end first; fewer mean that there are no more. @throws HistoryAway */
  list(filter: HistoryFilter, size: number, after?: PastPlace): Promise<readonly PlacedResult[]>;
}

export function tableResults(rows: PastRows): Results {
  return {
    list: async (filter, size, after) => {
      try {
        const listed = await rows.list(filter, size, after);
        return listed.map(({ endedAtMs, id, summary }) => ({
          place: { endedAtMs, id },
          row: JSON.parse(summary) as ResultRow,
        }));
      } catch (cause) {
        throw new HistoryAway(cause instanceof Error ? cause.message : String(cause), { cause });
      }
    },
  };
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

import { asciiLower } from '../../domain/ascii-lower.ts';
import {
  type ListedRow,
  type PastFilter,
  type PastLimits,
  type PastPlace,
  type PastRow,
  type PastRows,
  type PastTables,
} from '../past-rows.ts';

/** Tables that end with their process: for tests. */
export function memoryPast(): PastTables {
  const tables = { history: new MemoryPastRows(), results: new MemoryPastRows() };
  return { table: (name) => tables[name], close: () => Promise.resolve() };
}

class MemoryPastRows implements PastRows {
  readonly #rows = new Map<string, PastRow>();

  put(rows: readonly PastRow[]): Promise<void> {
    for (const row of rows) {
      const known = this.#rows.get(row.id);
      if (known === undefined || known.revision < row.revision) this.#rows.set(row.id, row);
    }
    return Promise.resolve();
  }

  get(id: string): Promise<Pick<PastRow, 'summary' | 'detail'> | undefined> {
    const row = this.#rows.get(id);
    return Promise.resolve(row && { summary: row.summary, detail: row.detail });
  }

  list(filter: PastFilter, size: number, after?: PastPlace): Promise<readonly ListedRow[]> {
    const rows = [...this.#rows.values()]
      .filter((row) => (after === undefined || isBehind(row, after)) && matches(row, filter))
      .sort((a, b) => (isBehind(a, b) ? 1 : -1));
    return Promise.resolve(rows.slice(0, size));
  }

  expire({ endedBeforeMs, rowsMax, sliceMax }: PastLimits): Promise<number> {
    const oldestFirst = [...this.#rows.values()].sort((a, b) => (isBehind(a, b) ? -1 : 1));
    const excess = Math.max(0, oldestFirst.length - rowsMax);
    const gone = oldestFirst
      .filter((row, index) => index < excess || row.endedAtMs < endedBeforeMs)
      .slice(0, sliceMax);
    for (const { id } of gone) this.#rows.delete(id);
    return Promise.resolve(gone.length);
  }
}

function isBehind(row: PastPlace, place: PastPlace): boolean {
  if (row.endedAtMs !== place.endedAtMs) return row.endedAtMs < place.endedAtMs;
  return row.id < place.id;
}

function matches(row: PastRow, filter: PastFilter): boolean {
  const { states = [], channelText, endedFromMs, endedBeforeMs } = filter;
  return (
    (filter.userId === undefined || row.userId === filter.userId) &&
    (filter.queue === undefined || row.queue === filter.queue) &&
    (filter.agentId === undefined || row.agentId === filter.agentId) &&
    (states.length === 0 || states.includes(row.state)) &&
    (channelText === undefined || asciiLower(row.channelName).includes(asciiLower(channelText))) &&
    (endedFromMs === undefined || row.endedAtMs >= endedFromMs) &&
    (endedBeforeMs === undefined || row.endedAtMs < endedBeforeMs)
  );
}

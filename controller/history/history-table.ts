import { hasEnded } from '../domain/job-states.ts';
import type { Delivery, Destination, OutboxItem } from '../outbox/destination.ts';
import { DestinationAway } from '../outbox/destination.ts';
import type { PastRow, PastRows } from '../store/past-rows.ts';
import { type History, HistoryAway, type PastJob } from './port.ts';
import { historyRow, pastJob, pastJobDetail } from './row-text.ts';

/** Entries that are put in one step: with 768 KiB for each, some megabytes. */
const itemsMax = 20;

/** History that is kept in a table of our own. */
export function tableHistory(rows: PastRows): History {
  return {
    get: async (jobId) => {
      const row = await read(() => rows.get(jobId));
      return row && pastJobDetail(row);
    },
    list: async (filter, size, after) => {
      const place = after && { endedAtMs: after.endedAtMs, id: after.jobId };
      const listed = await read(() => rows.list(filter, size, place));
      return listed.map(({ summary }): PastJob => pastJob(summary));
    },
  };
}

/** Where ended jobs are put for that. A job that was opened again keeps its old entry: the hot store hides it. */
export function historyDestination(rows: PastRows): Destination {
  return {
    name: 'history',
    itemsMax,
    deliver: async (items) => {
      const ended = items.filter(({ job }) => hasEnded(job.state));
      return await putAll(rows, ended.map(historyRow), items);
    },
  };
}

const delivered: Delivery = { result: 'delivered' };

/** @throws DestinationAway */
export async function putAll(
  rows: PastRows,
  made: readonly PastRow[],
  items: readonly OutboxItem[],
): Promise<readonly Delivery[]> {
  try {
    if (made.length > 0) await rows.put(made);
  } catch (cause) {
    throw new DestinationAway(messageOf(cause), { cause });
  }
  return items.map(() => delivered);
}

/** @throws HistoryAway */
export async function read<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    throw new HistoryAway(messageOf(cause), { cause });
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

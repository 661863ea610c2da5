import type { BigQuery } from '@google-cloud/bigquery';
import DataLoader from 'dataloader';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { BigQueryCatalogSettings } from '../domain/settings.ts';
import { bigQueryClient, firstLine } from './bigquery-client.ts';
import { type Catalog, type CatalogEntry, CatalogUnavailable } from './catalog.ts';
import { unlessOver } from './unless-over.ts';

/** Ids of one query. BigQuery takes requests of 10 MB; ids are at most 256 bytes. */
const idsPerQueryMax = 10_000;
/** Jobs that are submitted together ask together: ms that the first one waits for others. */
const batchMs = 5;

const rowSchema = z.object({ video_id: z.string(), path: z.string().min(1) });

/**
 * The studio's catalogue in BigQuery: one parameterised query for all ids of a job, and of the jobs that ask in the same
 * moment. What was found is remembered for `cacheMs`; what was not is asked again.
 *
 * @param settings names are checked by the configuration: they stand in the query as they are
 */
export function bigQueryCatalog(settings: BigQueryCatalogSettings): Catalog {
  // What BigQuery says can be tried again is, as long as somebody waits for it.
  const bigQuery = bigQueryClient(settings, 3);
  const ask = async (ids: readonly string[]): Promise<(CatalogEntry | undefined)[]> => {
    const entries = await lookUp(bigQuery, settings, ids);
    // An id that is not there yet may be there when it is asked for again.
    queueMicrotask(() => {
      for (const [index, id] of ids.entries()) if (entries[index] === undefined) loader.clear(id);
    });
    return entries;
  };
  const loader = new DataLoader(ask, {
    maxBatchSize: idsPerQueryMax,
    batchScheduleFn: (run) => setTimeout(run, batchMs),
    cacheMap: new LRUCache({ max: settings.cacheEntriesMax, ttl: settings.cacheMs }),
  });
  const late = (): Error =>
    new CatalogUnavailable(`BigQuery has not answered within ${settings.timeoutMs / 1_000} s`);
  return {
    resolve: async (videoIds, signal) => {
      const startedAt = performance.now();
      const answers = await unlessOver(loader.loadMany(videoIds), settings.timeoutMs, signal, late).catch(
        (error: unknown) => {
          // The query may hang for ever: whoever asks next is not to wait for that one.
          if (error instanceof CatalogUnavailable) for (const id of videoIds) loader.clear(id);
          throw error;
        },
      );
      const found = new Map<string, CatalogEntry>();
      for (const [index, answer] of answers.entries()) {
        if (answer instanceof Error) throw unavailable(answer);
        if (answer !== undefined) found.set(videoIds[index] ?? '', answer);
      }
      return { found, queryMs: Math.round(performance.now() - startedAt) };
    },
  };
}

async function lookUp(
  bigQuery: BigQuery,
  { table, idColumn, pathColumn, location, timeoutMs }: BigQueryCatalogSettings,
  ids: readonly string[],
): Promise<(CatalogEntry | undefined)[]> {
  // An id that stands in several rows has one path, and always the same.
  const query =
    `SELECT \`${idColumn}\` AS video_id, MIN(\`${pathColumn}\`) AS path FROM \`${table}\` ` +
    `WHERE \`${idColumn}\` IN UNNEST(@video_ids) GROUP BY video_id`;
  const [rows] = await bigQuery.query(
    {
      query,
      params: { video_ids: [...ids] },
      types: { video_ids: ['STRING'] },
      ...(location !== undefined && { location }),
    },
    { timeoutMs },
  );
  const entries = new Map<string, CatalogEntry>();
  for (const row of rows as unknown[]) {
    const { data } = rowSchema.safeParse(row);
    if (data !== undefined) entries.set(data.video_id, { path: data.path });
  }
  return ids.map((id) => entries.get(id));
}

function unavailable(cause: Error): CatalogUnavailable {
  return new CatalogUnavailable(`BigQuery cannot be asked: ${firstLine(cause.message)}`, cause);
}

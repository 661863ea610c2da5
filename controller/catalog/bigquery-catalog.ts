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

/** An answer that takes longer to fail than this is not waited for again for a while. */
const slowMs = 500;
/** For so long: whoever submits is told at once. */
const awayMs = 5_000;

const rowSchema = z.object({ video_id: z.string(), path: z.string().min(1) });

/**
 * The studio's catalogue in BigQuery: one parameterised query for all ids of a job, and of the jobs that ask in the same
 * moment. What was found is remembered for `cacheMs`; what was not is asked again.
 *
 * @param settings names are checked by the configuration: they stand in the query as they are
 */
export function bigQueryCatalog(settings: BigQueryCatalogSettings): Catalog {
  return new BigQueryCatalog(settings);
}

class BigQueryCatalog implements Catalog {
  readonly label = 'BigQuery';
  readonly #settings: BigQueryCatalogSettings;
  readonly #bigQuery: BigQuery;
  readonly #loader: DataLoader<string, CatalogEntry | undefined>;
  #away: { readonly untilMs: number; readonly error: CatalogUnavailable } | undefined;

  constructor(settings: BigQueryCatalogSettings) {
    this.#settings = settings;
    // What BigQuery says can be tried again is, as long as somebody waits for it.
    this.#bigQuery = bigQueryClient(settings, 3);
    this.#loader = new DataLoader((ids: readonly string[]) => this.#load(ids), {
      maxBatchSize: idsPerQueryMax,
      batchScheduleFn: (run) => setTimeout(run, batchMs),
      cacheMap: new LRUCache({ max: settings.cacheEntriesMax, ttl: settings.cacheMs }),
    });
  }

  async resolve(
    videoIds: readonly string[],
    signal: AbortSignal,
    how?: 'anew',
  ): ReturnType<Catalog['resolve']> {
    const startedAt = performance.now();
    try {
      const entries = await this.#bounded(
        how === 'anew' ? this.#ask(videoIds) : this.#loader.loadMany(videoIds),
        signal,
      );
      const found = new Map<string, CatalogEntry>();
      for (const [index, entry] of entries.entries()) {
        if (entry instanceof Error) throw entry;
        if (entry !== undefined) found.set(videoIds[index] ?? '', entry);
      }
      if (how === 'anew') this.#remember(videoIds, found);
      return { found, queryMs: Math.round(performance.now() - startedAt) };
    } catch (error) {
      if (signal.aborted) throw error;
      throw this.#failed(error, videoIds, performance.now() - startedAt);
    }
  }

  async #load(ids: readonly string[]): Promise<(CatalogEntry | undefined)[]> {
    if (this.#away !== undefined && performance.now() < this.#away.untilMs) throw this.#away.error;
    const entries = await this.#ask(ids);
    // An id that is not there yet may be there when it is asked for again.
    queueMicrotask(() => {
      for (const [index, id] of ids.entries()) if (entries[index] === undefined) this.#loader.clear(id);
    });
    return entries;
  }

  async #ask(ids: readonly string[]): Promise<(CatalogEntry | undefined)[]> {
    const entries: (CatalogEntry | undefined)[] = [];
    for (let from = 0; from < ids.length; from += idsPerQueryMax) {
      entries.push(...(await lookUp(this.#bigQuery, this.#settings, ids.slice(from, from + idsPerQueryMax))));
    }
    this.#away = undefined;
    return entries;
  }

  #remember(ids: readonly string[], found: ReadonlyMap<string, CatalogEntry>): void {
    for (const id of ids) {
      const entry = found.get(id);
      this.#loader.clear(id);
      if (entry !== undefined) this.#loader.prime(id, entry);
    }
  }

  #failed(error: unknown, ids: readonly string[], afterMs: number): CatalogUnavailable {
    // The query may hang for ever: whoever asks next is not to wait for that one.
    for (const id of ids) this.#loader.clear(id);
    const away = error instanceof CatalogUnavailable ? error : unavailable(error);
    if (afterMs >= slowMs) this.#away = { untilMs: performance.now() + awayMs, error: away };
    return away;
  }

  async #bounded<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
    const { timeoutMs } = this.#settings;
    const late = (): Error =>
      new CatalogUnavailable(`BigQuery has not answered within ${timeoutMs / 1_000} s`);
    return await unlessOver(work, timeoutMs, signal, late);
  }
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

function unavailable(cause: unknown): CatalogUnavailable {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new CatalogUnavailable(`BigQuery cannot be asked: ${firstLine(message)}`, cause);
}

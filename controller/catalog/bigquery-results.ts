import { setTimeout as pause } from 'node:timers/promises';
import type { BigQuery } from '@google-cloud/bigquery';
import { LRUCache } from 'lru-cache';
import type { z } from 'zod';
import { type ResultRow, resultRow } from '../domain/result-row.ts';
import type { BigQueryResultsSettings } from '../domain/settings.ts';
import { type Delivery, type Destination, DestinationAway, type OutboxItem } from '../outbox/destination.ts';
import { bigQueryClient, firstLine } from './bigquery-client.ts';
import { type BigQuerySaid, isOfRow, jobSchema, saidBy } from './bigquery-said.ts';
import { mergeQuery, mergeTypes, mergeValues, resultJobId } from './merge-result.ts';
import { unlessOver } from './unless-over.ts';

export interface BigQueryResultsOptions extends BigQueryResultsSettings {
  /** Which ends make a row. */
  readonly results: 'completed' | 'all';
}

/**
 * Query jobs of ours at a time. BigQuery runs 2 MERGEs of a table at once and lets 20 more wait ("DML statements",
 * Concurrent jobs); a leader that was replaced may have as many under way.
 */
const jobsAtOnceMax = 8;
/** Failed jobs of one row that a call steps over; the next call goes on behind them. */
const triesPerCallMax = 20;
/** Rows whose failed jobs are remembered; of others they are found again, one request each. */
const rememberedMax = 10_000;
/** Pauses between two looks at a job that runs. */
const lookMinMs = 100;
const lookMaxMs = 2_000;
/** What only a person can mend is not asked for every few seconds. */
const mendMs = 60_000;

/**
 * Rows of results in BigQuery, each once: a `MERGE` that inserts where the row is not there, as a query job with an id
 * made of the row. Whoever sends it again, this controller or the next one, gets 409 and looks at what became of that
 * job; only a job that has failed, and so has changed nothing, is followed by one with the next id.
 *
 * One row is one job: BigQuery does not keep two MERGEs that only insert apart from each other, so that a row in two
 * batches, one sent by a leader that died and one by its heir, would be there twice.
 */
export function bigQueryResults(options: BigQueryResultsOptions): Destination {
  return new BigQueryResults(options);
}

const delivered: Delivery = { result: 'delivered' };

/** What became of one job. */
interface Tried {
  /** This call began it. */
  readonly isNew: boolean;
  readonly error?: BigQuerySaid;
}

class BigQueryResults implements Destination {
  readonly name = 'results';
  readonly itemsMax = jobsAtOnceMax;
  readonly #options: BigQueryResultsOptions;
  readonly #bigQuery: BigQuery;
  /** Number of the next try of a row whose jobs have failed, by the id of the first. */
  readonly #tries = new LRUCache<string, number>({ max: rememberedMax });

  constructor(options: BigQueryResultsOptions) {
    this.#options = options;
    // The outbox comes back by itself, and knows better when.
    this.#bigQuery = bigQueryClient(options, 0);
  }

  async deliver(items: readonly OutboxItem[], signal: AbortSignal): Promise<readonly Delivery[]> {
    // All of them end before the first failure is told: nobody is left running behind it.
    const told = await Promise.allSettled(items.map((item) => this.#tell(item, signal)));
    return told.map((each) => {
      if (each.status === 'rejected') throw each.reason;
      return each.value;
    });
  }

  async #tell(item: OutboxItem, signal: AbortSignal): Promise<Delivery> {
    const row = resultRow(item, this.#options.results);
    if (row === undefined) return delivered;
    const key = this.#jobId(row, 1);
    const first = this.#tries.get(key) ?? 1;
    for (let number = first; number < first + triesPerCallMax; number += 1) {
      const outcome = await this.#tryOnce(row, this.#jobId(row, number), signal);
      if (outcome.error === undefined) {
        this.#tries.delete(key);
        return delivered;
      }
      this.#tries.set(key, number + 1);
      // A failure of before says nothing of now.
      if (!outcome.isNew) continue;
      if (!isOfRow(outcome.error)) throw this.#away(outcome.error);
      return { result: 'refused', reason: `BigQuery refuses the row: ${firstLine(outcome.error.message)}` };
    }
    throw new DestinationAway(
      `BigQuery has failed ${triesPerCallMax} times to take the row of ${row.job_id}`,
    );
  }

  /** Begins the job, or finds it begun; resolves when it has ended. */
  async #tryOnce(row: ResultRow, jobId: string, signal: AbortSignal): Promise<Tried> {
    const begun = await this.#begin(row, jobId, signal);
    if (begun.error !== undefined) return begun;
    const untilMs = performance.now() + this.#options.timeoutMs;
    for (let lookMs = lookMinMs; ; lookMs = Math.min(lookMaxMs, lookMs * 2)) {
      const { state, errorResult } = await this.#look(jobId, signal);
      if (state === 'DONE') return { ...begun, ...(errorResult && { error: errorResult }) };
      if (performance.now() > untilMs) {
        throw new DestinationAway(`BigQuery's job ${jobId} has not ended yet (${state})`);
      }
      await pause(lookMs, undefined, { signal });
    }
  }

  async #begin(row: ResultRow, jobId: string, signal: AbortSignal): Promise<Tried> {
    const { resultsTable, resultsFeatures, location } = this.#options;
    const query = {
      query: mergeQuery(resultsTable, resultsFeatures),
      params: mergeValues(row),
      types: mergeTypes,
      jobId,
      ...(location !== undefined && { location }),
    };
    try {
      await this.#bounded(this.#bigQuery.createQueryJob(query), signal);
      return { isNew: true };
    } catch (error) {
      if (signal.aborted) throw error;
      const said = saidBy(error);
      // It has begun, and has failed already: what became of it is asked for.
      if (said.isOfJob) return { isNew: true };
      if (said.status === 409) return { isNew: false };
      if (isOfRow(said)) return { isNew: true, error: said };
      throw this.#away(said, error);
    }
  }

  async #look(jobId: string, signal: AbortSignal): Promise<z.output<typeof jobSchema>['status']> {
    const { location } = this.#options;
    const job = this.#bigQuery.job(jobId, location === undefined ? {} : { location });
    try {
      const answer: readonly unknown[] = await this.#bounded(job.getMetadata(), signal);
      return jobSchema.parse(answer[0]).status;
    } catch (error) {
      if (signal.aborted) throw error;
      const said = saidBy(error);
      if (said.status !== 404) throw this.#away(said, error);
      const where = location === undefined ? 'set bigQuery.location' : `bigQuery.location is ${location}`;
      throw new DestinationAway(`BigQuery does not find its own job ${jobId}: ${where}`, {
        cause: error,
        retryAfterMs: mendMs,
      });
    }
  }

  #away({ reason, message }: BigQuerySaid, cause?: unknown): DestinationAway {
    const text = `BigQuery takes no rows of results for ${this.#options.resultsTable}: ${firstLine(message)}`;
    const isForPeople = reason === 'notFound' || reason === 'accessDenied';
    return new DestinationAway(text, { cause, ...(isForPeople && { retryAfterMs: mendMs }) });
  }

  async #bounded<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
    const { timeoutMs } = this.#options;
    const late = (): Error => new Error(`no answer within ${timeoutMs / 1_000} s`);
    return await unlessOver(work, timeoutMs, signal, late);
  }

  #jobId(row: ResultRow, number: number): string {
    return resultJobId(this.#options.resultsTable, row, number);
  }
}

import type { SupabaseClient } from '@supabase/supabase-js';
import { z } from 'zod';
import type { JobState } from '../domain/job.ts';
import { hasEnded, jobStates, statusOf } from '../domain/job-states.ts';
import {
  type History,
  HistoryAway,
  type HistoryFilter,
  type HistoryPlace,
  type PastJob,
  type PastJobDetail,
} from '../history/port.ts';
import { pastJobDetailOf, pastJobOf } from './supabase-past-job.ts';
import { ask, connect, isNoId, type SupabaseAccess } from './supabase-rest.ts';
import {
  type ItemRow,
  itemRow,
  itemSelection,
  itemsTable,
  jobRow,
  jobSelection,
  jobsTable,
} from './supabase-rows.ts';

export interface SupabaseHistoryOptions extends SupabaseAccess {
  /** What a job that is begun anew may read. */
  readonly isInSourceShare: (uncPath: string) => boolean;
}

/** PostgREST gives no more rows at a time than this unless it is told otherwise. */
const pageRowsMax = 1_000;
/** Rows that one list reads at most before it says that it cannot. */
const rowsMax = 20_000;
const itemsMax = 2_000;
/**
 * Jobs that have ended, as the studio's tables have them: those of the farm, and those that the old workers rendered.
 * What a row does not say is empty; attempts are not kept there.
 */
export function supabaseHistory(options: SupabaseHistoryOptions): History {
  const tables = new PastTables(options);
  return {
    get: (jobId) => heard(undefined, () => tables.detail(jobId)),
    list: (filter, size, after) => heard([], () => tables.list(filter, size, after)),
  };
}

async function heard<T>(none: T, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (isNoId(cause)) return none;
    throw new HistoryAway(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

class PastTables {
  readonly #options: SupabaseHistoryOptions;
  readonly #client: SupabaseClient;

  constructor(options: SupabaseHistoryOptions) {
    this.#options = options;
    this.#client = connect(options);
  }

  async detail(jobId: string): Promise<PastJobDetail | undefined> {
    const query = this.#client
      .from(jobsTable)
      .select(jobSelection)
      .eq('job_id', jobId.toLowerCase())
      .limit(1);
    const [row] = z.array(jobRow).parse(await this.#ask(query));
    return row && pastJobDetailOf(row, await this.#items(row.job_id), this.#options.isInSourceShare);
  }

  async #items(jobId: string): Promise<readonly ItemRow[]> {
    const items: ItemRow[] = [];
    // One beyond what a job may have says that it has too many.
    while (items.length <= itemsMax) {
      const query = this.#client
        .from(itemsTable)
        .select(itemSelection)
        .eq('job_id', jobId)
        .order('position')
        .range(items.length, items.length + pageRowsMax - 1);
      const page = z.array(itemRow).parse(await this.#ask(query));
      items.push(...page);
      if (page.length === 0) break;
    }
    return items;
  }

  /**
   * The table has microseconds, the order of history milliseconds: rows of one millisecond are put in order here, so
   * the last of them are only known when one that ended earlier has been read.
   */
  async list(
    filter: HistoryFilter,
    size: number,
    after: HistoryPlace | undefined,
  ): Promise<readonly PastJob[]> {
    const found: PastJob[] = [];
    for (let read = 0; read < rowsMax; ) {
      const rows = await this.#page(filter, after, read, Math.min(pageRowsMax, size + 1));
      read += rows.length;
      const jobs = rows.flatMap((row) => pastJobOf(row) ?? []);
      found.push(...jobs.filter(({ job }) => isMeant(job.channelName, filter) && isBehind(job, after)));
      found.sort((a, b) => order(a.job, b.job));
      const lastMs = rows.at(-1)?.completed_at;
      const enough = found.at(size - 1)?.job.endedAtMs;
      const isWhole = enough !== undefined && lastMs !== undefined && lastMs < enough;
      if (rows.length === 0 || isWhole) return found.slice(0, size);
    }
    throw new HistoryAway(`of ${rowsMax} rows too few match: ask for a shorter time`);
  }

  async #page(filter: HistoryFilter, after: HistoryPlace | undefined, offset: number, limit: number) {
    let query = this.#client
      .from(jobsTable)
      .select(jobSelection)
      .not('completed_at', 'is', null)
      .or(endedIn(filter.states));
    const { userId, queue, agentId, channelText, endedFromMs, endedBeforeMs } = filter;
    if (userId !== undefined) query = query.eq('user_id', userId);
    if (queue !== undefined) query = query.eq('queue_name', queue);
    if (agentId !== undefined) query = query.eq('worker_id', agentId);
    if (channelText !== undefined) query = query.ilike('channel_name', likeText(channelText));
    if (endedFromMs !== undefined) query = query.gte('completed_at', isoTime(endedFromMs));
    if (endedBeforeMs !== undefined) query = query.lt('completed_at', isoTime(endedBeforeMs));
    if (after !== undefined) query = query.lt('completed_at', isoTime(after.endedAtMs + 1));
    const ordered = query.order('completed_at', { ascending: false }).order('job_id', { ascending: false });
    return z.array(jobRow).parse(await this.#ask(ordered.range(offset, offset + limit - 1)));
  }

  #ask(query: Parameters<typeof ask<unknown>>[0]): Promise<unknown> {
    return ask(query, this.#options, new AbortController().signal);
  }
}

/** Rows that a farm has written say the state; those of the old workers, the status. */
function endedIn(states: readonly JobState[] = []): string {
  const all = (Object.keys(jobStates) as JobState[]).filter(hasEnded);
  const meant = states.length === 0 ? all : all.filter((state) => states.includes(state));
  // Who asks for quarantined jobs alone does not mean the failed ones of old workers.
  const statuses = new Set(meant.filter((state) => state !== 'quarantined').map(statusOf));
  return `farm_state.in.(${meant.join(',')}),and(farm_state.is.null,status.in.(${[...statuses].join(',')}))`;
}

/** Characters that mean others in a pattern stand for any here: what matches too much is looked at again. */
function likeText(text: string): string {
  return `*${text.replace(/[%_*\\]/gu, '_')}*`;
}

function isMeant(channelName: string, { channelText }: HistoryFilter): boolean {
  return channelText === undefined || lower(channelName).includes(lower(channelText));
}

function lower(text: string): string {
  return text.replace(/[A-Z]/gu, (letter) => letter.toLowerCase());
}

interface Ended {
  readonly jobId: string;
  readonly endedAtMs?: number;
}

function isBehind(job: Ended, after: Ended | undefined): boolean {
  return after === undefined || order(after, job) < 0;
}

function order(a: Ended, b: Ended): number {
  const later = (b.endedAtMs ?? 0) - (a.endedAtMs ?? 0);
  if (later !== 0) return later;
  if (a.jobId === b.jobId) return 0;
  return a.jobId < b.jobId ? 1 : -1;
}

/** The last millisecond that has a year of four digits. */
const timeMsMax = 253_402_300_799_999;

function isoTime(ms: number): string {
  return new Date(Math.max(0, Math.min(timeMsMax, Math.floor(ms)))).toISOString();
}

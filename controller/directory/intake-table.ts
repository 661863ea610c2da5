import type { SupabaseClient } from '@supabase/supabase-js';
import { z } from 'zod';
import { FarmError } from '../domain/errors.ts';
import { jobLimits } from '../domain/validate.ts';
import { answerTooLarge } from './capped-fetch.ts';
import { askCounted, connect, isNoId, RowRefused, type SupabaseAccess } from './supabase-rest.ts';
import { farmMark, itemsTable, jobsTable } from './supabase-rows.ts';

export interface IntakeTableOptions {
  /** Of the project, e.g. `https://xyz.supabase.co`. */
  readonly url: string;
  /** The service role's key. */
  readonly key: string;
  /** An answer takes at most this: ms. */
  readonly timeoutMs: number;
}

/** A row that is for somebody to take. */
export interface RowHead {
  readonly jobId: string;
  /** As it is written there: nothing of it is believed. */
  readonly userId: string;
  /** Unix ms; undefined where the row does not say. */
  readonly createdAtMs: number | undefined;
  readonly status: string;
}

/** Items beyond what a job may have are counted, not read. */
export interface StoredItems {
  readonly rows: readonly unknown[];
  readonly count: number;
}

/** Supabase does not answer, or refuses just now. */
export class DirectoryAway extends Error {
  override readonly name = 'DirectoryAway';
}

/** PostgREST's limit of rows is 1,000 unless it was changed; a page that is shorter is no sign of the end. */
const itemsPageRows = 1_000;
const head = z.object({
  job_id: z.string(),
  user_id: z.union([z.string(), z.number()]).nullish(),
  created_at: z.string().nullish(),
  status: z.string().nullish(),
});
const headColumns = 'job_id,user_id,created_at,status';

/** The studio's rows of jobs, for reading only: nothing here can write. */
export class IntakeRows {
  readonly #client: SupabaseClient;
  readonly #access: SupabaseAccess;

  constructor(options: IntakeTableOptions) {
    this.#access = accessOf(options);
    this.#client = connect(this.#access);
  }

  /** The row as it is there; undefined: there is none. @throws DirectoryAway */
  async job(jobId: string, signal: AbortSignal): Promise<Readonly<Record<string, unknown>> | undefined> {
    const query = this.#client.from(jobsTable).select('*').eq('job_id', jobId).limit(1);
    const [row] = await rowsOf(query, this.#access, signal);
    return row as Readonly<Record<string, unknown>> | undefined;
  }

  /** By position. @throws DirectoryAway, also where they change while they are read */
  async items(jobId: string, signal: AbortSignal): Promise<StoredItems> {
    const rows: unknown[] = [];
    for (;;) {
      const query = this.#client
        .from(itemsTable)
        .select('*', { count: 'exact' })
        .eq('job_id', jobId)
        .order('position')
        .range(rows.length, rows.length + itemsPageRows - 1);
      const reply = await replyTo(query, this.#access, signal);
      const page = reply.rows;
      const count = reply.count ?? rows.length + page.length;
      if (count > jobLimits.itemsMax) return { rows: [], count };
      rows.push(...page);
      if (rows.length >= count) return { rows, count };
      if (page.length === 0) throw new DirectoryAway('the items of a job changed while they were read');
    }
  }

  /** Queued rows that are for this kind of farm and that nobody has taken, oldest first. @throws DirectoryAway */
  async unclaimed(
    page: { readonly limit: number; readonly offset: number; readonly notOfUsers: readonly string[] },
    signal: AbortSignal,
  ): Promise<readonly RowHead[]> {
    let query = this.#client
      .from(jobsTable)
      .select(headColumns)
      .eq('status', 'queued')
      .eq('farm', farmMark)
      .is('claimed_by', null);
    for (const userId of page.notOfUsers) query = query.neq('user_id', userId);
    const ordered = query
      .order('created_at')
      .order('job_id')
      .range(page.offset, page.offset + page.limit - 1);
    return headsOf(await rowsOf(ordered, this.#access, signal));
  }

  /** Queued rows that this farm has taken, by id from there on. @throws DirectoryAway */
  async taken(
    claimant: string,
    { limit, after }: { readonly limit: number; readonly after: string },
    signal: AbortSignal,
  ): Promise<readonly RowHead[]> {
    let query = this.#client
      .from(jobsTable)
      .select(headColumns)
      .eq('status', 'queued')
      .eq('farm', farmMark)
      .eq('claimed_by', claimant);
    if (after !== '') query = query.gt('job_id', after);
    const ordered = query.order('job_id').limit(limit);
    return headsOf(await rowsOf(ordered, this.#access, signal));
  }

  /** Rows of the farm that is there beside us, whatever their status, oldest first. @throws DirectoryAway */
  async ofOtherFarm(
    from: { readonly sinceMs: number; readonly offset: number; readonly limit: number },
    signal: AbortSignal,
  ): Promise<readonly RowHead[]> {
    const query = this.#client
      .from(jobsTable)
      .select(headColumns)
      .gte('created_at', new Date(from.sinceMs).toISOString())
      .order('created_at')
      .order('job_id')
      .range(from.offset, from.offset + from.limit - 1);
    return headsOf(await rowsOf(query, this.#access, signal));
  }

  /** How these jobs stand there. @throws DirectoryAway */
  async outcomes(jobIds: readonly string[], signal: AbortSignal): Promise<readonly unknown[]> {
    const query = this.#client
      .from(jobsTable)
      .select('job_id,status,started_at,completed_at,final_duration,worker_id,error_message')
      .in('job_id', [...jobIds]);
    return await rowsOf(query, this.#access, signal);
  }
}

/** The claims of one farm. Every write asks in the same statement whether it is still right. */
export class IntakeClaims {
  readonly #client: SupabaseClient;
  readonly #access: SupabaseAccess;
  readonly claimant: string;

  /** @param claimant - Name of the farm; every controller of it has the same. */
  constructor(options: IntakeTableOptions, claimant: string) {
    this.#access = accessOf(options);
    this.#client = connect(this.#access);
    this.claimant = claimant;
  }

  /**
   * Takes a queued row that is nobody's or ours. False: somebody else has it, or it is queued no more.
   * @param asFarm - What `farm` must be; absent: whatever it is, it is ours then
   * @throws DirectoryAway; it may be taken nevertheless
   */
  async claim(jobId: string, signal: AbortSignal, asFarm?: string): Promise<boolean> {
    const change = { farm: farmMark, claimed_by: this.claimant, claimed_at: new Date().toISOString() };
    // One statement each, so that of two who come at once the second finds nothing.
    return (
      (await this.#changed(jobId, change, null, signal, asFarm)) ||
      (await this.#changed(jobId, change, this.claimant, signal, asFarm))
    );
  }

  /** Gives a row back as it was. @throws DirectoryAway */
  async release(jobId: string, farm: string | null, signal: AbortSignal): Promise<boolean> {
    const change = { farm, claimed_by: null, claimed_at: null };
    return await this.#changed(jobId, change, this.claimant, signal);
  }

  /** Tells in the row of ours why it cannot be rendered. False: it is ours no more. @throws DirectoryAway, Error */
  async markFailed(jobId: string, why: string, signal: AbortSignal): Promise<boolean> {
    const change = { status: 'failed', error_message: why, completed_at: new Date().toISOString() };
    return await this.#changed(jobId, change, this.claimant, signal);
  }

  async #changed(
    jobId: string,
    change: Readonly<Record<string, string | null>>,
    claimedBy: string | null,
    signal: AbortSignal,
    asFarm?: string,
  ): Promise<boolean> {
    const update = this.#client.from(jobsTable).update(change).eq('job_id', jobId).eq('status', 'queued');
    const mine = claimedBy === null ? update.is('claimed_by', null) : update.eq('claimed_by', claimedBy);
    const wanted = asFarm === undefined ? mine : mine.eq('farm', asFarm);
    return (await rowsOf(wanted.select('job_id'), this.#access, signal)).length > 0;
  }
}

function accessOf({ url, key, timeoutMs }: IntakeTableOptions): SupabaseAccess {
  return { url, key, requestMs: timeoutMs };
}

type Query = Parameters<typeof askCounted<unknown>>[0];

async function rowsOf(
  query: Query,
  access: SupabaseAccess,
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  return (await replyTo(query, access, signal)).rows;
}

async function replyTo(query: Query, access: SupabaseAccess, signal: AbortSignal) {
  try {
    const { data, count } = await askCounted(query, access, signal);
    return { rows: Array.isArray(data) ? (data as readonly unknown[]) : [], count };
  } catch (error) {
    if (isNoId(error)) return { rows: [], count: 0 };
    throw told(error);
  }
}

/** Classes of SQLSTATE: data, constraints, and what a trigger raises. */
const ofThisRow = /^(22|23|P0)/u;

/** A refusal that is about this row stays what it is, and would come again. */
function told(error: unknown): Error {
  if (error instanceof RowRefused && ofThisRow.test(error.sqlState)) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (message.includes(answerTooLarge)) return new FarmError('JOB_TOO_LARGE', answerTooLarge);
  return new DirectoryAway(message, { cause: error });
}

function headsOf(rows: readonly unknown[]): readonly RowHead[] {
  return rows.flatMap((row) => {
    const read = head.safeParse(row);
    if (!read.success) return [];
    const { job_id: jobId, user_id: userId, created_at: createdAt, status } = read.data;
    const createdAtMs = Date.parse(createdAt ?? '');
    return {
      jobId,
      userId: String(userId ?? ''),
      createdAtMs: Number.isFinite(createdAtMs) ? createdAtMs : undefined,
      status: status ?? '',
    };
  });
}

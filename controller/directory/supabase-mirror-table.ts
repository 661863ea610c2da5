import type { SupabaseClient } from '@supabase/supabase-js';
import { z } from 'zod';
import { DestinationAway } from '../outbox/destination.ts';
import type { ItemColumns, MirroredColumns, NewJobColumns } from './supabase-columns.ts';
import { ask, connect, type SupabaseAccess } from './supabase-rest.ts';
import { itemsTable, jobRow, jobsTable } from './supabase-rows.ts';

/** What of a row decides whether and how it is written. */
const standing = jobRow.pick({ job_id: true, status: true }).extend({
  claimed_by: z.string().nullable(),
  farm_state: z.string().nullable(),
  /** Undefined: it is none that a farm writes. A `numeric` may be NaN or infinite, and one such row may not stop others. */
  revision: z.string().transform((text) => wholeNumberOf(text)),
});
export type RowStanding = z.output<typeof standing>;
const standingColumns = 'job_id,status,claimed_by,farm_state,revision::text';

/** Whatever scale the column has. */
function wholeNumberOf(text: string): bigint | undefined {
  const [, digits] = /^(-?\d+)(?:\.\d*)?$/u.exec(text) ?? [];
  return digits === undefined ? undefined : BigInt(digits);
}

/** Somebody else has cancelled it, and the farm has not. */
export function isCancelledOutside({ status, farm_state: state }: RowStanding): boolean {
  return status === 'cancelled' && state !== 'cancelled';
}

/** The opposite, for `or`. */
const notCancelledOutside = 'status.is.null,status.neq.cancelled,farm_state.eq.cancelled';

/** Of one request: far below what a gateway in front of PostgREST takes. */
const requestRowsMax = 500;
const requestBytesMax = 512 * 1024;

/**
 * The studio's tables as the mirror writes them. Each write names in its own statement what must still be so, whoever
 * else writes meanwhile.
 */
export class MirrorTable {
  readonly #client: SupabaseClient;
  readonly #access: SupabaseAccess;

  constructor(access: SupabaseAccess) {
    this.#access = access;
    this.#client = connect(access);
  }

  async standings(jobIds: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, RowStanding>> {
    const query = this.#client
      .from(jobsTable)
      .select(standingColumns)
      .in('job_id', [...jobIds]);
    const rows = standingsIn(await this.#ask(query, signal));
    return new Map(rows.map((row) => [row.job_id, row]));
  }

  /** Rows that are there already stay as they are. */
  async insertJobs(rows: readonly NewJobColumns[], signal: AbortSignal): Promise<void> {
    const options = { onConflict: 'job_id', ignoreDuplicates: true };
    await this.#ask(this.#client.from(jobsTable).upsert([...rows], options), signal);
  }

  /** Items of one job; those that are there already stay as they are. */
  async insertItems(rows: readonly ItemColumns[], signal: AbortSignal): Promise<void> {
    const options = { onConflict: 'job_id,position', ignoreDuplicates: true };
    for (const part of inParts(rows))
      await this.#ask(this.#client.from(itemsTable).upsert([...part], options), signal);
  }

  /**
   * Writes the columns where the row's revision is lower.
   * @param mayBeCancelled - Also over what somebody else has cancelled
   * @returns false where nothing was heard of it: read the row again
   */
  async update(
    jobId: string,
    columns: MirroredColumns,
    { revision, mayBeCancelled }: { readonly revision: string; readonly mayBeCancelled: boolean },
    signal: AbortSignal,
  ): Promise<boolean> {
    const query = this.#client
      .from(jobsTable)
      .update({ ...columns, revision })
      .eq('job_id', jobId)
      .lt('revision', revision);
    const ours = `or(claimed_by.is.null,claimed_by.eq."${columns.claimed_by}")`;
    const guarded = query.or(mayBeCancelled ? ours : `and(${ours},or(${notCancelledOutside}))`);
    return rowsOf(await this.#ask(guarded.select('job_id'), signal)).length > 0;
  }

  /** Changes a cancelled row that has not been written since it was read. */
  async settle(
    seen: RowStanding,
    columns: Readonly<Partial<MirroredColumns>>,
    signal: AbortSignal,
  ): Promise<void> {
    const query = this.#client
      .from(jobsTable)
      .update(columns)
      .eq('job_id', seen.job_id)
      .eq('status', 'cancelled')
      .eq('revision', String(seen.revision));
    await this.#ask(query, signal);
  }

  /** Rows of this farm that somebody else has cancelled, by id from there on. */
  async cancelled(
    farmName: string,
    { limit, after }: { readonly limit: number; readonly after: string },
    signal: AbortSignal,
  ): Promise<readonly RowStanding[]> {
    const query = this.#client
      .from(jobsTable)
      .select(standingColumns)
      .eq('claimed_by', farmName)
      .eq('status', 'cancelled')
      .neq('farm_state', 'cancelled');
    const behind = after === '' ? query : query.gt('job_id', after);
    return standingsIn(await this.#ask(behind.order('job_id').limit(limit), signal));
  }

  #ask<T>(query: Parameters<typeof ask<T>>[0], signal: AbortSignal): Promise<T> {
    return ask(query, this.#access, signal);
  }
}

/** @throws DestinationAway where something else than PostgREST answers: a proxy's page, for one */
function standingsIn(data: unknown): readonly RowStanding[] {
  const read = z.array(standing).safeParse(data);
  if (read.success) return read.data;
  throw new DestinationAway("Supabase's answer is no list of rows of jobs", { cause: read.error });
}

function rowsOf(data: unknown): readonly unknown[] {
  return Array.isArray(data) ? data : [];
}

function* inParts(rows: readonly ItemColumns[]): Generator<readonly ItemColumns[]> {
  let part: ItemColumns[] = [];
  let bytes = 0;
  for (const row of rows) {
    const size = Buffer.byteLength(JSON.stringify(row));
    if (part.length === requestRowsMax || (part.length > 0 && bytes + size > requestBytesMax)) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(row);
    bytes += size;
  }
  if (part.length > 0) yield part;
}

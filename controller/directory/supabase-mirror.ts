import pMap from 'p-map';
import { hasEnded } from '../domain/job-states.ts';
import { type Delivery, type Destination, DestinationAway, type OutboxItem } from '../outbox/destination.ts';
import { itemColumns, mirroredColumns, newJobColumns } from './supabase-columns.ts';
import { isCancelledOutside, MirrorTable, type RowStanding } from './supabase-mirror-table.ts';
import { refusalOf } from './supabase-refusal.ts';
import { RowRefused, type SupabaseAccess } from './supabase-rest.ts';
import { farmMark } from './supabase-rows.ts';

export interface SupabaseMirrorOptions extends SupabaseAccess {
  /** As the settings name it; every controller of the farm says the same. */
  readonly farmName: string;
}

/** Jobs of one call: their ids fit one address. */
const jobsMax = 50;
/** Requests at a time. */
const parallelMax = 6;
/** Looks at the rows of one call, so that somebody who keeps changing them does not keep us. */
const looksMax = 4;

/**
 * The mirror of jobs in the studio's tables: inserts a job's row and items where they are missing, then writes where
 * the job stands. A row is whole when its revision is above 0, so that an insert of which half was done is done again.
 * What was written is read from the row where no answer says it; answers may be lost.
 */
export function supabaseMirror(options: SupabaseMirrorOptions): Destination {
  const table = new MirrorTable(options);
  return {
    name: 'directory',
    itemsMax: jobsMax,
    deliver: async (items, signal) => {
      const told = new Map<string, Delivery>();
      for (let look = 0; look < looksMax && told.size < items.length; look += 1) {
        const open = items.filter(({ job }) => !told.has(job.jobId));
        for (const [jobId, delivery] of await tellAll(open, { ...options, table, signal }))
          told.set(jobId, delivery);
      }
      return items.map(({ job }) => told.get(job.jobId) ?? changing(job.jobId));
    },
  };
}

interface Call extends Pick<SupabaseMirrorOptions, 'farmName'> {
  readonly table: MirrorTable;
  readonly signal: AbortSignal;
}

function changing(jobId: string): never {
  throw new DestinationAway(`the row of job ${jobId} keeps changing while it is written`);
}

const delivered: Delivery = { result: 'delivered' };

/** What is missing in the answer must be looked at again. */
async function tellAll(items: readonly OutboxItem[], call: Call): Promise<ReadonlyMap<string, Delivery>> {
  const standings = await standingsOf(items, call);
  if (standings instanceof RowRefused)
    return new Map(items.map((item) => [item.job.jobId, refusalOf(standings)]));
  const absent = items.filter(({ job }) => !standings.has(job.jobId));
  const told = await insertJobs(absent, call);
  // The first that cannot be told ends the call: nobody waits for the others.
  const stop = new AbortController();
  const signal = AbortSignal.any([call.signal, stop.signal]);
  try {
    await pMap(
      items.filter(({ job }) => !told.has(job.jobId)),
      async (item) => {
        const { jobId } = item.job;
        const delivery = await tell(item, standings.get(jobId), { ...call, signal });
        if (delivery !== undefined) told.set(jobId, delivery);
      },
      { concurrency: parallelMax },
    );
  } finally {
    stop.abort(new DestinationAway('another row of the same call could not be written'));
  }
  return told;
}

async function standingsOf(items: readonly OutboxItem[], { table, signal }: Call) {
  try {
    return await table.standings(
      items.map(({ job }) => job.jobId),
      signal,
    );
  } catch (error) {
    if (error instanceof RowRefused) return error;
    throw error;
  }
}

/** Returns those that are refused: one that is must not be in the way of the others. */
async function insertJobs(items: readonly OutboxItem[], call: Call): Promise<Map<string, Delivery>> {
  if (items.length === 0) return new Map();
  const rows = items.map((item) => newJobColumns(item, call.farmName));
  try {
    await call.table.insertJobs(rows, call.signal);
    return new Map();
  } catch (error) {
    if (!(error instanceof RowRefused)) throw error;
    const [first] = rows;
    if (first !== undefined && rows.length === 1) return new Map([[first.job_id, refusalOf(error, [first])]]);
    const parts = await pMap(items, (item) => insertJobs([item], call), { concurrency: parallelMax });
    return new Map(parts.flatMap((part) => [...part]));
  }
}

/** Undefined: look again. */
async function tell(
  item: OutboxItem,
  standing: RowStanding | undefined,
  call: Call,
): Promise<Delivery | undefined> {
  const { job, body, revision } = item;
  const { table, farmName, signal } = call;
  const columns = mirroredColumns(item, farmName);
  const items = itemColumns(body);
  try {
    const done = standing && (await stands(item, standing, call));
    if (done !== undefined) return done;
    if (standing === undefined || isBegun(standing)) await table.insertItems(items, signal);
    const guard = { revision, mayBeCancelled: isOver(item) };
    return (await table.update(job.jobId, columns, guard, signal)) ? delivered : undefined;
  } catch (error) {
    if (error instanceof RowRefused) return refusalOf(error, [columns, ...items]);
    throw error;
  }
}

/** What the row says by itself; undefined: it is to be written. */
async function stands(item: OutboxItem, row: RowStanding, call: Call): Promise<Delivery | undefined> {
  const { farmName, table, signal } = call;
  if (row.claimed_by !== null && row.claimed_by !== farmName)
    return refused(`the row of job ${row.job_id} belongs to farm ${row.claimed_by}`);
  if (row.revision === undefined)
    return refused(`the revision of the row of job ${row.job_id} is no whole number: set it to 0`);
  const ours = BigInt(item.revision);
  if (row.revision === ours) return delivered;
  if (row.revision > ours)
    return refused(
      `the row of job ${row.job_id} has revision ${row.revision}, above ${ours}: it was written by a later leader, ` +
        'or for a store of this farm that is no more',
    );
  if (isOver(item) || !isCancelledOutside(row)) return undefined;
  // So that whoever looks for such rows finds it. What the job comes to is written when that was seen.
  if (row.claimed_by === null || row.farm_state === null)
    await table.settle(row, { farm: farmMark, claimed_by: farmName, farm_state: item.job.state }, signal);
  return delivered;
}

function refused(reason: string): Delivery {
  return { result: 'refused', reason };
}

function isBegun({ revision }: RowStanding): boolean {
  return revision === 0n;
}

/** A person can cancel it no more: that somebody did in the row says nothing. */
function isOver({ job }: OutboxItem): boolean {
  return hasEnded(job.state) && job.state !== 'quarantined';
}

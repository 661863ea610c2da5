import { randomUUID } from 'node:crypto';
import { type Loaded, StoreIncompatible, StoreUnavailable } from '../port.ts';
import { type FarmKeys, schemaVersion } from './keys.ts';
import { loadRecords } from './load-records.ts';
import type { RedisConnection } from './redis-connection.ts';

/** A leader loads what nobody changes; others may have to read again. */
const triesMax = 5;

/** All records as of one batch: what is written meanwhile makes it read again. @throws StoreUnavailable */
export async function loadFarm(connection: RedisConnection, keys: FarmKeys): Promise<Loaded> {
  for (let tries = 0; tries < triesMax; tries += 1) {
    const before = await readHead(connection, keys);
    const records = await loadRecords(async (what, act) => await connection.call(what, act), keys.records);
    const after = await readHead(connection, keys);
    if (after.chain === before.chain) return { farmId: after.farmId, lastBatch: after.lastBatch, records };
  }
  throw new StoreUnavailable(`The farm was changed ${triesMax} times while it was read`);
}

interface Head {
  readonly farmId: string;
  readonly lastBatch: number;
  /** Tells two batches apart, also those that have one number. */
  readonly chain: string;
}

async function readHead(connection: RedisConnection, { farm }: FarmKeys): Promise<Head> {
  const fields = ['schema', 'farmId', 'lastBatch', 'lastBatchTerm', 'lastBatchLeaderId'] as const;
  const read = await connection.call('load', async (client) => {
    const found = await client.hmget(farm, ...fields);
    if (found[1] !== null) return found;
    // A farm that was never led; the first id to arrive stays.
    await client.hsetnx(farm, 'farmId', randomUUID());
    return await client.hmget(farm, ...fields);
  });
  const [schema, farmId, ...chain] = read;
  requireSchema(farm, schema);
  if (typeof farmId !== 'string') throw new StoreUnavailable(`${farm} has lost its farm id`);
  return { farmId, lastBatch: Number(chain[0] ?? 0), chain: JSON.stringify([farmId, chain]) };
}

/** @throws StoreIncompatible for keys of another release; a farm that was never led has no schema yet */
export function requireSchema(farm: string, schema: string | null | undefined): void {
  if (schema === null || schema === undefined || schema === String(schemaVersion)) return;
  throw new StoreIncompatible(
    `${farm} was written by another release (schema ${schema}; this release knows ${schemaVersion})`,
  );
}

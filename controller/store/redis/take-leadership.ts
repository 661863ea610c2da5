import { randomUUID } from 'node:crypto';
import type { Epoch, LeadOptions } from '../port.ts';
import { epochFrom, unexpected } from './answers.ts';
import { type FarmKeys, schemaVersion } from './keys.ts';
import { requireSchema } from './load-farm.ts';
import type { RedisConnection } from './redis-connection.ts';

/** What the script says about a leadership that was obtained. */
export interface Taken {
  readonly epoch: Epoch;
  readonly otherEpoch: Epoch;
  readonly lastBatch: number;
}

/** One try; undefined while another leader's lease runs. @throws StoreUnavailable, StoreIncompatible */
export async function takeLeadership(
  connection: RedisConnection,
  keys: FarmKeys,
  ttlMs: number,
  { leaderId, termAtLeast, addresses = [] }: LeadOptions,
): Promise<Taken | undefined> {
  const args = [
    leaderId,
    String(termAtLeast),
    String(ttlMs),
    JSON.stringify(addresses),
    randomUUID(),
    String(schemaVersion),
  ];
  const answer = await connection.run('lead', [keys.farm, keys.lease], args);
  switch (answer[0]) {
    case 'led':
      return {
        epoch: epochFrom(answer[1], leaderId),
        otherEpoch: epochFrom(answer[2], answer[3]),
        lastBatch: Number(answer[4]),
      };
    case 'held':
      return undefined;
    case 'incompatible':
      requireSchema(keys.farm, String(answer[1]));
  }
  throw unexpected('lead', answer);
}

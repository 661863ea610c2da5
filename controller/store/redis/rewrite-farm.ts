import { randomUUID } from 'node:crypto';
import { encodeChunks } from '../encode-batch.ts';
import { type Epoch, type Rewrite, type RewriteResult, StoreUnavailable } from '../port.ts';
import { epochFrom, unexpected } from './answers.ts';
import type { FarmKeys } from './keys.ts';
import { fieldOf, valueOf } from './record-fields.ts';
import type { RedisConnection } from './redis-connection.ts';

/** Collects all records beside those that stand, then lets them take their place. @throws StoreUnavailable */
export async function rewriteFarm(
  connection: RedisConnection,
  keys: FarmKeys,
  { farmId, number, records }: Rewrite,
  epoch: Epoch,
): Promise<RewriteResult> {
  const rewriteId = randomUUID();
  const prefix = [String(epoch.term), epoch.leaderId, rewriteId];
  let answer = await connection.run('stage', [keys.farm, keys.staged], [...prefix, '1']);
  let count = 0;
  for (const piece of encodeChunks(records)) {
    if (answer[0] !== 'staged') break;
    const pairs = piece.flatMap((record) => [fieldOf(record), valueOf(record)]);
    answer = await connection.run('stage', [keys.farm, keys.staged], [...prefix, '0', ...pairs]);
    count += piece.length;
  }
  if (answer[0] === 'staged') {
    const all = [keys.farm, keys.records, keys.staged];
    answer = await connection.run('take-staged', all, [...prefix, String(count), farmId, String(number)]);
  }
  return resultOf(answer);
}

function resultOf(answer: readonly unknown[]): RewriteResult {
  switch (answer[0]) {
    case 'committed':
      return { result: 'committed' };
    case 'stale-epoch':
      return { result: 'stale-epoch', stored: epochFrom(answer[1], answer[2]) };
    case 'other-rewrite':
      throw new StoreUnavailable('What this rewrite had collected is no longer there: it must begin again');
    default:
      throw unexpected('rewrite', answer);
  }
}

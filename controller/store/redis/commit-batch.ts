import type { EncodedBatch } from '../encode-batch.ts';
import type { CommitResult, Epoch } from '../port.ts';
import { epochFrom, unexpected } from './answers.ts';
import type { FarmKeys } from './keys.ts';
import { fieldOf, valueOf } from './record-fields.ts';
import type { RedisConnection } from './redis-connection.ts';

/** One batch in one script. @throws StoreUnavailable */
export async function commitBatch(
  connection: RedisConnection,
  keys: FarmKeys,
  { number, previous, upserts, deletes }: EncodedBatch,
  epoch: Epoch,
): Promise<CommitResult> {
  const args = [String(epoch.term), epoch.leaderId, String(number), String(previous), String(upserts.length)];
  for (const record of upserts) args.push(fieldOf(record), valueOf(record));
  for (const key of deletes) args.push(fieldOf(key));
  const answer = await connection.run('commit', [keys.farm, keys.records], args);
  switch (answer[0]) {
    case 'committed':
      return { result: 'committed' };
    case 'stale-epoch':
      return { result: 'stale-epoch', stored: epochFrom(answer[1], answer[2]) };
    case 'broken-chain':
      return { result: 'broken-chain', lastBatch: Number(answer[1]) };
    default:
      throw unexpected('commit', answer);
  }
}

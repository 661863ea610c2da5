import { Redis } from 'ioredis';
import { rounded } from './statistics.ts';

/** Records of one job's life that are written together, roughly, and their size. */
const recordBytes = 1_500;
const batchRecords = [1, 60, 300] as const;
const measureMs = 1_500;

const script = 'for i = 1, #KEYS do redis.call("SET", KEYS[i], ARGV[i]) end return #KEYS';

/** What this Redis does by itself: batches of records, one after another, each durable as it is configured. */
export async function rawRedis(socket: string): Promise<readonly string[]> {
  const redis = new Redis({ path: socket });
  const lines: string[] = [];
  try {
    const value = 'x'.repeat(recordBytes);
    for (const records of batchRecords) {
      const keys = Array.from({ length: records }, (_, n) => `raw:${n}`);
      const values = keys.map(() => value);
      const perSecond = await batchesPerSecond(() => redis.eval(script, records, ...keys, ...values));
      lines.push(`EVAL of ${records} SETs of ${recordBytes} bytes: ${rounded(perSecond)} batches a second`);
    }
    return lines;
  } finally {
    await redis.flushall();
    redis.disconnect();
  }
}

async function batchesPerSecond(commit: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  let batches = 0;
  while (performance.now() - startedAt < measureMs) {
    await commit();
    batches += 1;
  }
  return batches / ((performance.now() - startedAt) / 1000);
}

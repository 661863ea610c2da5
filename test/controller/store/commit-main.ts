import { writeSync } from 'node:fs';
import process from 'node:process';
import { openSqliteStore } from '../../../controller/store/sqlite/sqlite-store.ts';

// Commits batches of three records without end, and says the number of each one once it is acknowledged.
const store = openSqliteStore({ file: process.argv[2] ?? '' });
const { epoch } = await store.lead({
  leaderId: 'child',
  termAtLeast: 0,
  signal: AbortSignal.timeout(20_000),
});
const { lastBatch } = await store.load();
for (let number = lastBatch + 1; ; number += 1) {
  const upserts = ['a', 'b', `n${number}`].map((id) => ({ kind: 'job', id, version: 1, body: number }));
  await store.commit({ number, previous: number - 1, upserts, deletes: [] }, epoch);
  writeSync(1, `${number}\n`);
}

import { resolve } from 'node:path';
import type { PastTables } from '../past-rows.ts';
import { StoreUnavailable } from '../port.ts';
import type { PastCalls } from './past-file.ts';
import { StoreThreadCaller, type ThreadKind } from './store-thread-caller.ts';

export interface SqlitePastOptions {
  /** The database, made at first use with its folder. Beside it: `-wal` and `-shm`. */
  readonly file: string;
  /** The file grows to this at most; then nothing is written until something is deleted. @default 16 GiB */
  readonly fileBytesMax?: number;
}

const pastThread: ThreadKind = { name: 'past', script: './past-thread.ts' };

/**
 * Tables of the past in a SQLite file of their own. What is put is synced before it resolves. A file that cannot be
 * used fails each call, and is opened anew by the next.
 */
export function openSqlitePast({ file, fileBytesMax = 16 * 1024 ** 3 }: SqlitePastOptions): PastTables {
  const options = { file: resolve(file), fileBytesMax };
  let thread: StoreThreadCaller<PastCalls> | undefined;
  let closed: Promise<void> | undefined;
  const running = (): StoreThreadCaller<PastCalls> => {
    if (closed !== undefined) throw new StoreUnavailable(`${options.file}: it is closed`);
    if (thread === undefined || thread.ended.aborted) thread = new StoreThreadCaller(pastThread, options);
    return thread;
  };
  return {
    close: () => (closed ??= Promise.resolve(thread?.end())),
    table: (name) => ({
      put: async (rows) => await running().call('put', name, rows),
      get: async (id) => await running().call('get', name, id),
      list: async (filter, size, after) => await running().call('list', name, filter, size, after),
      expire: async (limits) => await running().call('expire', name, limits),
    }),
  };
}

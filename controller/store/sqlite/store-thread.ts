import { workerData } from 'node:worker_threads';
import { RecordsFile } from './records-file.ts';
import { serveCalls } from './serve-calls.ts';
import type { ThreadOptions } from './thread-protocol.ts';

// The store's thread: a slow disk stops this loop, and not the one that agents are heard on.
serveCalls(new RecordsFile(workerData as ThreadOptions));

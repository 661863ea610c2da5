import { workerData } from 'node:worker_threads';
import { PastFile } from './past-file.ts';
import { serveCalls } from './serve-calls.ts';
import type { ThreadOptions } from './thread-protocol.ts';

// Apart from the store's thread: no commit waits for somebody who leafs through the past.
serveCalls(new PastFile(workerData as ThreadOptions));

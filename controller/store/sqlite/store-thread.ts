import { parentPort, workerData } from 'node:worker_threads';
import { StoreIncompatible } from '../port.ts';
import { RecordsFile } from './records-file.ts';
import type { ThreadOptions, ThreadReply, ThreadRequest } from './thread-protocol.ts';

// The store's thread: a slow disk stops this loop, and not the one that agents are heard on.
const file = new RecordsFile(workerData as ThreadOptions);

parentPort?.on('message', (request: ThreadRequest) => {
  parentPort?.postMessage(answer(request));
});

function answer({ name, args }: ThreadRequest): ThreadReply {
  try {
    const call = file[name].bind(file) as (...all: readonly unknown[]) => unknown;
    return { ok: true, value: call(...args) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, incompatible: error instanceof StoreIncompatible, message, cause: error };
  }
}

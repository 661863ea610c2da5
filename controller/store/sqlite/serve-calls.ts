import { parentPort } from 'node:worker_threads';
import { StoreIncompatible } from '../port.ts';
import type { ThreadReply, ThreadRequest } from './thread-protocol.ts';

/** Answers, in a thread, what its caller asks of `target`: one call after the other. */
export function serveCalls(target: object): void {
  parentPort?.on('message', (request: ThreadRequest) => {
    parentPort?.postMessage(answer(target, request));
  });
}

function answer(target: object, { name, args }: ThreadRequest): ThreadReply {
  try {
    const call = (target as Record<string, (...all: readonly unknown[]) => unknown>)[name];
    return { ok: true, value: call?.apply(target, args as unknown[]) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, incompatible: error instanceof StoreIncompatible, message, cause: error };
  }
}

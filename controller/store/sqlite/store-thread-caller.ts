import { Worker } from 'node:worker_threads';
import { StoreIncompatible, StoreUnavailable } from '../port.ts';
import type {
  ArgumentsOf,
  CallName,
  ResultOf,
  ThreadOptions,
  ThreadReply,
  ThreadRequest,
} from './thread-protocol.ts';

interface PendingCall {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Which thread is meant: `script` is beside this file. */
export interface ThreadKind {
  readonly name: string;
  readonly script: string;
}

/** Calls into a thread that owns a file; every call ends, also when the thread does. */
export class StoreThreadCaller<Calls extends object> {
  readonly #file: string;
  readonly #worker: Worker;
  readonly #pending: PendingCall[] = [];
  readonly #ended = new AbortController();

  constructor({ name, script }: ThreadKind, options: ThreadOptions) {
    this.#file = options.file;
    this.#worker = new Worker(new URL(script, import.meta.url), { name, workerData: options });
    this.#worker.on('message', (reply: ThreadReply) => this.#settle(reply));
    this.#worker.on('error', (error: Error) => this.#end(error));
    this.#worker.on('exit', () => this.#end(new Error('its thread has ended')));
  }

  /** Aborted when the thread is gone, and with it every lock that it held. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** @throws StoreUnavailable, StoreIncompatible */
  async call<Name extends CallName<Calls>>(
    name: Name,
    ...args: ArgumentsOf<Calls[Name]>
  ): Promise<ResultOf<Calls[Name]>> {
    return (await this.#ask(name, args)) as ResultOf<Calls[Name]>;
  }

  /** Lets calls that were made before this end, gives up the lock, ends the thread. */
  async end(): Promise<void> {
    if (this.#ended.signal.aborted) return;
    // Every commit that resolved is on disk already: a close that fails costs nothing.
    await this.#ask('close', []).catch(() => undefined);
    await this.#worker.terminate();
  }

  async #ask(name: string, args: readonly unknown[]): Promise<unknown> {
    if (this.#ended.signal.aborted) throw new StoreUnavailable(`${this.#file}: the store is closed`);
    return await new Promise((resolve, reject) => {
      this.#pending.push({ resolve, reject });
      this.#worker.postMessage({ name, args } satisfies ThreadRequest);
    });
  }

  #settle(reply: ThreadReply): void {
    const call = this.#pending.shift();
    if (reply.ok) call?.resolve(reply.value);
    else call?.reject(errorOf(this.#file, reply));
  }

  #end(cause: Error): void {
    this.#ended.abort(cause);
    for (const call of this.#pending.splice(0)) {
      call.reject(new StoreUnavailable(`${this.#file}: ${cause.message}`, cause));
    }
  }
}

function errorOf(file: string, reply: Extract<ThreadReply, { ok: false }>): Error {
  if (reply.incompatible) return new StoreIncompatible(reply.message);
  return new StoreUnavailable(`${file}: ${reply.message}`, reply.cause);
}

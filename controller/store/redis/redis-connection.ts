import { once } from 'node:events';
import { Cluster, type Redis } from 'ioredis';
import { StoreUnavailable } from '../port.ts';
import { addressText, type RedisAddress } from './redis-address.ts';
import { type ClientOptions, openClient } from './redis-client.ts';
import { commandOf, type ScriptName } from './scripts.ts';

export interface ConnectionOptions extends Omit<ClientOptions, 'connectMs'> {
  /** Every call ends within this time, and what it takes to send much. */
  readonly callMs: number;
}

/** What the slowest network that we serve carries: 4 MiB a second. */
const charsPerMs = 4 * 1024;

/** One connection to the Redis (on a Cluster: one to each host), made at first use and again whenever it breaks. */
export class RedisConnection {
  readonly #address: RedisAddress;
  readonly #client: Redis | Cluster;
  readonly #callMs: number;
  readonly #underWay = new Set<(error: Error) => void>();
  #connecting: Promise<unknown> | undefined;
  #lastError: Error | undefined;
  #closed: Error | undefined;

  constructor(options: ConnectionOptions) {
    this.#address = options.address;
    this.#callMs = options.callMs;
    this.#client = openClient({ ...options, connectMs: options.callMs });
    // ioredis tells here why it cannot connect; without a listener it prints that.
    this.#client.on('error', (error: Error) => {
      this.#lastError = error;
    });
  }

  /** Runs a script; its answer is a list of texts and numbers. @throws StoreUnavailable */
  async run(
    script: ScriptName,
    keys: readonly string[],
    args: readonly string[],
  ): Promise<readonly unknown[]> {
    const name = commandOf(script);
    const act = async (client: Redis | Cluster): Promise<readonly unknown[]> => {
      const commands = client as unknown as Record<string, (...all: readonly string[]) => Promise<unknown>>;
      return (await commands[name]?.(...keys, ...args)) as readonly unknown[];
    };
    const chars = args.reduce((sum, each) => sum + each.length, 0);
    return await this.call(script, act, this.#callMs + Math.ceil(chars / charsPerMs));
  }

  /** Does something with a connected client. @throws StoreUnavailable after the time limit, or when it fails */
  async call<T>(
    what: string,
    act: (client: Redis | Cluster) => Promise<T>,
    limitMs = this.#callMs,
  ): Promise<T> {
    const ended = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      ended.reject(this.#tooLate(limitMs));
      // Whatever keeps it silent, the next call gets a connection of its own.
      this.#destroySockets();
    }, limitMs);
    this.#underWay.add(ended.reject);
    try {
      if (this.#closed !== undefined) throw this.#closed;
      // Apart, so that nothing is sent for a caller who has already heard that it was not.
      await Promise.race([this.#connected(), ended.promise]);
      return await Promise.race([act(this.#client), ended.promise]);
    } catch (error) {
      throw this.#unavailable(what, error);
    } finally {
      clearTimeout(timer);
      this.#underWay.delete(ended.reject);
    }
  }

  /** Ends it at once, and with it what is under way. Idempotent. */
  close(): void {
    this.#closed ??= new Error('the store is closed');
    for (const end of this.#underWay) end(this.#closed);
    this.#client.disconnect();
    // A peer that is frozen would keep a connection half open, and this process alive.
    this.#destroySockets();
  }

  /** Rejects with the first reason why it cannot be connected now; it goes on trying. */
  async #connected(): Promise<void> {
    const client = this.#client;
    if (client.status === 'ready') return;
    // Whether it worked is heard as `ready`; why not, as `error`.
    if (client.status === 'wait' || client.status === 'end') client.connect().catch(() => undefined);
    this.#connecting ??= once(client, 'ready').finally(() => {
      this.#connecting = undefined;
    });
    await this.#connecting;
  }

  #destroySockets(): void {
    const clients = this.#client instanceof Cluster ? this.#client.nodes() : [this.#client];
    for (const { stream } of clients) (stream as typeof stream | undefined)?.destroy();
  }

  #tooLate(limitMs: number): Error {
    const cause = this.#client.status === 'ready' ? undefined : this.#lastError;
    const message = cause === undefined ? 'no answer' : cause.message;
    return new Error(`${message} (within ${limitMs} ms)`);
  }

  #unavailable(what: string, error: unknown): StoreUnavailable {
    const cause = withoutCommand(error);
    return new StoreUnavailable(`${addressText(this.#address)}: cannot ${what}: ${cause.message}`, cause);
  }
}

/** ioredis hangs the command on its errors: passwords and whole batches, which no log may show. */
function withoutCommand(error: unknown): Error {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  return Object.assign(new Error(message), { name, stack });
}

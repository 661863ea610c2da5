import type { TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { type Store, StoreUnavailable } from '../../../controller/store/port.ts';
import { openRedisStore, type RedisStoreOptions } from '../../../controller/store/redis/redis-store.ts';
import type { RedisServer } from '../../helpers/redis-server.ts';
import { RedisProxy } from './redis-proxy.ts';
import type { StoreHarness } from './store-harness.ts';

/** Long enough for a busy machine, short enough to wait for. */
export const testLease = { ttlMs: 6_000, renewMs: 400, graceMs: 4_000 };

/** A store straight on the server. */
export function openOn(
  server: Pick<RedisServer, 'path'>,
  farmName: string,
  more: Partial<RedisStoreOptions> = {},
): Store {
  const address = { kind: 'socket', path: server.path, db: 0 } as const;
  return openRedisStore({ address, farmName, lease: testLease, leadRetryMs: 10, ...more });
}

/** Pause between two looks. */
const pollMs = 10;

let farms = 0;

/** A farm name that no other test of this process has. */
export function newFarm(): string {
  farms += 1;
  return `farm-${farms}`;
}

export interface RedisHarness extends StoreHarness {
  readonly proxy: RedisProxy;
  readonly farmName: string;
}

/** A farm of its own on a running server, its stores behind a proxy that can spoil their requests. */
export async function redisHarness(t: TestContext, server: RedisServer): Promise<RedisHarness> {
  const proxy = await RedisProxy.start(t, server.folder, server.path);
  const farmName = newFarm();
  const keyOf = (name: string): string => `{renderfarm:${farmName}}:${name}`;
  return {
    proxy,
    farmName,
    open: () => openOn(proxy, farmName),
    // The batch breaks off on its way; Redis itself does a script as a whole or not at all.
    failAt: (recordId) => {
      proxy.plan = (request) =>
        recordId !== undefined && request.includes(`job:${recordId}\r\n`) ? 'cut' : undefined;
    },
    faults: ['before', 'after'],
    failWrites: (fault) => {
      const spoiled = fault === 'before' ? 'cut' : 'lose-reply';
      proxy.plan = (request) => (fault !== undefined && isScript(request) ? spoiled : undefined);
    },
    expire: async () => {
      await server.command('DEL', keyOf('lease'));
    },
    save: async () => await saveKeys(server, [keyOf('farm'), keyOf('records')]),
    losesTailWhileOpen: true,
  };
}

/** A script is called: the first words of such a request, as ioredis sends it. */
export function isScript(request: string): boolean {
  return /\$(?:4\r\neval|7\r\nevalsha)\r\n/u.test(request);
}

async function saveKeys(server: RedisServer, keys: readonly string[]): Promise<() => Promise<void>> {
  const copy = async (from: string, to: string): Promise<void> => {
    await server.command('DEL', to);
    await server.command('COPY', from, to);
  };
  const saved = (key: string): string => `${key}:saved`;
  for (const key of keys) await copy(key, saved(key));
  return async () => {
    for (const key of keys) await copy(saved(key), key);
  };
}

/** The same call again until it works, as the engine makes it. */
export async function untilItWorks<T>(call: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof StoreUnavailable) || tries === 3_000) throw error;
      await setTimeout(pollMs);
    }
  }
}

/** Waits until it holds; the test's own time limit ends it. */
export async function eventually(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await setTimeout(pollMs);
}

/** How many scripts the server has run since its start. */
export async function scriptsRun(server: Pick<RedisServer, 'command'>): Promise<number> {
  const stats = await server.command('INFO', 'commandstats');
  return ['eval', 'evalsha']
    .map((name) => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`, 'u').exec(stats)?.[1] ?? 0))
    .reduce((sum, calls) => sum + calls, 0);
}

/** Waits for so many renewals of the one store that is open there. */
export async function renewals(server: Pick<RedisServer, 'command'>, count: number): Promise<void> {
  const before = await scriptsRun(server);
  await eventually(async () => (await scriptsRun(server)) >= before + count);
}

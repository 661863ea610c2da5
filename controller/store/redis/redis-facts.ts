import { Cluster, type Redis } from 'ioredis';
import { StoreUnavailable } from '../port.ts';
import { durabilitySettings, type RedisFacts } from './durability.ts';
import type { RedisConnection } from './redis-connection.ts';

/** Asks the Redis, on a Cluster every master of it, what is configured. @throws StoreUnavailable */
export async function readFacts(
  connection: RedisConnection,
  failsOver: boolean,
): Promise<readonly RedisFacts[]> {
  return await connection.call('read its configuration', async (client) => {
    const servers = client instanceof Cluster ? client.nodes('master') : [client];
    return await Promise.all(servers.map(async (server) => await factsOf(server, failsOver)));
  });
}

async function factsOf(server: Redis, failsOver: boolean): Promise<RedisFacts> {
  const [info, config] = await Promise.all([
    unlessForbidden(async () => infoMap(await server.info())),
    unlessForbidden(async () => await configOf(server)),
  ]);
  const replicas = Number(info?.get('connected_slaves') ?? 0);
  return { info, config, failsOver: failsOver || replicas > 0 };
}

/** Managed services refuse, rename or do not know these commands, each in words of its own. */
async function unlessForbidden<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof Error && error.name === 'ReplyError') return undefined;
    throw new StoreUnavailable('The Redis does not say how it is configured', error);
  }
}

function infoMap(text: string): ReadonlyMap<string, string> {
  const lines = text.split('\r\n').filter((line) => line.includes(':'));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}

/** One setting at a time: before Redis 7 CONFIG GET takes one name. */
async function configOf(server: Redis): Promise<ReadonlyMap<string, string>> {
  const answers = await Promise.all(
    durabilitySettings.map(async (name) => (await server.config('GET', name)) as readonly string[]),
  );
  return new Map(
    answers.flatMap(([name, value]) => (name === undefined ? [] : [[name, value ?? ''] as const])),
  );
}

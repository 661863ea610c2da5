import type { ChaosFarm } from './farm.ts';
import type { Fault } from './fault.ts';
import { type Injected, type Injection, skipped, victimOf } from './injection.ts';
import { cutTail } from './redis-process.ts';
import type { TcpProxy } from './tcp-proxy.ts';

/** Breaks every connection between two ends: an agent and all controllers, all clients and a controller, one and Redis. */
export function breakNetwork(fault: Fault & { kind: 'net' }, { farm }: Injected): Injection {
  const { name, proxies } = linkOf(fault, farm);
  if (proxies.length === 0) return skipped('there is no such link');
  for (const proxy of proxies) proxy.fault(fault.how);
  return { did: `${fault.how} of ${name}`, undo: () => proxies.forEach((proxy) => proxy.heal()) };
}

/** What Redis had promised is gone, by its last bytes; the controllers live and have it in memory. */
export async function loseRedisTail(
  fault: Fault & { kind: 'redis-tail' },
  { farm: { redis, redisFolder } }: Injected,
): Promise<Injection> {
  if (redis?.signal('SIGKILL') !== true) return skipped('there is no Redis');
  await redis.ended();
  const cut = cutTail(redisFolder, fault.bytes);
  return { did: `killed Redis and cut its last ${cut} bytes`, undo: () => redis.startAgain() };
}

function linkOf(
  { link, victim }: Fault & { kind: 'net' },
  farm: ChaosFarm,
): { readonly name: string; readonly proxies: readonly TcpProxy[] } {
  if (link === 'agent') {
    const agent = victimOf(farm.agents, victim);
    return { name: agent?.agentId ?? 'nobody', proxies: agent?.network ?? [] };
  }
  const controller = victimOf(farm.controllers, victim);
  const proxy = link === 'client' ? controller?.network : controller?.toRedis;
  const name = `${link === 'client' ? 'clients' : 'Redis'} and ${controller?.program.name ?? 'nobody'}`;
  return { name, proxies: proxy === undefined ? [] : [proxy] };
}

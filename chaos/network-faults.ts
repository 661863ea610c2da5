import { readFileSync } from 'node:fs';
import type { Program } from './child-process.ts';
import type { ChaosFarm } from './farm.ts';
import type { Fault } from './fault.ts';
import { type Injected, type Injection, skipped, victimOf } from './injection.ts';
import { pause, until } from './later.ts';
import { cutTail } from './redis-process.ts';
import type { TcpProxy } from './tcp-proxy.ts';

/** Breaks every connection between two ends: an agent and all controllers, all clients and a controller, one and Redis. */
export function breakNetwork(fault: Fault & { kind: 'net' }, { farm }: Injected): Injection {
  const { name, proxies } = linkOf(fault, farm);
  if (proxies.length === 0) return skipped('there is no such link');
  for (const proxy of proxies) proxy.fault(fault.how);
  return { did: `${fault.how} of ${name}`, undo: () => proxies.forEach((proxy) => proxy.heal()) };
}

/**
 * What Redis had promised is gone, by its last bytes; the leader lives and has it in memory. Standbys are stopped
 * before: one that leads first has nothing but what is left, and nobody can know more than it.
 */
export async function loseRedisTail(
  fault: Fault & { kind: 'redis-tail' },
  { farm: { redis, redisFolder, controllers } }: Injected,
): Promise<Injection> {
  const leaders = controllers.filter(({ program }) => leads(program));
  const [leader] = leaders;
  if (redis?.isRunning !== true || leader === undefined || leaders.length > 1) {
    return skipped('no Redis, or not one leader');
  }
  const standbys = controllers.filter((each) => each !== leader && each.program.isRunning);
  await Promise.all(standbys.map(({ program }) => program.stop(stopGraceMs)));
  redis.signal('SIGKILL');
  await redis.ended();
  const cut = cutTail(redisFolder, fault.bytes);
  return {
    did: `killed Redis and cut its last ${cut} bytes; ${leader.program.name} has them in memory`,
    async undo() {
      await redis.startAgain();
      await pause(leadAgainMs);
      await until(() => leads(leader.program), leadAgainLimitMs);
      for (const { program } of standbys) await program.startAgain();
    },
  };
}

const stopGraceMs = 8_000;
/** The leader has noticed by then that its renewals fail, or has renewed. */
const leadAgainMs = 1_500;
const leadAgainLimitMs = 15_000;

/** By the last word that it said about it. */
function leads({ isRunning, isFrozen, options }: Program): boolean {
  if (!isRunning || isFrozen) return false;
  const words = /"msg":"(leading the farm|another controller leads: standing by|the leadership is lost)"/gu;
  return [...readFileSync(options.logFile, 'utf8').matchAll(words)].at(-1)?.[1] === 'leading the farm';
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

/**
 * `npm run bench -- agents [--agents 1000] [--idle 5000] [--tls] [--seconds 30]`: what attached agents cost the
 * controller. `--agents` of them hold a job each and report its progress once a second, every one with a heartbeat each 5
 * s, on connections of their own: `controller_cpu_cores` (user and system), `heartbeat_p99_ms` (sent to answered, as the
 * agent sees it), `rss_kib_per_agent` (what the controller's memory grew by). Then `--idle` agents without a job on a
 * controller of their own: `idle_rss_kib_per_agent`. All agents are this process.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { LinkSecurity } from '../agent/link/connection.ts';
import { profileInto } from './farm-process.ts';
import { FarmUnderTest } from './farm-under-test.ts';
import { NoOpAgent } from './no-op-agent.ts';
import { processUsage } from './process-usage.ts';
import { percentile, rounded } from './statistics.ts';
import { Submitter } from './submitter.ts';

const certificates = join(import.meta.dirname, '../test/fixtures/tls');
/** Agents that connect at a time. */
const connectingMax = 50;
const progressMs = 1_000;
/** What the farm needs to come to rest behind the last connection. */
const settleMs = 5_000;

interface Options {
  readonly tls: boolean;
  readonly seconds: number;
}

export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      agents: { type: 'string', default: '1000' },
      idle: { type: 'string', default: '5000' },
      seconds: { type: 'string', default: '30' },
      tls: { type: 'boolean', default: false },
      profile: { type: 'string' },
    },
  });
  const options = { tls: values.tls, seconds: Number(values.seconds) };
  const [busy, idle] = [Number(values.agents), Number(values.idle)];
  await profileInto(values.profile);
  const working = busy === 0 ? {} : await measureBusy(busy, options);
  const resting = idle === 0 ? {} : await measureIdle(idle, options);
  return { agents: busy, tls: values.tls, ...working, ...resting };
}

async function measureBusy(count: number, options: Options): Promise<Record<string, number>> {
  const farm = await FarmUnderTest.open('sqlite');
  const agents: NoOpAgent[] = [];
  try {
    const { address, process: controller } = await startController(farm, options);
    const before = await processUsage(controller.pid);
    const beats: number[] = [];
    await attach(agents, count, address, options, (ms) => beats.push(ms));
    await giveEachAJob(address, count, options);
    await delay(settleMs);
    beats.length = 0;
    const from = await processUsage(controller.pid);
    const startedAt = performance.now();
    await delay(options.seconds * 1000);
    const to = await processUsage(controller.pid);
    const seconds = (performance.now() - startedAt) / 1000;
    process.stderr.write(`${beats.length} heartbeats, p50 ${rounded(percentile(beats, 0.5))} ms\n`);
    return {
      controller_cpu_cores: rounded((to.cpuS - from.cpuS) / seconds),
      rss_kib_per_agent: Math.round((to.rssKib - before.rssKib) / count),
      heartbeat_p99_ms: rounded(percentile(beats, 0.99)),
    };
  } finally {
    await Promise.all(agents.map((agent) => agent.stop()));
    await farm.stop();
  }
}

async function measureIdle(count: number, options: Options): Promise<Record<string, number>> {
  const farm = await FarmUnderTest.open('sqlite');
  const agents: NoOpAgent[] = [];
  try {
    const { address, process: controller } = await startController(farm, options);
    const before = await processUsage(controller.pid);
    await attach(agents, count, address, options);
    await delay(settleMs);
    const after = await processUsage(controller.pid);
    return { idle_agents: count, idle_rss_kib_per_agent: Math.round((after.rssKib - before.rssKib) / count) };
  } finally {
    await Promise.all(agents.map((agent) => agent.stop()));
    await farm.stop();
  }
}

async function startController(
  farm: FarmUnderTest,
  { tls }: Options,
): ReturnType<FarmUnderTest['startController']> {
  if (!tls) return await farm.startController();
  const [cert, key] = [join(certificates, 'server.pem'), join(certificates, 'server.key')];
  return await farm.startController({ tls: { cert, key } });
}

async function securityOf({ tls }: Options): Promise<LinkSecurity> {
  if (!tls) return {};
  return { tls: { ca: await readFile(join(certificates, 'ca.pem')), serverName: 'localhost' } };
}

async function attach(
  agents: NoOpAgent[],
  count: number,
  address: string,
  options: Options,
  onHeartbeat?: (ms: number) => void,
): Promise<void> {
  const security = await securityOf(options);
  const attachSome = async (): Promise<void> => {
    while (agents.length < count) {
      const agent = new NoOpAgent({
        agentId: `bench-${agents.length}`,
        controllers: [address],
        security,
        plan: 'hold',
        progressMs,
        ...(onHeartbeat && { onHeartbeat }),
      });
      agents.push(agent);
      await agent.ready;
      if (agents.length % 1_000 === 0) process.stderr.write(`${agents.length} agents\n`);
    }
  };
  await Promise.all(Array.from({ length: connectingMax }, attachSome));
}

async function giveEachAJob(address: string, count: number, options: Options): Promise<void> {
  const submitter = new Submitter(address, connectingMax, await securityOf(options));
  let begun = 0;
  const submitSome = async (): Promise<void> => {
    while (begun < count) {
      begun += 1;
      await submitter.submit({ userId: 'bench' });
    }
  };
  await Promise.all(Array.from({ length: connectingMax }, submitSome));
  submitter.close();
}

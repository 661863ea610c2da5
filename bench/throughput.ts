/**
 * `npm run bench -- throughput [--store redis-always] [--jobs 10000] [--runs 1]`: whole lives of jobs that do nothing a
 * second, over real gRPC: submitted, assigned, accepted, started, encoded, ready, granted, published, acknowledged. 50
 * agents with 2 slots and the submitting client are this process; the controller is one of its own, on a durable store.
 *
 * In the same run: the floor (the same messages as raw bytes, without codec, engine and store), and BullMQ on the same
 * Redis with 1, 3 and 100 consumers (for SQLite on a Redis of its own with appendfsync always). One after another, in
 * turn with ours where `--runs` is more than 1. How fast this Redis is by itself is written to stderr.
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { bullmqLives } from './bullmq.ts';
import { profileInto } from './farm-process.ts';
import { FarmUnderTest, storeNamed } from './farm-under-test.ts';
import { floorLives } from './floor.ts';
import { type LivesOptions, livesPerSecond } from './lives.ts';
import { NoOpAgent } from './no-op-agent.ts';
import { processUsage } from './process-usage.ts';
import { rawRedis } from './raw-redis.ts';
import { rounded, spread } from './statistics.ts';
import { Submitter } from './submitter.ts';

const consumerCounts = [1, 3, 100] as const;

export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      store: { type: 'string', default: 'sqlite' },
      jobs: { type: 'string', default: '10000' },
      agents: { type: 'string', default: '50' },
      runs: { type: 'string', default: '1' },
      'in-flight': { type: 'string', default: '400' },
      profile: { type: 'string' },
      alone: { type: 'boolean', default: false },
    },
  });
  const store = storeNamed(values.store);
  const options = {
    jobs: Number(values.jobs),
    agents: Number(values.agents),
    slots: 2,
    inFlight: Number(values['in-flight']),
  };
  const figures: Record<string, number[]> = {};
  const note = (name: string, value: number): void => {
    (figures[name] ??= []).push(value);
    process.stderr.write(`${name} ${rounded(value)}\n`);
  };
  const runs = Number(values.runs);
  for (let n = 0; n < runs; n += 1) {
    if (!values.alone) note('floor_lives_per_s', await floorLives(options));
    await profileInto(values.profile);
    note('lives_per_s', await ourLives(store, options));
    if (!values.alone) await peers(store, options, note);
  }
  const [ours = 0, floor = 0] = [figures['lives_per_s']?.[0], figures['floor_lives_per_s']?.[0]];
  const spreads = Object.entries(figures).map(([name, all]) => spread(name, all));
  const ratio = runs === 1 ? ours / floor : undefined;
  return {
    store,
    jobs: options.jobs,
    agents: options.agents,
    runs,
    ...merged(spreads),
    ratio_floor: rounded(ratio ?? medianRatio(figures)),
  };
}

function merged(parts: readonly Record<string, number>[]): Record<string, number> {
  return Object.fromEntries(parts.flatMap((part) => Object.entries(part)));
}

function medianRatio(figures: Readonly<Record<string, readonly number[]>>): number {
  const median = (name: string): number => spread('x', figures[name] ?? [0])['x'] ?? 0;
  return median('lives_per_s') / median('floor_lives_per_s');
}

async function ourLives(store: ReturnType<typeof storeNamed>, options: LivesOptions): Promise<number> {
  const farm = await FarmUnderTest.open(store);
  const agents: NoOpAgent[] = [];
  let submitter: Submitter | undefined;
  try {
    const { address, process: controller } = await farm.startController();
    let onPublished = (): void => undefined;
    for (let n = 0; n < options.agents; n += 1) {
      const told = { onPublished: () => onPublished() };
      agents.push(
        new NoOpAgent({ agentId: `bench-${n}`, controllers: [address], slots: options.slots, ...told }),
      );
    }
    await Promise.all(agents.map(({ ready }) => ready));
    const calls = new Submitter(address, options.inFlight);
    submitter = calls;
    const before = await processUsage(controller.pid);
    const lives = await livesPerSecond(options, {
      submit: () => calls.submit({ userId: 'bench' }),
      listen: (listener) => {
        onPublished = listener;
      },
    });
    const cpuS = (await processUsage(controller.pid)).cpuS - before.cpuS;
    process.stderr.write(`controller: ${rounded((cpuS * 1000) / (1.1 * options.jobs))} ms of CPU a life\n`);
    return lives;
  } finally {
    submitter?.close();
    await Promise.all(agents.map((agent) => agent.stop()));
    await farm.stop();
  }
}

async function peers(
  store: ReturnType<typeof storeNamed>,
  options: LivesOptions,
  note: (name: string, value: number) => void,
): Promise<void> {
  const farm = await FarmUnderTest.open(store === 'sqlite' ? 'redis-always' : store);
  try {
    const { redis } = farm;
    if (redis === undefined) return;
    for (const line of await rawRedis(redis.path)) process.stderr.write(`raw Redis: ${line}\n`);
    for (const consumers of consumerCounts) {
      const jobs = consumers === 1 ? Math.ceil(options.jobs / 4) : options.jobs;
      note(`bullmq_${consumers}_per_s`, await bullmqLives(redis.path, consumers, { ...options, jobs }));
    }
  } finally {
    await farm.stop();
  }
}

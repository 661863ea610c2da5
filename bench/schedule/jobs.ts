import type { WorkClass } from '../../proto/agent-link.ts';
import { Random } from '../../test/simulation/random.ts';
import type { SimFarm } from './farms.ts';

/** A job of the simulation. */
export interface SimJob {
  readonly id: string;
  /** Order of submission. */
  readonly index: number;
  readonly userId: string;
  readonly workClass: WorkClass;
  /** What it truly takes, alone on the fastest GPU. Only the simulation knows it. */
  readonly workMs: number;
  /** What it is expected to take there: its output is so long, and the fastest GPU makes a second of it in a second. */
  readonly outputMs: number;
  readonly bytes: number;
  readonly arrivesMs: number;
}

/** What a seed is used for: each purpose draws from a source of its own, so that none shifts another's numbers. */
const purposes = { jobs: 0, arrivals: 1, reports: 2, choices: 3, failures: 4, flood: 5 } as const;

/** Seeds below this keep their sources apart. */
export const seedsMax = 1000;

/** sfc32, seeded with seed + 1000 for each purpose. */
export function randomFor(seed: number, purpose: keyof typeof purposes): Random {
  return new Random(seed + seedsMax * purposes[purpose]);
}

/** scheduling.md, Targets: work in minutes is exp(N(ln 9, 0.9)), clipped. */
const workMinutes = { median: 9, sigma: 0.9, min: 1, max: 80 };

/** scheduling.md, Targets: 120 MB a minute of output. */
const bytesPerOutputMs = 120_000_000 / 60_000;

/** Jobs of the fixed generator: each draws its work, the error of its estimate and its class, in this order. */
export function generateJobs(
  farm: SimFarm,
  count: number,
  random: Random,
  { noise, prefix = 'job', users = ['ann'] }: { noise: number; prefix?: string; users?: readonly string[] },
): readonly SimJob[] {
  return Array.from({ length: count }, (_, index) => {
    const drawn = Math.exp(Math.log(workMinutes.median) + workMinutes.sigma * normal(random));
    const workMs = Math.min(workMinutes.max, Math.max(workMinutes.min, drawn)) * 60_000;
    const outputMs = workMs * Math.exp(noise * normal(random));
    return {
      id: `${prefix}-${index + 1}`,
      index,
      userId: users[index % users.length] ?? 'ann',
      workClass: drawClass(farm, random.next()),
      workMs,
      outputMs,
      bytes: Math.round(outputMs * bytesPerOutputMs),
      arrivesMs: 0,
    };
  });
}

/** The same jobs, arriving uniformly over a time. */
export function arriveOver(jobs: readonly SimJob[], overMs: number, random: Random): readonly SimJob[] {
  const arrivals = jobs.map(() => random.between(0, overMs)).sort((a, b) => a - b);
  return jobs.map((job, index) => ({ ...job, arrivesMs: arrivals[index] ?? 0 }));
}

/** Standard normal, by Box and Muller: two numbers of the source for each. */
export function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
  return radius * Math.cos(2 * Math.PI * random.next());
}

function drawClass(farm: SimFarm, drawn: number): WorkClass {
  let below = 0;
  for (const { workClass, share } of farm.mix) {
    below += share;
    if (drawn < below) return workClass;
  }
  // Shares are sums of fractions: the last one takes what rounding leaves.
  return farm.mix.at(-1)?.workClass ?? '';
}

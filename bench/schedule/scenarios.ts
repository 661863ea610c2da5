import { lowerBoundMs } from './bound.ts';
import { FailurePlan } from './failures.ts';
import { mixed, type SimFarm, studio } from './farms.ts';
import { arriveOver, generateJobs, randomFor, type SimJob, seedsMax } from './jobs.ts';
import { CeleryPolicy } from './policies/celery.ts';
import { firstComeOnAny, firstComeOnFastest } from './policies/first-come.ts';
import { PlannedPolicy } from './policies/planned.ts';
import type { Policy } from './policies/policy.ts';
import { type JobRecord, type RunResult, simulate } from './simulate.ts';
import { turnaroundP95OfUsers, waitP95OfUsers } from './statistics-of-runs.ts';

export const policyNames = ['ours', 'celery', 'fifo_any', 'fifo_fastest'] as const;
export type PolicyName = (typeof policyNames)[number];

/** Jobs that are all there at the beginning. */
export interface Batch {
  readonly name: string;
  readonly farm: SimFarm;
  readonly count: number;
  /** Of its makespan over the bound. */
  readonly target: number;
}

/** scheduling.md, Targets. */
export const batches: readonly Batch[] = [
  { name: 'studio_60', farm: studio, count: 60, target: 1.05 },
  { name: 'studio_20', farm: studio, count: 20, target: 1.1 },
  { name: 'mixed_60', farm: mixed, count: 60, target: 1.12 },
  { name: 'mixed_200', farm: mixed, count: 200, target: 1.06 },
];

export interface Conditions {
  readonly noise: number;
  /** Mean time between two failures of a PC; absent: none fails. */
  readonly failureMeanMs?: number;
}

export function makePolicy(name: PolicyName, farm: SimFarm, seed: number): Policy {
  switch (name) {
    case 'ours':
      return new PlannedPolicy(farm);
    case 'celery':
      return new CeleryPolicy(randomFor(seed, 'choices'));
    case 'fifo_any':
      return firstComeOnAny(randomFor(seed, 'choices'));
    case 'fifo_fastest':
      return firstComeOnFastest;
  }
}

/** A farm with jobs, and what no schedule of them can beat. */
export interface Case {
  readonly farm: SimFarm;
  readonly jobs: readonly SimJob[];
  readonly boundMs: number;
  readonly seed: number;
}

export async function batchCase(
  { farm, count }: Pick<Batch, 'farm' | 'count'>,
  seed: number,
  noise: number,
): Promise<Case> {
  const jobs = generateJobs(farm, count, randomFor(seed, 'jobs'), { noise });
  return { farm, jobs, boundMs: await lowerBoundMs(farm, jobs), seed };
}

/** scheduling.md, Targets: 300 jobs, arriving over the time that the bound needs for them at this load. */
const onlineCount = 300;

export async function onlineCase(seed: number, load: number, noise: number): Promise<Case> {
  return await arriving(mixed, seed, load, { noise });
}

export function run(
  name: PolicyName,
  { farm, jobs, boundMs, seed }: Case,
  { noise, failureMeanMs }: Conditions,
): RunResult {
  const failures =
    failureMeanMs === undefined
      ? undefined
      : new FailurePlan(farm, failureMeanMs, horizonOf(jobs, boundMs), randomFor(seed, 'failures'));
  return simulate({
    farm,
    jobs,
    policy: makePolicy(name, farm, seed),
    noise,
    reports: randomFor(seed, 'reports'),
    ...(failures && { failures }),
  });
}

/** Longer than any policy takes. */
function horizonOf(jobs: readonly SimJob[], boundMs: number): number {
  return Math.max(...jobs.map(({ arrivesMs }) => arrivesMs)) + 20 * boundMs;
}

const usersOfFarm = ['ann', 'bob', 'cem', 'dua'];
const floodCount = 1000;

/** Of each of the four other users, in the same order: without the flood, with it, and the one over the other. */
export interface Flood {
  readonly wait: Comparison;
  readonly turnaround: Comparison;
}

export interface Comparison {
  readonly withoutMs: readonly number[];
  readonly withMs: readonly number[];
  readonly ratios: readonly number[];
}

/** The same on-line jobs, of four users, without and with a fifth who submits 1,000 jobs at the beginning: p95 of each. */
export async function flood(name: PolicyName, seed: number, load: number, noise: number): Promise<Flood> {
  const { farm, jobs } = await arriving(mixed, seed, load, { noise, users: usersOfFarm });
  const flooding = generateJobs(farm, floodCount, randomFor(seed, 'flood'), {
    noise,
    prefix: 'flood',
    users: ['eve'],
  });
  const without = untilFourHaveEnded(name, farm, jobs, seed, noise);
  const flooded = untilFourHaveEnded(name, farm, [...jobs, ...flooding], seed, noise);
  return {
    wait: compared(waitP95OfUsers(without), waitP95OfUsers(flooded)),
    turnaround: compared(turnaroundP95OfUsers(without), turnaroundP95OfUsers(flooded)),
  };
}

/** What a flood's ratios are held against, without any flood: p95 waits by our policy. */
export interface Yardsticks {
  /** Every PC at four fifths of its speed: what is left to four users when a fifth has his fair share and nothing else. */
  readonly fourFifths: Comparison;
  /** Other errors, of the same size, in what running jobs report: how much of a ratio is chance. */
  readonly otherErrors: Comparison;
}

export async function yardsticks(seed: number, load: number, noise: number): Promise<Yardsticks> {
  const { farm, jobs } = await arriving(mixed, seed, load, { noise, users: usersOfFarm });
  const waits = (on: SimFarm, errors: number): ReadonlyMap<string, number> =>
    waitP95OfUsers(untilFourHaveEnded('ours', on, jobs, errors, noise));
  const usual = waits(farm, seed);
  return {
    fourFifths: compared(usual, waits(slowed(farm, 1 - 1 / (usersOfFarm.length + 1)), seed)),
    otherErrors: compared(usual, waits(farm, otherSeed(seed))),
  };
}

function otherSeed(seed: number): number {
  return (seed + seedsMax / 2) % seedsMax;
}

function slowed(farm: SimFarm, share: number): SimFarm {
  const pcs = farm.pcs.map((pc) => ({
    ...pc,
    speeds: new Map([...pc.speeds].map(([workClass, speed]) => [workClass, speed * share])),
  }));
  return { ...farm, pcs };
}

/** Runs until the last job of the four users has ended, whatever a fifth has left. */
function untilFourHaveEnded(
  name: PolicyName,
  farm: SimFarm,
  jobs: readonly SimJob[],
  seed: number,
  noise: number,
): readonly JobRecord[] {
  const until = ({ userId }: SimJob): boolean => userId !== 'eve';
  const policy = makePolicy(name, farm, seed);
  return simulate({ farm, jobs, policy, noise, reports: randomFor(seed, 'reports'), until }).records;
}

function compared(without: ReadonlyMap<string, number>, flooded: ReadonlyMap<string, number>): Comparison {
  const withoutMs = usersOfFarm.map((userId) => without.get(userId) ?? 0);
  const withMs = usersOfFarm.map((userId) => flooded.get(userId) ?? 0);
  return { withoutMs, withMs, ratios: withMs.map((ms, index) => ms / (withoutMs[index] ?? 0)) };
}

async function arriving(
  farm: SimFarm,
  seed: number,
  load: number,
  drawn: { readonly noise: number; readonly users?: readonly string[] },
): Promise<Case> {
  const jobs = generateJobs(farm, onlineCount, randomFor(seed, 'jobs'), drawn);
  const boundMs = await lowerBoundMs(farm, jobs);
  const arrived = arriveOver(jobs, boundMs / load, randomFor(seed, 'arrivals'));
  return { farm, jobs: arrived, boundMs, seed };
}

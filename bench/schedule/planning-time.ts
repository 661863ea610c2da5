import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { defaultTimes } from '../../controller/domain/times.ts';
import { timedBudget } from '../../controller/scheduling/budget.ts';
import { Charges } from '../../controller/scheduling/fair-share.ts';
import { Planning } from '../../controller/scheduling/plan.ts';
import {
  defaultTuning,
  type PlannedAgent,
  type Snapshot,
  type WaitingJob,
} from '../../controller/scheduling/snapshot.ts';
import { WaitingLines } from '../../controller/scheduling/waiting-lines.ts';
import type { Random } from '../../test/simulation/random.ts';
import { percentile, sum } from '../statistics.ts';
import { mixed } from './farms.ts';
import { generateJobs, randomFor, type SimJob } from './jobs.ts';
import { farmRules, jobLines } from './policies/planned.ts';

/** Of whole plans over turns that have `times.planningMs` each (scheduling.md: at most 5 ms). */
export interface PlanningTime {
  readonly jobs: number;
  readonly agents: number;
  readonly planP50Ms: number;
  readonly planP99Ms: number;
  readonly turnMaxMs: number;
  /** The same without collections of garbage, which fall into any turn. */
  readonly turnOwnMaxMs: number;
  readonly turnsMax: number;
}

export interface PlanningTimes {
  readonly small: PlanningTime;
  readonly large: PlanningTime;
}

/** Plans that are made before those that count: the code is compiled when a farm has run for a minute. */
const warmUpPlans = 20;

/** Collections of garbage are told of some turns of the loop later; after this they all were. */
const tellingMs = 100;

/** How long plans take: 200 waiting jobs and 50 agents, 10,000 and 200. */
export async function planningTimes(say: (line: string) => void): Promise<PlanningTimes> {
  const collections: Span[] = [];
  const observer = new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries())
      collections.push({ beginMs: startTime, endMs: startTime + duration });
  });
  observer.observe({ entryTypes: ['gc'] });
  const small = await measure(200, 50, 300, collections);
  const large = await measure(10_000, 200, 40, collections);
  observer.disconnect();
  for (const { jobs, agents, planP50Ms, planP99Ms, turnMaxMs, turnOwnMaxMs, turnsMax } of [small, large])
    say(
      `plan of ${jobs} x ${agents}: p50 ${planP50Ms.toFixed(1)} ms, p99 ${planP99Ms.toFixed(1)} ms in up to ${turnsMax} turns, the longest ${turnMaxMs.toFixed(1)} ms (${turnOwnMaxMs.toFixed(1)} ms without garbage collection)`,
    );
  return { small, large };
}

interface Span {
  readonly beginMs: number;
  readonly endMs: number;
}

async function measure(
  jobs: number,
  agents: number,
  plans: number,
  collections: Span[],
): Promise<PlanningTime> {
  const planMs: number[] = [];
  const turns: Span[] = [];
  let turnsMax = 0;
  for (let seed = -warmUpPlans; seed < plans; seed += 1) {
    const snapshot = hugeSnapshot(jobs, agents, seed + warmUpPlans);
    collectYoung();
    const own = timeOne(snapshot);
    if (seed < 0) continue;
    planMs.push(sum(own.map(lengthMs)));
    turns.push(...own);
    turnsMax = Math.max(turnsMax, own.length);
  }
  await delay(tellingMs);
  const pauses = collections.splice(0);
  return {
    jobs,
    agents,
    planP50Ms: percentile(planMs, 0.5),
    planP99Ms: percentile(planMs, 0.99),
    turnMaxMs: Math.max(...turns.map(lengthMs)),
    turnOwnMaxMs: Math.max(...turns.map((turn) => lengthMs(turn) - sharedMs(turn, pauses))),
    turnsMax,
  };
}

function lengthMs({ beginMs, endMs }: Span): number {
  return endMs - beginMs;
}

/** How much of a turn was spent in these. */
function sharedMs(turn: Span, pauses: readonly Span[]): number {
  return sum(
    pauses.map(({ beginMs, endMs }) =>
      Math.max(0, Math.min(endMs, turn.endMs) - Math.max(beginMs, turn.beginMs)),
    ),
  );
}

/**
 * A farm's state has been there for long when a plan is made of it; this bench makes it the moment before, and its copying
 * from one young space to the next, some 30 ms, would fall into turns. Who survives two collections is old.
 */
function collectYoung(): void {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as NodeJS.GCFunction;
  for (let times = 0; times < 2; times += 1) gc({ type: 'minor' });
}

/** One plan: its turns, what it is made of included. */
function timeOne(snapshot: Snapshot): readonly Span[] {
  const clockMs = (): number => performance.now();
  const turns: Span[] = [];
  let beginMs = clockMs();
  // As in a turn of the engine: what is done before planning counts.
  let budget = timedBudget(defaultTimes.planningMs, clockMs);
  const planning = new Planning(snapshot);
  for (let ended = false; !ended; ) {
    ended = planning.goOn(budget);
    turns.push({ beginMs, endMs: clockMs() });
    beginMs = clockMs();
    budget = timedBudget(defaultTimes.planningMs, clockMs);
  }
  return turns;
}

/**
 * A farm at work: the PCs of `mixed` over and over, most slots busy, some jobs announced, some promised a start. All jobs
 * are one user's, or those of ten: of one, all jobs may change places with each other, which costs most.
 */
function hugeSnapshot(jobCount: number, agentCount: number, seed: number): Snapshot {
  const random = randomFor(seed, 'jobs');
  const users = Array.from({ length: seed % 2 === 0 ? 1 : 10 }, (_, index) => `user-${index}`);
  const nowMs = 86_400_000;
  const jobs = generateJobs(mixed, jobCount, random, { noise: 0.3, users });
  const waiting = new Map(jobs.map((job) => [job.id, waitingJob(job, random, nowMs, users.length === 1)]));
  const running = generateJobs(mixed, agentCount * 2, random, { noise: 0.3, prefix: 'running', users });
  const lines = new WaitingLines();
  for (const job of waiting.values()) lines.put(job);
  const charges = new Charges();
  for (const userId of users)
    charges.charge({ key: JSON.stringify([userId]), weight: 1 }, random.between(0, 3_600_000));
  return {
    nowMs,
    lines: jobLines(lines, waiting),
    agents: Array.from({ length: agentCount }, (_, index) => agentOf(index, running, jobs, random)),
    rules: farmRules,
    charges,
    tuning: defaultTuning,
  };
}

function waitingJob(job: SimJob, random: Random, nowMs: number, alike: boolean): WaitingJob {
  const waitedMs = random.between(0, 7_200_000);
  const overdue = random.chance(0.1);
  return {
    jobId: job.id,
    userId: job.userId,
    priority: alike ? 'normal' : random.pick(['low', 'normal', 'normal', 'high']),
    queue: 'default_queue',
    workClass: job.workClass,
    shares: [],
    submittedAtMs: nowMs - waitedMs,
    sequence: job.index,
    outputMs: job.outputMs,
    sourceBytes: job.bytes,
    workBytes: job.bytes,
    refusedBy: new Map(),
    avoid: new Map(),
    present: new Map(),
    ...(random.chance(0.5) && {
      promise: {
        madeAtMs: nowMs - waitedMs,
        startAtMs: nowMs + random.between(-600_000, 3_600_000),
        overdue,
      },
    }),
  };
}

function agentOf(
  index: number,
  running: readonly SimJob[],
  waiting: readonly SimJob[],
  random: Random,
): PlannedAgent {
  const pc = mixed.pcs[index % mixed.pcs.length];
  if (pc === undefined) throw new Error('a farm without PCs');
  const busy = running.slice(2 * index, 2 * index + (random.chance(0.9) ? 2 : 1));
  const announced = waiting[random.whole(0, waiting.length - 1)];
  return {
    agentId: `${pc.name}-${index}`,
    liveness: 'attached',
    queues: ['default_queue'],
    labels: [],
    shares: [],
    slots: 2,
    classes: new Map([...pc.speeds].map(([workClass, speed]) => [workClass, { speed, runs: 5, p90: 1.2 }])),
    concurrentSpeeds: pc.concurrentSpeeds,
    copyBytesPerMs: mixed.copyBytesPerMs,
    scratchBytes: 500e9,
    running: busy.map((job) => ({
      jobId: job.id,
      userId: job.userId,
      queue: 'default_queue',
      workClass: job.workClass,
      etaMs: job.workMs * random.next(),
      outputMs: job.outputMs,
      percent: 50,
      stopping: false,
    })),
    announced: new Map(announced === undefined ? [] : [[announced.id, 60_000]]),
  };
}

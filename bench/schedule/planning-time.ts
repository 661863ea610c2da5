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
  /**
   * The same by the best of several times that each plan was made: what the code takes. A machine that takes the
   * processor away, and a collection of garbage, do not hit the same plan each time.
   */
  readonly steadyPlanP99Ms: number;
  readonly steadyTurnMaxMs: number;
  readonly turnsMax: number;
}

export interface PlanningTimes {
  readonly small: PlanningTime;
  readonly large: PlanningTime;
  /** How long this machine held up a loop that does nothing else, at most. */
  readonly machinePauseMs: number;
}

/** Plans that are made before those that count: the code is compiled when a farm has run for a minute. */
const warmUpPlans = 20;

/** The best of so many is what the code takes. */
const timesEach = 5;

/** How long plans take: 200 waiting jobs and 50 agents, 10,000 and 200. */
export function planningTimes(say: (line: string) => void): PlanningTimes {
  const machinePauseMs = longestPauseMs();
  const small = measure(200, 50, 300);
  const large = measure(10_000, 200, 40);
  for (const time of [small, large])
    say(
      `plan of ${time.jobs} x ${time.agents}: p50 ${time.planP50Ms.toFixed(1)} ms, p99 ${time.planP99Ms.toFixed(1)} ms (best of ${timesEach}: ${time.steadyPlanP99Ms.toFixed(1)}) in up to ${time.turnsMax} turns, the longest ${time.turnMaxMs.toFixed(1)} ms (${time.steadyTurnMaxMs.toFixed(1)})`,
    );
  say(`this machine holds up a loop that does nothing for up to ${machinePauseMs.toFixed(1)} ms`);
  return { small, large, machinePauseMs };
}

/** Long enough for what a machine does now and then. */
const loopMs = 3_000;

function longestPauseMs(): number {
  const beginMs = performance.now();
  let longest = 0;
  for (let lastMs = beginMs; lastMs - beginMs < loopMs; ) {
    const nowMs = performance.now();
    longest = Math.max(longest, nowMs - lastMs);
    lastMs = nowMs;
  }
  return longest;
}

function measure(jobs: number, agents: number, plans: number): PlanningTime {
  const first: (readonly number[])[] = [];
  const best: { readonly planMs: number; readonly turnMs: number }[] = [];
  for (let seed = -warmUpPlans; seed < plans; seed += 1) {
    const snapshot = hugeSnapshot(jobs, agents, seed + warmUpPlans);
    collectYoung();
    const all = Array.from({ length: timesEach }, () => timeOne(snapshot));
    if (seed < 0) continue;
    first.push(all[0] ?? []);
    best.push({
      planMs: Math.min(...all.map(sum)),
      turnMs: Math.min(...all.map((turns) => Math.max(...turns))),
    });
  }
  const planMs = first.map(sum);
  return {
    jobs,
    agents,
    planP50Ms: percentile(planMs, 0.5),
    planP99Ms: percentile(planMs, 0.99),
    turnMaxMs: Math.max(...first.flat()),
    steadyPlanP99Ms: percentile(
      best.map((each) => each.planMs),
      0.99,
    ),
    steadyTurnMaxMs: Math.max(...best.map((each) => each.turnMs)),
    turnsMax: Math.max(...first.map(({ length }) => length)),
  };
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

/** One plan: how long each of its turns takes, what it is made of included. */
function timeOne(snapshot: Snapshot): readonly number[] {
  const clockMs = (): number => performance.now();
  const turns: number[] = [];
  let planning: Planning | undefined;
  for (let ended = false; !ended; ) {
    const beginMs = clockMs();
    // As in a turn of the engine: what is done before planning counts.
    const budget = timedBudget(defaultTimes.planningMs, clockMs);
    planning ??= new Planning(snapshot);
    ended = planning.goOn(budget);
    turns.push(clockMs() - beginMs);
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

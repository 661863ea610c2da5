import { explainWait, type WaitExplanation } from '../../controller/scheduling/explain.ts';
import { Charges } from '../../controller/scheduling/fair-share.ts';
import { makePlan, type Plan } from '../../controller/scheduling/plan.ts';
import type { ClassForecast } from '../../controller/scheduling/snapshot.ts';
import {
  defaultTuning,
  type FarmRules,
  type PlannedAgent,
  type RunningAttempt,
  type Snapshot,
  type WaitingJob,
} from '../../controller/scheduling/snapshot.ts';
import { jobLines } from './job-lines.ts';

/** Hand-made jobs and agents for the planner, at one moment. */
export const nowMs = 1_000_000_000;

export function job(jobId: string, changes: Partial<WaitingJob> = {}): WaitingJob {
  return {
    jobId,
    queue: 'default_queue',
    userId: 'ann',
    priority: 'normal',
    workClass: 'hd',
    submittedAtMs: nowMs,
    sequence: Number(jobId.replaceAll(/\D/g, '')),
    outputMs: 60_000,
    sourceBytes: 0,
    workBytes: 0,
    shares: ['clips'],
    refusedBy: new Map(),
    avoid: new Map(),
    present: new Map(),
    ...changes,
  };
}

/** An agent with one slot that renders a minute of Full HD in a minute divided by this, and 4K a quarter as fast. */
export function agent(agentId: string, speed: number, changes: Partial<PlannedAgent> = {}): PlannedAgent {
  return {
    agentId,
    liveness: 'attached',
    queues: ['default_queue', 'gpu_queue', '4k_queue'],
    labels: [],
    shares: ['clips', 'results'],
    slots: 1,
    classes: new Map([
      ['hd', forecast(speed)],
      ['4k', forecast(speed / 4)],
    ]),
    concurrentSpeeds: [],
    copyBytesPerMs: 110_000,
    scratchBytes: 2 ** 40,
    running: [],
    announced: new Map(),
    ...changes,
  };
}

export function forecast(speed: number, changes: Partial<ClassForecast> = {}): ClassForecast {
  return { speed, runs: 10, p90: 1, ...changes };
}

export function attempt(etaMs: number, changes: Partial<RunningAttempt> = {}): RunningAttempt {
  return {
    jobId: 'running',
    userId: 'ann',
    queue: 'default_queue',
    workClass: 'hd',
    etaMs,
    outputMs: 1,
    percent: 0,
    stopping: false,
    ...changes,
  };
}

/** Why a job waits, by a plan of this snapshot and nothing beside it. */
export function whyOf(shot: Snapshot, waiting: WaitingJob): WaitExplanation {
  const nothingBeside = { errorOf: () => undefined, isWaiting: () => true };
  return explainWait({ plan: makePlan(shot), snapshot: shot }, waiting, nothingBeside);
}

export const noRules: FarmRules = { queues: new Map(), userWeights: new Map() };

export function snapshot(
  waiting: readonly WaitingJob[],
  agents: readonly PlannedAgent[],
  changes: Partial<Snapshot> = {},
): Snapshot {
  return {
    nowMs,
    lines: jobLines(waiting),
    agents,
    rules: noRules,
    charges: new Charges(),
    tuning: defaultTuning,
    ...changes,
  };
}

export function placesOf(plan: Plan): readonly unknown[] {
  return [plan.placements, plan.announcements, plan.unplaceable, plan.blocked.map(({ key }) => key)];
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function seededNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

import type { Random } from '../../test/simulation/random.ts';
import type { FailurePlan } from './failures.ts';
import type { SimFarm, SimPc } from './farms.ts';
import { normal, type SimJob } from './jobs.ts';
import { type Attempt, PcState } from './pc-state.ts';
import { canRender, type Policy } from './policies/policy.ts';

/** What became of a job. */
export interface JobRecord {
  readonly job: SimJob;
  readonly startedMs: number;
  readonly endedMs: number;
  readonly pc: SimPc;
  /** How often it was begun: more than once where its PC has failed. */
  readonly starts: number;
  /** Of its last attempt: how long it held its slot without rendering. */
  readonly copyingMs: number;
  /** By all PCs together. */
  readonly copiedBytes: number;
}

export interface RunResult {
  /** In the order in which they ended. */
  readonly records: readonly JobRecord[];
  readonly endedMs: number;
  /** Slot seconds of PCs in order that stood idle while a job waited that they could render. */
  readonly idleWhileWaitingMs: number;
}

export interface RunOptions {
  readonly farm: SimFarm;
  readonly jobs: readonly SimJob[];
  readonly policy: Policy;
  /** Of estimates; half of it is the error of an agent's first report. */
  readonly noise: number;
  readonly reports: Random;
  readonly failures?: FailurePlan;
  /** Ends the run when these have ended; absent: all. */
  readonly until?: (job: SimJob) => boolean;
}

/** More events than any run has: beyond it a policy leaves jobs waiting for ever. */
const eventsMax = 2_000_000;

/** Runs the jobs on the farm until all have ended. @throws Error when jobs wait and nothing will ever happen */
export function simulate(options: RunOptions): RunResult {
  return new Run(options).result();
}

class Run {
  readonly #options: RunOptions;
  readonly #pcs: readonly PcState[];
  readonly #arriving: SimJob[];
  readonly #waiting: SimJob[] = [];
  readonly #errors: ReadonlyMap<string, number>;
  readonly #starts = new Map<string, number>();
  readonly #copied = new Map<string, number>();
  readonly #records: JobRecord[] = [];
  #open: number;
  #nowMs = 0;
  #idleMs = 0;

  constructor(options: RunOptions) {
    const { farm, jobs, noise, reports, until } = options;
    this.#options = options;
    this.#pcs = farm.pcs.map((pc) => new PcState(pc));
    this.#arriving = [...jobs].sort((a, b) => a.arrivesMs - b.arrivesMs || a.index - b.index);
    this.#errors = new Map(jobs.map((job) => [job.id, (noise / 2) * normal(reports)]));
    this.#open = until === undefined ? jobs.length : jobs.filter(until).length;
  }

  result(): RunResult {
    for (let events = 0; this.#open > 0; events += 1) {
      if (events === eventsMax) throw new Error(`jobs still wait after ${eventsMax} events`);
      this.#takeArrivals();
      this.#takeFailures();
      this.#decide();
      this.#pass();
    }
    return {
      records: this.#records,
      endedMs: this.#nowMs,
      idleWhileWaitingMs: this.#idleMs,
    };
  }

  #takeArrivals(): void {
    while ((this.#arriving[0]?.arrivesMs ?? Infinity) <= this.#nowMs) {
      const job = this.#arriving.shift();
      if (job !== undefined) this.#waiting.push(job);
    }
  }

  #takeFailures(): void {
    const { failures } = this.#options;
    if (failures === undefined) return;
    for (const state of this.#pcs) {
      const { alive, up } = failures.stateOf(state.pc, this.#nowMs);
      state.alive = alive;
      if (state.up && !up) {
        for (const { job } of state.attempts.splice(0)) this.#requeue(job);
        state.prefetch = [];
      }
      state.up = up;
    }
  }

  /** It keeps its age. */
  #requeue(job: SimJob): void {
    const behind = this.#waiting.findIndex(
      (other) =>
        other.arrivesMs > job.arrivesMs || (other.arrivesMs === job.arrivesMs && other.index > job.index),
    );
    this.#waiting.splice(behind === -1 ? this.#waiting.length : behind, 0, job);
  }

  #decide(): void {
    const view = { nowMs: this.#nowMs, waiting: [...this.#waiting], pcs: this.#pcs };
    const { starts, prefetch } = this.#options.policy.decide(view);
    for (const { job, pc } of starts) this.#start(job, pc);
    for (const state of this.#pcs) state.prefetch = prefetch.get(state.pc) ?? [];
  }

  #start(job: SimJob, pc: SimPc): void {
    const state = this.#pcs.find((candidate) => candidate.pc === pc);
    const index = this.#waiting.indexOf(job);
    if (state === undefined || state.freeSlots < 1 || index === -1 || !canRender(pc, job.workClass)) {
      throw new Error(`${job.id} cannot start on ${pc.name}`);
    }
    this.#waiting.splice(index, 1);
    this.#starts.set(job.id, (this.#starts.get(job.id) ?? 0) + 1);
    state.attempts.push({
      job,
      startedMs: this.#nowMs,
      reportError: this.#errors.get(job.id) ?? 0,
      copyingMs: 0,
      workLeftMs: job.workMs,
    });
  }

  /** Goes on to the next event. */
  #pass(): void {
    const copying = this.#pcs.filter((state) => state.copies().length > 0).length;
    const { copyBytesPerMs, shareBytesPerMs } = this.#options.farm;
    const rate = Math.min(copyBytesPerMs, shareBytesPerMs / Math.max(1, copying));
    const ms = this.#nextEventMs(rate);
    this.#idleMs += ms * this.#idleSlots();
    for (const state of this.#pcs) {
      for (const [jobId, bytes] of state.advance(ms, rate)) {
        this.#copied.set(jobId, (this.#copied.get(jobId) ?? 0) + bytes);
      }
    }
    this.#nowMs += ms;
    for (const state of this.#pcs) for (const ended of state.takeEnded()) this.#end(ended, state.pc);
  }

  #nextEventMs(copyBytesPerMs: number): number {
    const { policy, failures } = this.#options;
    const work = Math.min(...this.#pcs.map((state) => state.nextEndMs(copyBytesPerMs)));
    const arrival = (this.#arriving[0]?.arrivesMs ?? Infinity) - this.#nowMs;
    const failure = (failures?.nextChangeMs(this.#nowMs) ?? Infinity) - this.#nowMs;
    const next = Math.min(work, arrival, failure);
    if (next === Infinity) throw new Error(`${this.#waiting.length} jobs wait, and nothing will happen`);
    const busy = this.#waiting.length > 0 ? (policy.everyMs ?? Infinity) : Infinity;
    return Math.max(0, Math.min(next, busy));
  }

  #idleSlots(): number {
    const classes = new Set(this.#waiting.map((job) => job.workClass));
    if (classes.size === 0) return 0;
    return this.#pcs
      .filter(({ pc }) => [...classes].some((workClass) => canRender(pc, workClass)))
      .reduce((total, state) => total + state.freeSlots, 0);
  }

  #end({ job, startedMs, copyingMs }: Attempt, pc: SimPc): void {
    const starts = this.#starts.get(job.id) ?? 0;
    const copiedBytes = this.#copied.get(job.id) ?? 0;
    this.#records.push({ job, startedMs, endedMs: this.#nowMs, pc, starts, copyingMs, copiedBytes });
    for (const state of this.#pcs) state.cached.delete(job.id);
    if (this.#options.until?.(job) ?? true) this.#open -= 1;
  }
}

import { type SimPc, speedAmong } from './farms.ts';
import type { SimJob } from './jobs.ts';
import type { SeenPc, SeenRender } from './policies/policy.ts';

/** A job that holds a slot: it copies what is missing, then it renders. */
export interface Attempt {
  readonly job: SimJob;
  readonly startedMs: number;
  /** Error of its reports, as the exponent when nothing is done. */
  readonly reportError: number;
  copyingMs: number;
  /** Left, alone on the fastest GPU. */
  workLeftMs: number;
}

/** An agent knows how long a render will take when so much of it is done. */
const firstReportShare = 0.05;

/** What is less than this, in bytes or ms, is rounding. */
const nothing = 1e-6;

/** A PC while the simulation runs. Rates are constant between two events. */
export class PcState implements SeenPc {
  readonly pc: SimPc;
  readonly attempts: Attempt[] = [];
  prefetch: readonly SimJob[] = [];
  /** It works. */
  alive = true;
  /** It is heard of: silence is noticed later than it begins. */
  up = true;
  /** Bytes that it has of each job's files, of those that have not ended. */
  readonly cached = new Map<string, number>();

  constructor(pc: SimPc) {
    this.pc = pc;
  }

  get freeSlots(): number {
    return this.up ? this.pc.slots - this.attempts.length : 0;
  }

  get running(): readonly SeenRender[] {
    return this.attempts.map((attempt) => this.#seen(attempt));
  }

  cachedBytes(job: SimJob): number {
    return this.cached.get(job.id) ?? 0;
  }

  /** What it copies now: files of jobs that hold a slot come first, and alone; then one announced job after another. */
  copies(): readonly SimJob[] {
    if (!this.alive) return [];
    const waitedFor = this.attempts.map(({ job }) => job).filter((job) => this.#missing(job) > 0);
    if (waitedFor.length > 0) return waitedFor;
    return this.prefetch.filter((job) => this.#missing(job) > 0).slice(0, 1);
  }

  /** Until a copy, or a render, or the wait for a first report ends, if nothing else happens. */
  nextEndMs(copyBytesPerMs: number): number {
    if (!this.alive) return Infinity;
    const copies = this.copies();
    const ends = copies.map((job) => (this.#missing(job) * copies.length) / copyBytesPerMs);
    for (const attempt of this.#rendering()) {
      const speed = this.#speedOf(attempt);
      const beforeReport = attempt.workLeftMs - attempt.job.workMs * (1 - firstReportShare);
      ends.push((beforeReport > nothing ? beforeReport : attempt.workLeftMs) / speed);
    }
    return Math.min(Infinity, ...ends);
  }

  /** Lets time pass; returns the bytes that were copied, by job. */
  advance(ms: number, copyBytesPerMs: number): ReadonlyMap<string, number> {
    const copied = new Map<string, number>();
    if (!this.alive) return copied;
    const copies = this.copies();
    const rendering = this.#rendering().map((attempt) => ({ attempt, speed: this.#speedOf(attempt) }));
    for (const attempt of this.attempts) if (copies.includes(attempt.job)) attempt.copyingMs += ms;
    for (const job of copies) {
      const bytes = Math.min(this.#missing(job), (ms * copyBytesPerMs) / copies.length);
      copied.set(job.id, bytes);
      const now = this.cachedBytes(job) + bytes;
      this.cached.set(job.id, job.bytes - now <= 1 ? job.bytes : now);
    }
    for (const { attempt, speed } of rendering) attempt.workLeftMs -= ms * speed;
    return copied;
  }

  /** Takes what has ended out of its slots. */
  takeEnded(): readonly Attempt[] {
    const ended = this.attempts.filter(({ workLeftMs }) => workLeftMs <= nothing);
    for (const attempt of ended) this.attempts.splice(this.attempts.indexOf(attempt), 1);
    return ended;
  }

  #rendering(): readonly Attempt[] {
    return this.attempts.filter(({ job }) => this.#missing(job) === 0);
  }

  #speedOf({ job }: Attempt): number {
    return speedAmong(this.pc, job.workClass, this.#rendering().length);
  }

  #missing(job: SimJob): number {
    return job.bytes - this.cachedBytes(job);
  }

  /**
   * What its agent reports: nothing before it has rendered 5 %, then what is truly left at the speed at which it runs,
   * with an error that shrinks with what is left.
   */
  #seen(attempt: Attempt): SeenRender {
    const { job, workLeftMs, reportError } = attempt;
    const leftShare = workLeftMs / job.workMs;
    const doneShare = 1 - leftShare;
    if (doneShare < firstReportShare - nothing) return { job, doneShare };
    const etaMs = (workLeftMs / this.#speedOf(attempt)) * Math.exp(reportError * leftShare);
    return { job, doneShare, etaMs };
  }
}

import { type Effort, remainingMs, speedShared } from './forecast.ts';
import type { Placement } from './placement.ts';
import type { RankedJob } from './rank.ts';
import type { PlannedAgent } from './snapshot.ts';

/** No PC renders more attempts at a time, whatever its agent says. */
const slotsMax = 64;

/**
 * An agent while a plan is made: when its next slot is free, and what it was given. Renders that run at a time share
 * the PC evenly, each at the speed that was measured for so many.
 */
export class Desk {
  readonly agent: PlannedAgent;
  /** Its place among the desks of its plan. */
  readonly index: number;
  /** It has a slot for a job that comes now. */
  readonly isFree: boolean;
  /** What it gets next, at most one job per slot. */
  readonly next: Placement[] = [];
  readonly #slots: number;
  /** From now on, how much time a render takes while so many run: the inverse of their speed. */
  readonly #slowness: readonly number[];
  #freeInMs = 0;
  /** What is left then of what runs in the other slots, alone on the PC; least first. */
  #left: number[];
  #roomBytes: number;

  constructor(agent: PlannedAgent, index = 0) {
    this.agent = agent;
    this.index = index;
    this.#slots = Math.max(1, Math.min(slotsMax, agent.slots));
    this.#slowness = Array.from(
      { length: Math.max(this.#slots, agent.running.length) },
      (_, index) => 1 / speedShared(agent, index + 1),
    );
    const slowness = this.#slownessOf(agent.running.length);
    this.#left = agent.running.map((attempt) => remainingMs(agent, attempt) / slowness).sort(byNumber);
    this.#roomBytes = agent.scratchBytes;
    this.isFree = this.#left.length < this.#slots;
    this.#passToFreeSlot();
  }

  /** When its next slot is free, in ms from now; 0: at once. */
  get freeInMs(): number {
    return this.#freeInMs;
  }

  /** When a job of this effort could begin here, in ms from now: with a slot, and with room for its files. */
  startMs({ roomBytes }: Effort): number {
    if (this.#freeInMs > 0 || roomBytes <= this.#roomBytes) return this.#freeInMs;
    const [soonest] = this.#left;
    return soonest === undefined ? 0 : soonest * this.#slownessOf(this.#left.length);
  }

  /** When it would be done here, in ms from now, if nothing else were given to this agent. */
  completionMs(effort: Effort): number {
    const startMs = this.startMs(effort);
    return startMs + unhiddenMs(effort, startMs) + this.#sharedMs(effort.workMs);
  }

  /** What that is made of: when it could begin, and what is left to copy then. */
  outlook(effort: Effort): { readonly startMs: number; readonly fetchMs: number; readonly endMs: number } {
    const startMs = this.startMs(effort);
    return { startMs, fetchMs: unhiddenMs(effort, startMs), endMs: this.completionMs(effort) };
  }

  /** Gives the job the slot that is free first; not before `notBeforeMs`. */
  book({ job, effectiveClass, overdue }: RankedJob, effort: Effort, notBeforeMs = 0): Placement {
    const startsInMs = Math.max(notBeforeMs, this.startMs(effort));
    const fetchMs = unhiddenMs(effort, startsInMs);
    const runMs = fetchMs + this.#sharedMs(effort.workMs);
    const placement = {
      jobId: job.jobId,
      agentId: this.agent.agentId,
      startsInMs,
      endsInMs: startsInMs + runMs,
      fetchMs,
      effectiveClass,
      overdue,
    };
    if (startsInMs > 0 && this.next.length < this.#slots) this.next.push(placement);
    else this.#roomBytes -= effort.roomBytes;
    this.#pass(startsInMs - this.#freeInMs);
    this.#left.push(fetchMs + effort.workMs);
    this.#left.sort(byNumber);
    this.#passToFreeSlot();
    return placement;
  }

  /** Time that a render needs beside what runs in the other slots. */
  #sharedMs(workMs: number): number {
    let running = this.#left.length + 1;
    let done = 0;
    let ms = 0;
    for (const left of this.#left) {
      if (left >= workMs) break;
      ms += (left - done) * this.#slownessOf(running);
      done = left;
      running -= 1;
    }
    return ms + (workMs - done) * this.#slownessOf(running);
  }

  #slownessOf(running: number): number {
    return this.#slowness[running - 1] ?? 1;
  }

  /** Goes on to the time when a slot is free. */
  #passToFreeSlot(): void {
    while (this.#left.length >= this.#slots) this.#freeInMs += this.#endFirst();
  }

  /** Lets so much time pass in all slots. */
  #pass(ms: number): void {
    this.#freeInMs += ms;
    let rest = ms;
    while (this.#left.length > 0) {
      const slowness = this.#slownessOf(this.#left.length);
      if (rest < (this.#left[0] ?? 0) * slowness) {
        this.#left = this.#left.map((left) => left - rest / slowness);
        return;
      }
      rest -= this.#endFirst();
    }
  }

  /** Lets the render end that has least left; returns the time until then. */
  #endFirst(): number {
    const slowness = this.#slownessOf(this.#left.length);
    const [first = 0, ...others] = this.#left;
    this.#left = others.map((left) => left - first);
    return first * slowness;
  }
}

/** Announced files are fetched while the job waits for its slot: only the rest is waited for. */
function unhiddenMs({ fetchMs }: Effort, startMs: number): number {
  return Math.max(0, fetchMs - startMs);
}

function byNumber(a: number, b: number): number {
  return a - b;
}

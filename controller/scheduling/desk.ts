import { renderMs, slotsFreeInMs, speedOf } from './forecast.ts';
import type { Placement } from './placement.ts';
import type { PlannedAgent, WaitingJob } from './snapshot.ts';

/** An agent while a plan is made: when its slots are free, and what it was given. */
export class Desk {
  readonly agent: PlannedAgent;
  /** What it gets next, at most one job per slot. */
  readonly next: Placement[] = [];
  readonly #freeInMs: number[];
  readonly #speed: number;

  constructor(agent: PlannedAgent) {
    this.agent = agent;
    this.#freeInMs = slotsFreeInMs(agent);
    this.#speed = speedOf(agent);
  }

  /** When its next slot is free, in ms from now; 0: at once. */
  get freeInMs(): number {
    return this.#freeInMs[0] ?? 0;
  }

  /** When a job would be done here, in ms from now. */
  completionMs(job: WaitingJob): number {
    return this.freeInMs + renderMs(this.#speed, job);
  }

  /** Gives the job the slot that is free first. */
  book(job: WaitingJob): Placement {
    const startsInMs = this.#freeInMs.shift() ?? 0;
    const endsInMs = startsInMs + renderMs(this.#speed, job);
    this.#freeInMs.push(endsInMs);
    this.#freeInMs.sort((a, b) => a - b);
    const placement = { jobId: job.jobId, agentId: this.agent.agentId, startsInMs, endsInMs };
    if (startsInMs > 0 && this.next.length < this.agent.inventory.slots) this.next.push(placement);
    return placement;
  }
}

import { countedBudget, type PlanBudget, unlimitedBudget } from './budget.ts';
import { Desk } from './desk.ts';
import { needsRefusals } from './feasible.ts';
import { slotsFreeInMs } from './forecast.ts';
import type { Placement } from './placement.ts';
import { compareRank } from './rank.ts';
import type { JobLine, PlannedAgent, Snapshot, WaitingJob } from './snapshot.ts';

export interface Plan {
  /** Jobs that start now, in order. */
  readonly assignments: readonly Placement[];
  /** What each busy agent gets next, at most one job per slot. */
  readonly announcements: readonly Placement[];
  /** All placements, in rank order. */
  readonly placements: readonly Placement[];
  /** Jobs that no agent can take for their own history, in rank order. */
  readonly unplaceable: readonly WaitingJob[];
  /** Lines that no agent can take a job of. */
  readonly blocked: readonly JobLine[];
}

/** A plan in one go. Pure: same snapshot, same plan. */
export function makePlan(snapshot: Snapshot): Plan {
  const planning = new Planning(snapshot);
  planning.goOn(unlimitedBudget);
  return planning.plan;
}

/** What a plan that must not take long costs at most. */
const greedyOperationsMax = 4_000;

/** Fills free slots in rank order, each with what ends first there, without looking at busy agents. */
export function fillFreeSlots(snapshot: Snapshot): readonly Placement[] {
  const agents = snapshot.agents.filter((agent) => slotsFreeInMs(agent)[0] === 0);
  if (agents.length === 0) return [];
  const planning = new Planning({ ...snapshot, agents, tuning: { ...snapshot.tuning, jobsMax: 0 } });
  planning.goOn(countedBudget(greedyOperationsMax));
  return planning.plan.assignments;
}

/** A line whose jobs can be placed, and how far the plan has come in it. */
interface Open {
  readonly line: JobLine;
  readonly desks: readonly Desk[];
  head: WaitingJob;
}

/**
 * A plan in the making: in rank order, each job goes where it is expected to end first; a job waits for a busy, faster
 * agent as long as that ends it earlier. It can pause between two jobs; what has changed meanwhile is for the caller to
 * check, and for the next plan to know.
 *
 *   lines --> feasible agents (once a line) --> ranked --> expected completion --> assignment | announcement
 */
export class Planning {
  readonly #snapshot: Snapshot;
  readonly #desks: readonly Desk[];
  readonly #lines: JobLine[];
  /** Jobs that some agent was told to prefetch: only they are kept where they are. */
  readonly #announced: ReadonlySet<string>;
  readonly #open: Open[] = [];
  readonly #placements: Placement[] = [];
  readonly #unplaceable: WaitingJob[] = [];
  readonly #blocked: JobLine[] = [];

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
    this.#desks = snapshot.agents.map((agent) => new Desk(agent));
    this.#lines = [...snapshot.lines];
    this.#announced = new Set(snapshot.agents.flatMap(({ announced }) => [...announced.keys()]));
  }

  /** True: the plan is complete. False: the budget is spent; call again. */
  goOn(budget: PlanBudget): boolean {
    while (this.#lines.length > 0) {
      this.#openLine(this.#lines.pop());
      if (!budget.spend(1 + this.#desks.length)) return false;
    }
    for (;;) {
      const open = this.#next();
      if (open === undefined) return true;
      this.#place(open.head, open.desks);
      this.#advance(open);
      if (!budget.spend(1 + open.desks.length)) return false;
    }
  }

  /** The agents that the plan knows. */
  get agents(): readonly PlannedAgent[] {
    return this.#snapshot.agents;
  }

  /** What is planned so far. */
  get plan(): Plan {
    return {
      assignments: this.#placements.filter((placement) => placement.startsInMs === 0),
      announcements: this.#desks.flatMap((desk) => desk.next),
      placements: this.#placements,
      unplaceable: this.#unplaceable,
      blocked: this.#blocked,
    };
  }

  #openLine(line: JobLine | undefined): void {
    const head = line?.behind(undefined);
    if (line === undefined || head === undefined) return;
    const desks = this.#desks.filter(({ agent }) => needsRefusals(line.needs, agent).length === 0);
    if (desks.length === 0) this.#blocked.push(line);
    else this.#open.push({ line, desks, head });
  }

  /** The line whose head is first of all. Behind the first 200 jobs only free slots are filled: lines do not block each other. */
  #next(): Open | undefined {
    const { nowMs, tuning } = this.#snapshot;
    const onlyFree = this.#placements.length >= tuning.jobsMax;
    let first: Open | undefined;
    for (const open of this.#open) {
      if (onlyFree && !open.desks.some((desk) => desk.freeInMs === 0)) continue;
      if (first === undefined || compareRank(open.head, first.head, nowMs, tuning) < 0) first = open;
    }
    return first;
  }

  #advance(open: Open): void {
    const head = open.line.behind(open.head);
    if (head === undefined) this.#open.splice(this.#open.indexOf(open), 1);
    else open.head = head;
  }

  #place(job: WaitingJob, desks: readonly Desk[]): void {
    const onlyFree = this.#placements.length >= this.#snapshot.tuning.jobsMax;
    const fit = preferred(job, desks);
    const best = this.#bestDesk(job, onlyFree ? fit.filter((desk) => desk.freeInMs === 0) : fit);
    if (best === undefined && fit.length > 0) return;
    if (best === undefined) this.#unplaceable.push(job);
    else this.#placements.push(best.book(job));
  }

  /**
   * Where the job is expected to end first. A free slot wins by that alone: a hint never keeps a job from starting.
   * Between busy agents the one that was told to prefetch keeps the job unless another gains enough.
   */
  #bestDesk(job: WaitingJob, feasible: readonly Desk[]): Desk | undefined {
    const soonest = lowest(feasible, (desk) => desk.completionMs(job));
    if (soonest === undefined || soonest.freeInMs === 0 || !this.#announced.has(job.jobId)) return soonest;
    return lowest(feasible, (desk) => desk.completionMs(job) - loyaltyMs(job, desk, this.#snapshot));
  }
}

/** The agents that may take the job now or later: fit, and not to be avoided where others are fit. */
function preferred(job: WaitingJob, desks: readonly Desk[]): readonly Desk[] {
  if (job.refusedBy.size === 0 && job.avoid.size === 0) return desks;
  const fit = desks.filter(({ agent }) => !job.refusedBy.has(agent.agentId));
  const wanted = fit.filter(({ agent }) => !job.avoid.has(agent.agentId));
  return wanted.length > 0 ? wanted : fit;
}

function lowest(desks: readonly Desk[], score: (desk: Desk) => number): Desk | undefined {
  let best: Desk | undefined;
  let bestScore = Number.POSITIVE_INFINITY;
  for (const desk of desks) {
    const own = score(desk);
    if (best !== undefined && own >= bestScore) continue;
    best = desk;
    bestScore = own;
  }
  return best;
}

/** What another agent must gain to take an announced job away from the one that prefetches it. */
function loyaltyMs(job: WaitingJob, { agent }: Desk, { tuning }: Snapshot): number {
  const announcedForMs = agent.announced.get(job.jobId);
  if (announcedForMs === undefined) return 0;
  return announcedForMs < tuning.moveEveryMs ? Number.MAX_SAFE_INTEGER / 2 : tuning.moveGainMs;
}

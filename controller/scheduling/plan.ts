import { countedBudget, type PlanBudget, unlimitedBudget } from './budget.ts';
import { Candidate, type Option } from './candidate.ts';
import { Desk } from './desk.ts';
import { needsRefusals, pauseOf } from './feasible.ts';
import { splitAtFirst } from './limited-line.ts';
import { RunningLimits } from './limits.ts';
import type { Placement } from './placement.ts';
import { type OpenLine, type RankedJob, Ranking } from './rank.ts';
import type { JobLine, Snapshot, WaitingJob } from './snapshot.ts';
import type { JobNeeds } from './waiting-lines.ts';

export interface Plan {
  /** Jobs that start now, in order. */
  readonly assignments: readonly Placement[];
  /** What each busy agent gets next, at most one job per slot. */
  readonly announcements: readonly Placement[];
  /** All placements, in the order in which they were made. */
  readonly placements: readonly Placement[];
  /**
   * The first jobs in order (`jobsMax` of the tuning), those that no agent can take for their own history among them;
   * then those behind them that fill slots.
   */
  readonly order: readonly RankedJob[];
  /** Jobs that could have begun now on a slot that another one gets, or that stays free for a better one. */
  readonly passedOver: ReadonlySet<string>;
  /** Jobs that no agent can take for their own history, in order. */
  readonly unplaceable: readonly WaitingJob[];
  /** Lines that no agent can take a job of, or that are paused. */
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

/** Fills free slots in order, each with what ends first there, without looking at busy agents. */
export function fillFreeSlots(snapshot: Snapshot): readonly Placement[] {
  if (!snapshot.agents.some((agent) => agent.running.length < agent.slots)) return [];
  const planning = new Planning({ ...snapshot, tuning: { ...snapshot.tuning, jobsMax: 0 } });
  planning.goOn(countedBudget(greedyOperationsMax));
  return planning.plan.assignments;
}

/** The agents that can do what some jobs need, and the best speed among them. */
interface Fit {
  readonly desks: readonly Desk[];
  readonly speed: number;
}

/**
 * A plan in the making. It can pause between two steps; what has changed meanwhile is for the caller to check, and for
 * the next plan to know.
 *
 *   lines --> feasible agents (once a line) --> the first 200 jobs in order --> groups that may change places
 *     --> in each: who loses most without its best agent goes first, to where it ends first (sufferage)
 *     --> what is left free: the next jobs behind them --> assignment | announcement
 *
 * Sufferage: Maheswaran et al., Dynamic Mapping of a Class of Independent Tasks onto Heterogeneous Computing Systems,
 * 1999.
 */
export class Planning {
  readonly #snapshot: Snapshot;
  readonly #desks: readonly Desk[];
  readonly #jobsMax: number;
  readonly #limits: RunningLimits;
  readonly #lines: JobLine[];
  readonly #open: OpenLine[] = [];
  /** Of a user, queue or farm with as many jobs on agents as may be: nothing of them can start. */
  readonly #full: OpenLine[] = [];
  readonly #fitFor = new Map<JobNeeds, Fit>();
  #ranking: Ranking | undefined;
  #ranked = 0;
  /** More jobs wait than are looked at. */
  #isCrowded = false;
  #rankingOfFull: Ranking | undefined;
  #rankedOfFull = 0;
  readonly #order: RankedJob[] = [];
  /** The jobs that may change places with each other, group by group, in order. */
  readonly #groups: Candidate[][] = [];
  /** The group whose turn it is, and how many of its jobs have looked at the agents since. */
  #lookedGroup: Candidate[] | undefined;
  #looked = 0;
  /** Of the group whose turn it is: who has yet to look again at the desk that was booked last. */
  #lookAgain: { readonly desk: Desk; readonly group: readonly Candidate[]; next: number } | undefined;
  /** What waits for a limit or for room, not for an agent: placed behind all others, in nobody's way. */
  readonly #limited: Candidate[] = [];
  readonly #candidates: Candidate[] = [];
  readonly #placements: Placement[] = [];
  readonly #unplaceable: WaitingJob[] = [];
  readonly #blocked: JobLine[] = [];

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
    this.#jobsMax = snapshot.tuning.jobsMax;
    this.#desks = snapshot.agents.map((agent, index) => new Desk(agent, index));
    this.#limits = RunningLimits.of(snapshot);
    this.#lines = [...snapshot.lines];
  }

  /** True: the plan is complete. False: the budget is spent; call again. */
  goOn(budget: PlanBudget): boolean {
    for (;;) {
      const cost = this.#step();
      if (cost === undefined) return true;
      if (!budget.spend(cost)) return false;
    }
  }

  /** What it is made of. */
  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** What is planned so far. */
  get plan(): Plan {
    const started = new Set(
      this.#placements.filter((each) => each.startsInMs === 0).map((each) => each.jobId),
    );
    const passed = this.#candidates.filter(({ job, couldStart }) => couldStart && !started.has(job.jobId));
    return {
      assignments: this.#placements.filter(({ startsInMs }) => startsInMs === 0),
      announcements: this.#desks.flatMap((desk) => desk.next),
      placements: this.#placements,
      order: this.#order,
      passedOver: new Set(passed.map(({ job }) => job.jobId)),
      unplaceable: this.#unplaceable,
      blocked: this.#blocked,
    };
  }

  /** One step, and what it cost; undefined: there is nothing left to do. */
  #step(): number | undefined {
    const again = this.#lookAgainOne();
    if (again !== undefined) return again;
    const line = this.#lines.pop();
    if (line !== undefined) return this.#openLine(line);
    this.#ranking ??= new Ranking(this.#snapshot, this.#open);
    if (this.#ranked < this.#jobsMax) {
      const ranked = this.#ranking.next();
      if (ranked !== undefined) return this.#rank(ranked);
      this.#ranked = this.#jobsMax;
    }
    const [group] = this.#groups;
    if (group !== undefined) return this.#lookOne(group) ?? this.#placeOne(group);
    // Lines do not block each other: behind the first 200 jobs only free slots are filled.
    const behind = this.#anyFree() ? this.#ranking.next((open) => this.#hasFree(open)) : undefined;
    if (behind !== undefined) return this.#fill(behind);
    const limited = this.#limited.shift();
    return limited === undefined ? this.#rankFull() : this.#placeLimited(limited);
  }

  #openLine(line: JobLine): number {
    const known = this.#fitFor.get(line.needs);
    const fit = known ?? this.#fit(line.needs);
    if (known === undefined) this.#fitFor.set(line.needs, fit);
    if (fit.desks.length === 0) this.#blocked.push(line);
    else this.#openFor(line, fit);
    return known === undefined ? 1 + this.#desks.length : 1;
  }

  /** Of a line that waits for a limit no job stands before others but the one that may be next. */
  #openFor(line: JobLine, { desks, speed }: Fit): void {
    const head = line.behind(undefined);
    const ms = head === undefined ? 0 : this.#limits.roomInMs(head).ms;
    const split = ms === 0 ? undefined : splitAtFirst(line);
    if (split === undefined) this.#open.push({ line, speed });
    else if (desks.some(({ freeInMs }) => freeInMs < ms)) this.#full.push({ line, speed });
    else {
      this.#open.push({ line: split.first, speed });
      this.#full.push({ line: split.rest, speed });
    }
  }

  #fit(needs: JobNeeds): Fit {
    const isPaused = pauseOf(needs, this.#snapshot.rules) !== undefined;
    const desks = isPaused ? [] : this.#desks.filter(({ agent }) => needsRefusals(needs, agent).length === 0);
    const speeds = desks.map(({ agent }) => agent.classes.get(needs.workClass)?.speed ?? 0);
    return { desks, speed: Math.max(0, ...speeds) };
  }

  #desksFor({ line }: OpenLine): readonly Desk[] {
    return this.#fitFor.get(line.needs)?.desks ?? [];
  }

  #rank(ranked: RankedJob): number {
    this.#ranked += 1;
    this.#isCrowded = this.#ranked === this.#jobsMax && this.#ranking?.isEmpty === false;
    this.#order.push(ranked);
    const candidate = this.#candidate(ranked);
    if (candidate === undefined) return 1;
    const last = this.#groups.at(-1);
    if (last?.[0]?.mayChangePlaces(candidate) === true) last.push(candidate);
    else this.#groups.push([candidate]);
    this.#candidates.push(candidate);
    return 1 + candidate.options.length + this.#open.length;
  }

  /** Undefined for a job that no agent can take: it is noted. */
  #candidate(ranked: RankedJob): Candidate | undefined {
    const desks = this.#desksFor(ranked.open);
    const candidate = new Candidate(ranked, desks, this.#snapshot);
    if (candidate.options.length > 0) return candidate;
    this.#unplaceable.push(ranked.job);
    return undefined;
  }

  /** The next job of a line at its limit is placed at once: what it waits for is told, and it takes nothing from others. */
  #rankFull(): number | undefined {
    if (this.#rankedOfFull >= this.#jobsMax) return undefined;
    this.#rankingOfFull ??= new Ranking(this.#snapshot, this.#full);
    const ranked = this.#rankingOfFull.next();
    if (ranked === undefined) return undefined;
    this.#rankedOfFull += 1;
    this.#order.push(ranked);
    const candidate = this.#candidate(ranked);
    return 1 + this.#full.length + (candidate === undefined ? 0 : this.#placeLimited(candidate));
  }

  /** Looks at the agents for the next job of the group, with all that earlier groups were given; undefined: all are seen. */
  #lookOne(group: Candidate[]): number | undefined {
    if (this.#lookedGroup !== group) {
      this.#lookedGroup = group;
      this.#looked = 0;
    }
    const candidate = this.#looked < group.length ? group[this.#looked] : undefined;
    if (candidate === undefined) return undefined;
    this.#looked += 1;
    candidate.lookAtAll();
    return 1 + candidate.options.length;
  }

  #placeOne(group: Candidate[]): number {
    let next = 0;
    let most = Number.NEGATIVE_INFINITY;
    for (let index = 0; index < group.length; index += 1) {
      const sufferageMs = group[index]?.sufferageMs(this.#isCrowded) ?? 0;
      if (sufferageMs <= most) continue;
      most = sufferageMs;
      next = index;
    }
    const [candidate] = group.splice(next, 1);
    if (group.length === 0) this.#groups.shift();
    if (candidate === undefined) return 0;
    const desk = this.#book(candidate);
    if (desk !== undefined) this.#lookAgain = { desk, group, next: 0 };
    return 1 + group.length;
  }

  /** One of the others in the group; undefined: all know of the last booking. Nobody is placed before. */
  #lookAgainOne(): number | undefined {
    if (this.#lookAgain === undefined) return undefined;
    const { desk, group, next } = this.#lookAgain;
    const other = group[next];
    this.#lookAgain.next += 1;
    if (other === undefined) this.#lookAgain = undefined;
    return other?.lookAgain(desk);
  }

  /** Gives the job its best agent, unless a limit keeps it, or a full disk while smaller ones may fit: then undefined. */
  #book(candidate: Candidate): Desk | undefined {
    const { job, best, ranked } = candidate;
    const { ms } = this.#limits.roomInMs(job);
    const startMs = best.desk.startMs(best.effort);
    // What is overdue keeps the slot free until there is room: smaller jobs would take it for ever.
    if (ms > startMs || (startMs > best.desk.freeInMs && !ranked.overdue)) {
      this.#limited.push(candidate);
      return undefined;
    }
    this.#put(candidate.ranked, best);
    return best.desk;
  }

  #put(ranked: RankedJob, { desk, effort }: Option): void {
    const placement = desk.book(ranked, effort);
    this.#limits.take(ranked.job, placement.endsInMs);
    this.#placements.push(placement);
  }

  #placeLimited(candidate: Candidate): number {
    candidate.lookAtAll(false);
    const { job, best } = candidate;
    const { ms, limit } = this.#limits.roomInMs(job);
    const placement = best.desk.book(candidate.ranked, best.effort, Math.max(1, ms));
    this.#limits.take(job, placement.endsInMs);
    this.#placements.push({ ...placement, ...(limit !== undefined && { limit }) });
    return 1 + candidate.options.length;
  }

  /** A job behind the first 200 takes a slot that is free, if there is one for it. */
  #fill(ranked: RankedJob): number {
    const desks = this.#desksFor(ranked.open);
    const free = new Candidate(ranked, desks, this.#snapshot).bestFree();
    if (free !== undefined && this.#limits.roomInMs(ranked.job).ms === 0) {
      this.#order.push(ranked);
      this.#put(ranked, free);
    }
    return 1 + this.#open.length + desks.length;
  }

  #anyFree(): boolean {
    return this.#desks.some(({ freeInMs }) => freeInMs === 0);
  }

  #hasFree(open: OpenLine): boolean {
    return this.#desksFor(open).some(({ freeInMs }) => freeInMs === 0);
  }
}

import type { Desk } from './desk.ts';
import { doubts } from './feasible.ts';
import { type Effort, effortOf } from './forecast.ts';
import type { RankedJob } from './rank.ts';
import type { Snapshot, WaitingJob } from './snapshot.ts';

/** An agent that a job may go to, and what it would need there. */
export interface Option {
  readonly desk: Desk;
  readonly effort: Effort;
  /** What another agent must gain to take the job away from here: it was told to prefetch. */
  readonly loyalMs: number;
}

/** A job gives up waiting when its start is late by so many times what it would take on a free slot. */
const givenUpAfter = 4;

/**
 * So many times counts what a job has waited: counted twice, long newcomers take the place of what is announced already
 * (94.6 % of copying hidden on-line; four times: 95.3 %).
 */
const waitCounts = 4;

/**
 * What a job that was announced to its best agent is ahead of others by. Its files are being copied there: each time another
 * takes its turn, that was in vain. Of a batch of 200, with it, 160 GB instead of 615 are copied twice, and it ends 1 % sooner.
 */
const announcedAheadMs = 2 * 3_600_000;

/** A job while it is looked for the agent where it ends first. */
export class Candidate {
  readonly job: WaitingJob;
  readonly options: readonly Option[];
  /** A slot that is free now would do. */
  readonly couldStart: boolean;
  readonly ranked: RankedJob;
  /** By index of a desk, the place of its option; -1 where it has none. A plan has thousands: maps were a part of its garbage. */
  readonly #optionAt: Int32Array;
  /** Where it was told to prefetch. */
  readonly #announced: Option | undefined;
  /** When it would end with each of its options. */
  readonly #endsMs: number[] = [];
  #best: Option | undefined;
  /** The best without regard to announcements. */
  #soonest: Option | undefined;
  #second: Option | undefined;
  #startsNow = true;
  #lossMs = 0;
  /** What it renders on its best agent, alone. */
  #longMs = 0;
  readonly #waitedMs: number;
  /** Since it was to start, by its promise. */
  readonly #lateMs: number;

  constructor(ranked: RankedJob, desks: readonly Desk[], snapshot: Snapshot) {
    this.ranked = ranked;
    this.#waitedMs = Math.max(0, snapshot.nowMs - ranked.job.submittedAtMs);
    this.job = ranked.job;
    this.#lateMs = snapshot.nowMs - (ranked.job.promise?.startAtMs ?? snapshot.nowMs);
    this.options = optionsOf(ranked.job, desks, snapshot);
    this.#optionAt = new Int32Array(1 + (desks.at(-1)?.index ?? 0)).fill(-1);
    for (const [at, { desk }] of this.options.entries()) this.#optionAt[desk.index] = at;
    this.#announced = this.options.find(({ loyalMs }) => loyalMs > 0);
    this.couldStart = this.options.some(({ desk }) => desk.isFree);
  }

  /** Where it goes, once it was looked at all. @throws Error without any option: a broken assumption */
  get best(): Option {
    if (this.#best === undefined) throw new Error(`job ${this.job.jobId} has no agent to go to`);
    return this.#best;
  }

  /**
   * How much it would suffer from another job's going first: what it loses without its best agent (the most, where it
   * has no other); what it renders there, because what is long and begins last ends alone, and on slow PCs longest; what
   * it has lost already by waiting, without which the order of jobs that lose about the same jumps with every plan; and
   * what was copied for it in advance.
   * @param isCrowded more jobs wait than a plan looks at, so that nothing of this ends alone: what is short goes first. Its
   * slot is soon there for the next one, who may be another user's, and most jobs end earlier.
   */
  sufferageMs(isCrowded: boolean): number {
    const aheadMs = (this.#best?.loyalMs ?? 0) > 0 ? announcedAheadMs : 0;
    const ownMs = isCrowded ? -this.#longMs : this.#lossMs + this.#longMs;
    return ownMs + waitCounts * this.#waitedMs + aheadMs;
  }

  /** Both have the same class and round, are overdue or not, and neither is short of a deadline. */
  mayChangePlaces(candidate: Candidate): boolean {
    const own = this.ranked;
    const other = candidate.ranked;
    return (
      own.effectiveClass === other.effectiveClass &&
      own.round === other.round &&
      own.overdue === other.overdue &&
      own.slackMs === undefined &&
      other.slackMs === undefined
    );
  }

  /** The agent was given a job: everything that is not there ends as before. Returns how many agents were looked at. */
  lookAgain(desk: Desk): number {
    const index = this.#optionAt[desk.index] ?? -1;
    const option = this.options[index];
    if (option === undefined) return 0;
    this.#endsMs[index] = desk.completionMs(option.effort);
    if (option !== this.#soonest && option !== this.#best && option !== this.#second) return 1;
    this.#choose();
    return this.options.length;
  }

  /** The best of the agents that have a slot free; undefined: there is none. */
  bestFree(): Option | undefined {
    let best: Option | undefined;
    for (const option of this.options) {
      if (option.desk.startMs(option.effort) > 0) continue;
      if (best === undefined || endsSooner(option, best)) best = option;
    }
    return best;
  }

  /**
   * When its turn has come: what was placed before counts.
   * @param startsNow false: a limit keeps it, wherever a slot is free
   */
  lookAtAll(startsNow = true): void {
    this.#startsNow = startsNow;
    for (const [index, { desk, effort }] of this.options.entries())
      this.#endsMs[index] = desk.completionMs(effort);
    this.#choose();
  }

  #choose(): void {
    let bestMs = Number.POSITIVE_INFINITY;
    let secondMs = Number.POSITIVE_INFINITY;
    let best: number | undefined;
    let second: number | undefined;
    for (let index = 0; index < this.#endsMs.length; index += 1) {
      const ms = this.#endsMs[index] ?? Number.POSITIVE_INFINITY;
      if (best === undefined || ms < bestMs) {
        secondMs = bestMs;
        second = best;
        bestMs = ms;
        best = index;
      } else if (second === undefined || ms < secondMs) {
        secondMs = ms;
        second = index;
      }
    }
    this.#lossMs = secondMs - bestMs;
    this.#longMs = (best === undefined ? undefined : this.options[best])?.effort.workMs ?? 0;
    this.#second = second === undefined ? undefined : this.options[second];
    this.#soonest = best === undefined ? undefined : this.options[best];
    this.#best = this.#soonest && (this.#givenUpFor() ?? this.#keptWhereAnnounced(this.#soonest, bestMs));
  }

  /**
   * A free slot where it would have ended long ago, had it begun there when it was promised a start: what it waits for
   * does not come true, e.g. for an agent that always says that it is done soon. Undefined: it goes on waiting.
   */
  #givenUpFor(): Option | undefined {
    if (!this.ranked.overdue || this.#lateMs <= 0) return undefined;
    const free = this.bestFree();
    return free && givenUpAfter * free.desk.completionMs(free.effort) < this.#lateMs ? free : undefined;
  }

  /**
   * Between busy agents the one that was told to prefetch keeps the job unless another gains enough. A free slot wins
   * by ending it sooner alone: a hint never keeps a job from starting.
   */
  #keptWhereAnnounced(best: Option, bestMs: number): Option {
    if (best.loyalMs > 0 || (this.#startsNow && best.desk.startMs(best.effort) === 0)) return best;
    const announced = this.#announced;
    if (announced === undefined) return best;
    const gainMs = announced.desk.completionMs(announced.effort) - bestMs;
    return gainMs > Math.max(announced.loyalMs, 2 * best.effort.fetchMs) ? best : announced;
  }
}

function endsSooner(a: Option, b: Option): boolean {
  return a.desk.completionMs(a.effort) < b.desk.completionMs(b.effort);
}

/** The agents that may take the job now or later: fit, and not doubted where others are fit. */
function optionsOf(job: WaitingJob, desks: readonly Desk[], snapshot: Snapshot): readonly Option[] {
  const { rules, tuning } = snapshot;
  const fit = desks.filter(({ agent }) => !job.refusedBy.has(agent.agentId));
  const wanted = fit.filter(({ agent }) => doubts(job, agent, rules, tuning) === undefined);
  return (wanted.length > 0 ? wanted : fit).map((desk) => ({
    desk,
    effort: effortOf(job, desk.agent),
    loyalMs: loyaltyMs(job, desk, snapshot),
  }));
}

function loyaltyMs({ jobId }: WaitingJob, { agent }: Desk, { tuning }: Snapshot): number {
  const announcedForMs = agent.announced.get(jobId);
  if (announcedForMs === undefined) return 0;
  return announcedForMs < tuning.moveEveryMs ? Number.POSITIVE_INFINITY : tuning.moveGainMs;
}

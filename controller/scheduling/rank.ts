import type { PriorityClass } from '../../proto/agent-link.ts';
import { comparePromises } from './compare-promises.ts';
import { costMs, type Flow, flowOf } from './fair-share.ts';
import { timeOf } from './forecast.ts';
import type { JobLine, PlannerTuning, Snapshot, WaitingJob } from './snapshot.ts';
import { compareAge, type JobAge } from './waiting-lines.ts';

/** A higher one goes first. */
export const classRank: Readonly<Record<PriorityClass, number>> = { low: 0, normal: 1, high: 2, urgent: 3 };

/**
 * A job's class and what its wait has added to it (scheduling.md, Deciding 2). The wait counts from when its flow last
 * got a start in its class: who is served does not starve, however many jobs he has waiting.
 */
export function effectiveClass(
  job: Pick<JobAge, 'submittedAtMs'> & { readonly priority: PriorityClass },
  servedAtMs: number,
  nowMs: number,
  { agingMs }: Pick<PlannerTuning, 'agingMs'>,
): number {
  const waitMs = nowMs - Math.max(job.submittedAtMs, servedAtMs);
  return classRank[job.priority] + Math.max(0, Math.floor(waitMs / agingMs));
}

/** A line that has jobs to place. */
export interface OpenLine {
  readonly line: JobLine;
  /** The best speed at its work of the agents that can take its jobs. */
  readonly speed: number;
}

/** A job at its place in the order. */
export interface RankedJob {
  readonly job: WaitingJob;
  readonly open: OpenLine;
  readonly effectiveClass: number;
  /** Its start has slipped too far: first of its flow's jobs of its class. */
  readonly overdue: boolean;
  /** Time to its deadline beyond what it is predicted to take, where that is short. */
  readonly slackMs?: number;
  /** Which of its class's rounds of fair share it is in; jobs of one round may change places. */
  readonly round: number;
  /** Virtual time at which its flow has its turn for it. */
  readonly turnMs: number;
}

/** A job whose flow's turn is not known yet. */
type Head = Omit<RankedJob, 'round' | 'turnMs'>;

/** A flow, and the first job of each of its lines that was not ranked yet. */
interface FlowHeads {
  readonly flow: Flow;
  readonly heads: Head[];
  /** Those of its jobs that are overdue, in order: they stand before their lines. */
  readonly overdue: Head[];
  turnMs: number;
}

/**
 * The waiting jobs in order: effective class; in it what is short of its deadline; then fair share between flows; in a
 * flow what is overdue, then age. A requeued job keeps its age.
 *
 *   heads of lines --> next of each flow --> next of all --> its flow's turn moves on by what the job costs
 */
export class Ranking {
  readonly #snapshot: Snapshot;
  readonly #flows = new Map<string, FlowHeads>();
  readonly #overdue = new Set<string>();
  readonly #firstTurnMs: number;

  constructor(snapshot: Snapshot, lines: readonly OpenLine[]) {
    this.#snapshot = snapshot;
    for (const open of lines) {
      for (const job of open.line.overdue) {
        this.#overdue.add(job.jobId);
        this.#flowOf(job).overdue.push(this.#headOf(job, open));
      }
    }
    for (const open of lines) {
      const head = this.#behind(open, undefined);
      if (head !== undefined) this.#flowOf(head.job).heads.push(head);
    }
    for (const { overdue } of this.#flows.values()) overdue.sort(compareOverdue);
    // One after the other: there may be more flows than a call takes arguments.
    this.#firstTurnMs = [...this.#flows.values()].reduce(
      (first, { turnMs }) => Math.min(first, turnMs),
      Number.POSITIVE_INFINITY,
    );
  }

  /** The next job in order; undefined: there is none. With `only` of those lines alone. */
  next(only: (open: OpenLine) => boolean = () => true): RankedJob | undefined {
    let first: RankedJob | undefined;
    let owner: FlowHeads | undefined;
    for (const flow of this.#flows.values()) {
      const own = firstOf(flow, only);
      if (own === undefined) continue;
      const ranked = this.#inTurn(own, flow);
      if (first !== undefined && compareRank(ranked, first) >= 0) continue;
      first = ranked;
      owner = flow;
    }
    if (first !== undefined && owner !== undefined) this.#advance(owner, first);
    return first;
  }

  /** All were in their turn. */
  get isEmpty(): boolean {
    for (const { heads, overdue } of this.#flows.values())
      if (heads.length > 0 || overdue.length > 0) return false;
    return true;
  }

  #advance(owner: FlowHeads, { job, open, overdue }: RankedJob): void {
    owner.turnMs += this.#turnOf(job);
    const ranked = overdue ? owner.overdue : owner.heads;
    const index = ranked.findIndex((each) => each.job.jobId === job.jobId);
    const following = overdue ? undefined : this.#behind(open, job);
    if (following === undefined) ranked.splice(index, 1);
    else ranked[index] = following;
  }

  /** The line's next job that does not stand before it as overdue. */
  #behind(open: OpenLine, job: WaitingJob | undefined): Head | undefined {
    let following = open.line.behind(job);
    while (following !== undefined && this.#overdue.has(following.jobId))
      following = open.line.behind(following);
    return following && this.#headOf(following, open);
  }

  #flowOf(job: WaitingJob): FlowHeads {
    const flow = flowOf(job, this.#snapshot.rules);
    const known = this.#flows.get(flow.key);
    if (known !== undefined) return known;
    const turnMs = this.#snapshot.charges.standsAtMs(flow.key);
    const heads = { flow, heads: [], overdue: [], turnMs };
    this.#flows.set(flow.key, heads);
    return heads;
  }

  #turnOf(job: WaitingJob): number {
    return costMs(job) / this.#flowOf(job).flow.weight;
  }

  #headOf(job: WaitingJob, open: OpenLine): Head {
    const { nowMs, tuning, charges } = this.#snapshot;
    const servedAtMs = charges.startedAtMs(this.#flowOf(job).flow.key, job.priority);
    const slackMs = slackOf(job, open.speed, nowMs, tuning);
    return {
      job,
      open,
      effectiveClass: effectiveClass(job, servedAtMs, nowMs, tuning),
      overdue: this.#overdue.has(job.jobId),
      ...(slackMs !== undefined && { slackMs }),
    };
  }

  #inTurn(head: Head, { turnMs }: FlowHeads): RankedJob {
    const ahead = turnMs - this.#firstTurnMs;
    const round = this.#flows.size > 1 ? Math.floor(ahead / this.#snapshot.tuning.roundMs) : 0;
    const { slackMs, ...rest } = head;
    const isUrgent = slackMs !== undefined && slackMs >= 0 && round <= roundsAheadMax;
    return { ...rest, ...(isUrgent && { slackMs }), round, turnMs };
  }
}

/**
 * A deadline that is short goes before fair share while it can be kept and its flow is not further ahead than this; else
 * it goes first in its flow only. Deadlines are no way around fair share, and going first helps nobody who is too late.
 */
const roundsAheadMax = 1;

/** Time to a job's deadline beyond what it is predicted to take; undefined: it has no deadline, or time enough. */
export function slackOf(
  { deadlineMs, outputMs }: Pick<WaitingJob, 'deadlineMs' | 'outputMs'>,
  speed: number,
  nowMs: number,
  { deadlineSlack }: PlannerTuning,
): number | undefined {
  if (deadlineMs === undefined) return undefined;
  const predictedMs = timeOf(outputMs, speed);
  const leftMs = deadlineMs - nowMs;
  return leftMs < deadlineSlack * predictedMs ? leftMs - predictedMs : undefined;
}

/** Jobs whose order is the same by all but fair share. */
function compareInFlow(a: Head, b: Head): number {
  return (
    b.effectiveClass - a.effectiveClass ||
    (a.slackMs ?? Number.MAX_VALUE) - (b.slackMs ?? Number.MAX_VALUE) ||
    compareAge(a.job, b.job)
  );
}

function compareRank(a: RankedJob, b: RankedJob): number {
  return (
    b.effectiveClass - a.effectiveClass ||
    (a.slackMs ?? Number.MAX_VALUE) - (b.slackMs ?? Number.MAX_VALUE) ||
    a.round - b.round ||
    Number(b.overdue) - Number(a.overdue) ||
    a.turnMs - b.turnMs ||
    compareAge(a.job, b.job)
  );
}

function compareOverdue(a: Head, b: Head): number {
  return b.effectiveClass - a.effectiveClass || comparePromises(a.job, b.job);
}

function firstOf({ heads, overdue }: FlowHeads, only: (open: OpenLine) => boolean): Head | undefined {
  const late = overdue.find(({ open }) => only(open));
  let first: Head | undefined;
  for (const head of heads)
    if (only(head.open) && (first === undefined || compareInFlow(head, first) < 0)) first = head;
  return first === undefined || (late !== undefined && late.effectiveClass >= first.effectiveClass)
    ? (late ?? first)
    : first;
}

import { type Announced, wantedAnnouncements } from '../../controller/scheduling/announcements.ts';
import { Charges, costMs, flowOf } from '../../controller/scheduling/fair-share.ts';
import type { Placement } from '../../controller/scheduling/placement.ts';
import { makePlan, type Plan } from '../../controller/scheduling/plan.ts';
import { nextPromises } from '../../controller/scheduling/promises.ts';
import {
  defaultTuning,
  type FarmRules,
  type PlannedAgent,
  type PlannerTuning,
  type Snapshot,
  type StartPromise,
  type WaitingJob,
} from '../../controller/scheduling/snapshot.ts';
import { jobLines } from './job-lines.ts';
import { noRules } from './planner-parts.ts';

export interface Running {
  readonly job: WaitingJob;
  readonly agentId: string;
  readonly startedAtMs: number;
  readonly endsAtMs: number;
}

/** An announcement that moved, or was withdrawn, at a time. */
export interface Moved {
  readonly jobId: string;
  readonly from: string;
  readonly to: string | undefined;
  readonly atMs: number;
  readonly heldMs: number;
  readonly plan: Plan;
  readonly snapshot: Snapshot;
}

interface Options {
  readonly agents: readonly PlannedAgent[];
  readonly rules?: FarmRules;
  readonly tuning?: Partial<PlannerTuning>;
  /** A factor for what an agent says of the time that an attempt still takes. */
  readonly etaNoise?: () => number;
  /** A factor for the time that a job really takes, beside what is planned. */
  readonly workNoise?: () => number;
}

/**
 * A farm of planner and clock alone: jobs come, a plan is made at each event as the engine makes it, what it assigns
 * runs and ends. Renders do not share a PC: each slot has the whole speed.
 */
export class PlannedFarm {
  nowMs = 1_000_000_000;
  readonly waiting = new Map<string, WaitingJob>();
  readonly running: Running[] = [];
  readonly ended: Running[] = [];
  readonly charges = new Charges();
  readonly moved: Moved[] = [];
  readonly announcements = new Map<string, Announced>();
  agents: readonly PlannedAgent[];
  promises: ReadonlyMap<string, StartPromise> = new Map();
  readonly rules: FarmRules;
  readonly tuning: PlannerTuning;
  /** Called with each plan before it is carried out. */
  onPlan: (plan: Plan, snapshot: Snapshot) => void = () => undefined;
  #blocked: ReadonlySet<string> = new Set();
  readonly #noise: { readonly eta: () => number; readonly work: () => number };

  constructor({ agents, rules = noRules, tuning = {}, etaNoise = () => 1, workNoise = () => 1 }: Options) {
    this.agents = agents;
    this.rules = rules;
    this.tuning = { ...defaultTuning, ...tuning };
    this.#noise = { eta: etaNoise, work: workNoise };
  }

  /** The jobs come now; a plan is made for all of them together. */
  submit(...jobs: readonly WaitingJob[]): void {
    for (const job of jobs) this.waiting.set(job.jobId, { ...job, submittedAtMs: this.nowMs });
    this.plan();
  }

  /** Time passes until the next attempt ends, or until then if that is sooner; whether one has ended. */
  passTo(untilMs: number): boolean {
    const next = this.running.reduce<Running | undefined>(
      (first, each) => (first === undefined || each.endsAtMs < first.endsAtMs ? each : first),
      undefined,
    );
    if (next === undefined || next.endsAtMs > untilMs) {
      this.nowMs = untilMs;
      return false;
    }
    this.nowMs = next.endsAtMs;
    this.running.splice(this.running.indexOf(next), 1);
    this.ended.push(next);
    this.plan();
    return true;
  }

  /** The next attempt ends; false: none runs. */
  passToEnd(): boolean {
    return this.running.length > 0 && this.passTo(Number.MAX_SAFE_INTEGER);
  }

  plan(): Plan {
    this.#keepFlows();
    const snapshot = this.snapshot();
    const plan = makePlan(snapshot);
    this.onPlan(plan, snapshot);
    const placed = new Set(plan.placements.map(({ jobId }) => jobId));
    this.#blocked = new Set([...this.waiting.keys()].filter((jobId) => !placed.has(jobId)));
    this.promises = nextPromises(this.promises, plan, this.nowMs, this.tuning);
    for (const placement of plan.assignments) this.#start(placement);
    this.#announce(plan, snapshot);
    return plan;
  }

  snapshot(): Snapshot {
    const jobs = [...this.waiting.values()].map((job) => {
      const promise = this.promises.get(job.jobId);
      return { ...job, ...(promise && { promise }) };
    });
    return {
      nowMs: this.nowMs,
      lines: jobLines(jobs),
      agents: this.agents.map((agent) => this.#seen(agent)),
      rules: this.rules,
      charges: this.charges,
      tuning: this.tuning,
    };
  }

  #seen(agent: PlannedAgent): PlannedAgent {
    const running = this.running.filter(({ agentId }) => agentId === agent.agentId);
    const announced = [...this.announcements.values()].filter(({ agentId }) => agentId === agent.agentId);
    const takenBytes = running.reduce((sum, { job }) => sum + job.workBytes + job.sourceBytes, 0);
    return {
      ...agent,
      scratchBytes: agent.scratchBytes - takenBytes,
      running: running.map(({ job, endsAtMs }) => ({
        ...{ jobId: job.jobId, userId: job.userId, queue: job.queue, workClass: job.workClass },
        ...{ outputMs: job.outputMs, percent: 0, stopping: false },
        etaMs: (endsAtMs - this.nowMs) * this.#noise.eta(),
      })),
      announced: new Map(announced.map(({ jobId, sinceMs }) => [jobId, this.nowMs - sinceMs])),
    };
  }

  #keepFlows(): void {
    const waiting = [...this.waiting.values()];
    const keysOf = (jobs: readonly WaitingJob[]) => new Set(jobs.map((job) => flowOf(job, this.rules).key));
    const able = keysOf(waiting.filter(({ jobId }) => !this.#blocked.has(jobId)));
    this.charges.takePart(able);
    this.charges.keepOnly(keysOf([...waiting, ...this.running.map(({ job }) => job)]));
  }

  #start({ jobId, agentId, startsInMs, endsInMs }: Placement): void {
    const job = this.waiting.get(jobId);
    if (job === undefined) throw new Error(`${jobId} does not wait`);
    this.waiting.delete(jobId);
    const flow = flowOf(job, this.rules);
    this.charges.charge(flow, costMs(job));
    this.charges.started(flow, job.priority, this.nowMs);
    this.announcements.delete(jobId);
    const takesMs = Math.max(1, (endsInMs - startsInMs) * this.#noise.work());
    this.running.push({ job, agentId, startedAtMs: this.nowMs, endsAtMs: this.nowMs + takesMs });
  }

  #announce(plan: Plan, snapshot: Snapshot): void {
    const slotsOf = (agentId: string) => this.agents.find((each) => each.agentId === agentId)?.slots ?? 0;
    const standing = [...this.announcements.values()];
    const placements = wantedAnnouncements(standing, plan, slotsOf, this.nowMs, this.tuning);
    const wanted = new Map(placements.map((each) => [each.jobId, each.agentId]));
    for (const { jobId, agentId, sinceMs } of standing) {
      const to = wanted.get(jobId);
      if (to === agentId) continue;
      this.announcements.delete(jobId);
      this.moved.push({
        jobId,
        from: agentId,
        to,
        atMs: this.nowMs,
        heldMs: this.nowMs - sinceMs,
        plan,
        snapshot,
      });
    }
    for (const [jobId, agentId] of wanted)
      if (!this.announcements.has(jobId))
        this.announcements.set(jobId, { jobId, agentId, sinceMs: this.nowMs });
  }
}

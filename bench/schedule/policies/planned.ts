import { wantedAnnouncements } from '../../../controller/scheduling/announcements.ts';
import { Charges, costMs, flowOf } from '../../../controller/scheduling/fair-share.ts';
import { makePlan, type Plan } from '../../../controller/scheduling/plan.ts';
import { nextPromises } from '../../../controller/scheduling/promises.ts';
import {
  defaultTuning,
  type FarmRules,
  type JobLine,
  type PlannedAgent,
  type PlannerTuning,
  type Snapshot,
  type StartPromise,
  type WaitingJob,
} from '../../../controller/scheduling/snapshot.ts';
import { WaitingLines } from '../../../controller/scheduling/waiting-lines.ts';
import type { SimFarm, SimPc } from '../farms.ts';
import type { SimJob } from '../jobs.ts';
import type { Decision, Policy, SeenPc, View } from './policy.ts';

const queue = 'default_queue';

/** The configuration's clean stop of a run (scheduling.md, Time); the simulation ends no run by it. */
export const farmRules: FarmRules = {
  queues: new Map([[queue, { softRunMs: 10_200_000 }]]),
  userWeights: new Map(),
};

/** Room is not what this simulation is about. */
const scratchBytes = 10 ** 13;

/** Agents report progress; a plan is made anew at least so often while jobs wait. */
const replanEveryMs = 30_000;

/** Our planner, as the engine uses it: a plan at every event, charges at assignment, promises after each plan. */
export class PlannedPolicy implements Policy {
  readonly everyMs = replanEveryMs;
  readonly #tuning: PlannerTuning;
  readonly #farm: SimFarm;
  readonly #lines = new WaitingLines();
  readonly #jobs = new Map<string, SimJob>();
  readonly #charges = new Charges();
  /** Those who have jobs that wait or run. */
  #users: ReadonlySet<string> = new Set();
  /** Since when a job is announced, and to whom. */
  readonly #announced = new Map<string, { readonly agentId: string; readonly sinceMs: number }>();
  #promises: ReadonlyMap<string, StartPromise> = new Map();

  constructor(farm: SimFarm, tuning: PlannerTuning = defaultTuning) {
    this.#farm = farm;
    this.#tuning = tuning;
  }

  decide(view: View): Decision {
    this.#take(view);
    const plan = makePlan(this.#snapshot(view));
    this.#promises = nextPromises(this.#promises, plan, view.nowMs, this.#tuning);
    const starts = plan.assignments.map((placement) => {
      const job = this.#job(placement.jobId);
      this.#lines.remove(job.id);
      const flow = flowOf(flowJob(job), farmRules);
      this.#charges.charge(flow, costMs(job));
      this.#charges.started(flow, 'normal', view.nowMs);
      return { job, pc: this.#pc(placement.agentId) };
    });
    return { starts, prefetch: this.#announce(plan, view.nowMs) };
  }

  /** Notes who came and who has ended. */
  #take({ waiting, pcs }: View): void {
    const open = [...waiting, ...pcs.flatMap(({ running }) => running.map(({ job }) => job))];
    const users = new Set(open.map(({ userId }) => userId));
    for (const userId of users) this.#charges.arrived(flowOf({ userId, queue }, farmRules));
    for (const userId of this.#users.difference(users))
      this.#charges.left(flowOf({ userId, queue }, farmRules));
    this.#users = users;
    for (const job of waiting) {
      if (this.#lines.has(job.id)) continue;
      // One that was assigned and waits again was lost: it costs its user nothing.
      if (this.#jobs.has(job.id)) this.#charges.refund(flowOf(flowJob(job), farmRules), costMs(job));
      this.#jobs.set(job.id, job);
      this.#lines.put(lineEntry(job));
    }
  }

  #snapshot({ nowMs, waiting, pcs }: View): Snapshot {
    const jobs = new Map(waiting.map((job) => [job.id, this.#waitingJob(job, pcs)]));
    return {
      nowMs,
      lines: jobLines(this.#lines, jobs),
      agents: pcs.map((seen) => this.#agent(seen, nowMs)),
      rules: farmRules,
      charges: this.#charges,
      tuning: this.#tuning,
    };
  }

  #waitingJob(job: SimJob, pcs: readonly SeenPc[]): WaitingJob {
    const promise = this.#promises.get(job.id);
    const present = pcs.flatMap((seen) => {
      const bytes = seen.cachedBytes(job);
      return bytes > 0 ? [[seen.pc.name, { bytes, outputMs: 0 }] as const] : [];
    });
    return {
      ...lineEntry(job),
      outputMs: job.outputMs,
      sourceBytes: job.bytes,
      workBytes: 0,
      refusedBy: new Map(),
      avoid: new Map(),
      present: new Map(present),
      ...(promise && { promise }),
    };
  }

  #agent({ pc, up, running }: SeenPc, nowMs: number): PlannedAgent {
    const announced = [...this.#announced].filter(([, { agentId }]) => agentId === pc.name);
    return {
      agentId: pc.name,
      liveness: up ? 'attached' : 'detached',
      queues: [queue],
      labels: [],
      shares: [],
      slots: pc.slots,
      classes: new Map([...pc.speeds].map(([workClass, speed]) => [workClass, { speed, runs: 5, p90: 1 }])),
      concurrentSpeeds: pc.concurrentSpeeds,
      copyBytesPerMs: this.#farm.copyBytesPerMs,
      scratchBytes,
      running: running.map(({ job, doneShare, etaMs }) => ({
        jobId: job.id,
        userId: job.userId,
        queue,
        workClass: job.workClass,
        ...(etaMs !== undefined && { etaMs }),
        outputMs: job.outputMs,
        percent: Math.floor(doneShare * 100),
        stopping: false,
      })),
      announced: new Map(announced.map(([jobId, { sinceMs }]) => [jobId, nowMs - sinceMs])),
    };
  }

  /** As the engine does; each PC copies in the order in which it was told. */
  #announce(plan: Plan, nowMs: number): ReadonlyMap<SimPc, readonly SimJob[]> {
    const standing = [...this.#announced].map(([jobId, announced]) => ({ jobId, ...announced }));
    const slotsOf = (agentId: string): number => this.#pc(agentId).slots;
    const placements = wantedAnnouncements(standing, plan, slotsOf, nowMs, this.#tuning);
    const wanted = new Map(placements.map((placement) => [placement.jobId, placement]));
    for (const [jobId, { agentId }] of this.#announced)
      if (wanted.get(jobId)?.agentId !== agentId) this.#announced.delete(jobId);
    for (const { jobId, agentId } of wanted.values())
      if (!this.#announced.has(jobId)) this.#announced.set(jobId, { agentId, sinceMs: nowMs });
    const byPc = Map.groupBy(this.#announced, ([, { agentId }]) => this.#pc(agentId));
    return new Map([...byPc].map(([pc, own]) => [pc, own.map(([jobId]) => this.#job(jobId))]));
  }

  #job(jobId: string): SimJob {
    const job = this.#jobs.get(jobId);
    if (job === undefined) throw new Error(`no such job: ${jobId}`);
    return job;
  }

  #pc(name: string): SimPc {
    const pc = this.#farm.pcs.find((each) => each.name === name);
    if (pc === undefined) throw new Error(`no such PC: ${name}`);
    return pc;
  }
}

/** The lines as a plan reads them, of waiting jobs by their id. */
export function jobLines(lines: WaitingLines, jobs: ReadonlyMap<string, WaitingJob>): readonly JobLine[] {
  const overdue = [...jobs.values()].filter(({ promise }) => promise?.overdue === true);
  return [...lines.lines()].map((line) => ({
    key: line.key,
    needs: line.needs,
    behind: (job) => jobs.get(line.behind(job)?.jobId ?? ''),
    overdue: overdue.filter(({ jobId }) => lines.lineOf(jobId) === line),
  }));
}

function flowJob({ userId }: SimJob): { readonly userId: string; readonly queue: string } {
  return { userId, queue };
}

function lineEntry({ id, userId, workClass, index, arrivesMs }: SimJob) {
  return {
    jobId: id,
    userId,
    priority: 'normal' as const,
    queue,
    workClass,
    shares: [],
    submittedAtMs: arrivesMs,
    sequence: index,
  };
}

import type { PriorityClass, WorkClass } from '../../proto/agent-link.ts';
import type { FarmRules, FlowCharges, WaitingJob } from './snapshot.ts';
import type { JobNeeds } from './waiting-lines.ts';

/** Jobs that are served together beside others: those of a user, or of a user in a queue with a weight of its own. */
export interface Flow {
  readonly key: string;
  /** Its share beside other flows. */
  readonly weight: number;
}

type FlowJob = Pick<JobNeeds, 'queue'> & { readonly userId: string };
type PricedJob = FlowJob & Pick<WaitingJob, 'outputMs' | 'workClass'>;

export function flowOf({ userId, queue }: FlowJob, rules: FarmRules): Flow {
  const userWeight = rules.userWeights.get(userId) ?? 1;
  const queueWeight = rules.queues.get(queue)?.weight;
  if (queueWeight === undefined) return { key: JSON.stringify([userId]), weight: userWeight };
  return { key: JSON.stringify([userId, queue]), weight: userWeight * queueWeight };
}

/** A 4K frame has four times the pixels of a Full HD one: its output counts four times. */
const classCosts: ReadonlyMap<string, number> = new Map([['4k', 4]]);

/** How much more work a length of output of this class is than one of Full HD. */
export function classCost(workClass: WorkClass): number {
  return classCosts.get(workClass) ?? 1;
}

/** What a job costs: output time on a reference GPU, whichever agent renders it (scheduling.md, Deciding 2). */
export function costMs({ outputMs, workClass }: Pick<PricedJob, 'outputMs' | 'workClass'>): number {
  return outputMs * classCost(workClass);
}

/**
 * What each flow has had, as virtual time: start-time fair queueing (Goyal, Vin and Cheng, 1996). Only flows with a job
 * that could start take part. Who comes back begins where the others are, not ahead by what was saved, nor behind by what
 * was used while nobody else wanted it; but what a flow had beyond the others stays its own until they have had as much.
 */
export class Charges implements FlowCharges {
  readonly servedMs = new Map<string, number>();
  /** Flows that do not take part just now, and have had more than those that do. */
  readonly #ahead = new Map<string, number>();
  readonly #starts = new Map<string, Map<PriorityClass, number>>();
  #virtualMs = 0;
  /** The least of `servedMs` may be another than when it was last looked for: that takes a look at all of them. */
  #isStale = false;

  /** Where a new flow begins: with the one that has had least. It never goes back. */
  get virtualMs(): number {
    if (this.#isStale && this.servedMs.size > 0)
      this.#virtualMs = Math.max(this.#virtualMs, leastOf(this.servedMs.values()));
    this.#isStale = false;
    return this.#virtualMs;
  }

  standsAtMs(flowKey: string): number {
    return this.servedMs.get(flowKey) ?? Math.max(this.virtualMs, this.#ahead.get(flowKey) ?? 0);
  }

  /** Just these flows have a job that waits and could start, from now on. Costs as much as there are flows. */
  takePart(keys: ReadonlySet<string>): void {
    // Of all at once: who leaves first must not decide where the others stand.
    const { virtualMs } = this;
    for (const [key, served] of this.servedMs) {
      if (keys.has(key)) continue;
      this.servedMs.delete(key);
      this.#isStale = true;
      if (served > virtualMs) this.#ahead.set(key, served);
    }
    for (const key of keys) this.arrived({ key });
    this.#forgetAhead();
  }

  /** The flow has a job that waits and could start, from now on. Idempotent. */
  arrived({ key }: Pick<Flow, 'key'>): void {
    if (this.servedMs.has(key)) return;
    const isAlone = this.servedMs.size === 0;
    this.servedMs.set(key, this.standsAtMs(key));
    this.#ahead.delete(key);
    // Beside others it stands at the virtual time or ahead of it: the least is the same.
    if (isAlone) this.#isStale = true;
  }

  /** The flow has no such job any more. Idempotent. */
  left({ key }: Pick<Flow, 'key'>): void {
    const { virtualMs } = this;
    const served = this.servedMs.get(key);
    if (served === undefined || !this.servedMs.delete(key)) return;
    this.#isStale = true;
    if (served > virtualMs) this.#ahead.set(key, served);
    this.#forgetAhead();
  }

  /** The others have had as much. */
  #forgetAhead(): void {
    const { virtualMs } = this;
    for (const [key, ms] of this.#ahead) if (ms <= virtualMs) this.#ahead.delete(key);
  }

  /** What is known of flows without an open job is forgotten; when there are no others, all begin even. */
  keepOnly(open: ReadonlySet<string>): void {
    for (const key of this.#starts.keys()) if (!open.has(key)) this.#starts.delete(key);
    if (open.size > 0) return;
    const most = Math.max(mostOf(this.servedMs.values()), mostOf(this.#ahead.values()));
    this.#virtualMs = Math.max(this.virtualMs, most);
    this.servedMs.clear();
    this.#ahead.clear();
  }

  /** A job of the flow was assigned. */
  charge(flow: Flow, ms: number): void {
    const served = this.#ahead.get(flow.key);
    if (served === undefined) this.arrived(flow);
    this.#put(flow.key, this.standsAtMs(flow.key) + ms / flow.weight);
  }

  /** A job of the flow and class was assigned then. */
  started(flow: Flow, priority: PriorityClass, atMs: number): void {
    const starts = this.#starts.get(flow.key) ?? new Map<PriorityClass, number>();
    this.#starts.set(flow.key, starts);
    starts.set(priority, Math.max(atMs, starts.get(priority) ?? 0));
  }

  startedAtMs(flowKey: string, priority: PriorityClass): number {
    return this.#starts.get(flowKey)?.get(priority) ?? 0;
  }

  /** It ended for no fault of the flow's, and is assigned again. */
  refund(flow: Flow, ms: number): void {
    if (!this.servedMs.has(flow.key) && !this.#ahead.has(flow.key)) return;
    this.#put(flow.key, Math.max(0, this.standsAtMs(flow.key) - ms / flow.weight));
  }

  #put(key: string, ms: number): void {
    this.#isStale = true;
    (this.servedMs.has(key) ? this.servedMs : this.#ahead).set(key, ms);
  }
}

/** There may be more of them than a call takes arguments. */
function leastOf(values: Iterable<number>): number {
  let least = Number.POSITIVE_INFINITY;
  for (const value of values) least = Math.min(least, value);
  return least;
}

function mostOf(values: Iterable<number>): number {
  let most = 0;
  for (const value of values) most = Math.max(most, value);
  return most;
}

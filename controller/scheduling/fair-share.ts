import type { PriorityClass } from '../../proto/agent-link.ts';
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

/** What a job costs: output time on a reference GPU, whichever agent renders it (scheduling.md, Deciding 2). */
export function costMs({ outputMs, workClass }: Pick<PricedJob, 'outputMs' | 'workClass'>): number {
  return outputMs * (classCosts.get(workClass) ?? 1);
}

/**
 * What each flow has had, as virtual time: start-time fair queueing (Goyal, Vin and Cheng, 1996). A flow without open
 * jobs is forgotten: who comes back begins where the others are, neither ahead by what was saved nor behind by what
 * was used while nobody else wanted it.
 */
export class Charges implements FlowCharges {
  readonly servedMs = new Map<string, number>();
  readonly #starts = new Map<string, Map<PriorityClass, number>>();
  #virtualMs = 0;

  /** Where a new flow begins: no farther than the one that has had least. */
  get virtualMs(): number {
    if (this.servedMs.size > 0) this.#virtualMs = Math.min(...this.servedMs.values());
    return this.#virtualMs;
  }

  /** The flow has an open job from now on. Idempotent. */
  arrived(flow: Flow): void {
    if (!this.servedMs.has(flow.key)) this.servedMs.set(flow.key, this.virtualMs);
  }

  /** The flow has no open job any more. Idempotent. */
  left(flow: Flow): void {
    const { virtualMs } = this;
    this.servedMs.delete(flow.key);
    this.#starts.delete(flow.key);
    this.#virtualMs = virtualMs;
  }

  /** A job of the flow was assigned. */
  charge(flow: Flow, ms: number): void {
    this.arrived(flow);
    this.servedMs.set(flow.key, (this.servedMs.get(flow.key) ?? 0) + ms / flow.weight);
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
    const served = this.servedMs.get(flow.key);
    if (served !== undefined) this.servedMs.set(flow.key, Math.max(0, served - ms / flow.weight));
  }
}

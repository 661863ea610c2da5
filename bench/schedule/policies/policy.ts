import type { WorkClass } from '../../../proto/agent-link.ts';
import type { SimPc } from '../farms.ts';
import type { SimJob } from '../jobs.ts';

/** What a policy sees of a render: never its true work. */
export interface SeenRender {
  readonly job: SimJob;
  /** Of its work. */
  readonly doneShare: number;
  /** What is left, by the agent's own word; absent before it knows. */
  readonly etaMs?: number;
}

/** What a policy sees of a PC. */
export interface SeenPc {
  readonly pc: SimPc;
  /** Heard of lately: a PC that has failed is not, a while later. */
  readonly up: boolean;
  readonly freeSlots: number;
  readonly running: readonly SeenRender[];
  /** Of the job's files that are there. */
  cachedBytes(job: SimJob): number;
}

export interface View {
  readonly nowMs: number;
  /** In the order of submission. */
  readonly waiting: readonly SimJob[];
  readonly pcs: readonly SeenPc[];
}

export interface Start {
  readonly job: SimJob;
  readonly pc: SimPc;
}

export interface Decision {
  readonly starts: readonly Start[];
  /** What each PC copies in advance, in this order; a PC that is not here copies nothing. */
  readonly prefetch: ReadonlyMap<SimPc, readonly SimJob[]>;
}

/** Decides at every event of a run: one policy object lives for one run. */
export interface Policy {
  /** Decides anew when so much time has passed without an event; absent: only at events. */
  readonly everyMs?: number;
  decide(view: View): Decision;
}

export function canRender(pc: SimPc, workClass: WorkClass): boolean {
  return pc.speeds.has(workClass);
}

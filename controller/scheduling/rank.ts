import type { PriorityClass } from '../../proto/agent-link.ts';
import type { PlannerTuning } from './snapshot.ts';
import { compareAge, type JobAge, type WaitingLine } from './waiting-lines.ts';

const classRank: Readonly<Record<PriorityClass, number>> = { low: 0, normal: 1, high: 2, urgent: 3 };

/** What the order of jobs is made of. */
export interface Ranked extends JobAge {
  readonly priority: PriorityClass;
}

/** A job's class and what its wait has added to it (scheduling.md, Deciding 2). */
export function effectiveClass(job: Ranked, nowMs: number, tuning: PlannerTuning): number {
  return classRank[job.priority] + Math.max(0, Math.floor((nowMs - job.submittedAtMs) / tuning.agingMs));
}

/**
 * The order in which jobs are placed: effective class, then age; below 0 when `a` goes first. A requeued job keeps its
 * age. Within one priority class it is the order of age.
 */
export function compareRank(a: Ranked, b: Ranked, nowMs: number, tuning: PlannerTuning): number {
  return effectiveClass(b, nowMs, tuning) - effectiveClass(a, nowMs, tuning) || compareAge(a, b);
}

/** Where a waiting job stands among all that wait; 1 is next. */
export function placeInOrder(
  job: Ranked,
  lines: Iterable<WaitingLine>,
  nowMs: number,
  tuning: PlannerTuning,
): number {
  let before = 0;
  for (const line of lines) before += line.countWhile((other) => compareRank(other, job, nowMs, tuning) < 0);
  return before + 1;
}

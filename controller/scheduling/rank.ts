import type { PriorityClass } from '../../proto/agent-link.ts';
import type { PlannerTuning, WaitingJob } from './snapshot.ts';

const classRank: Readonly<Record<PriorityClass, number>> = { low: 0, normal: 1, high: 2, urgent: 3 };

/** A job's class and what its wait has added to it (scheduling.md, Deciding 2). */
export function effectiveClass(job: WaitingJob, nowMs: number, tuning: PlannerTuning): number {
  return classRank[job.priority] + Math.max(0, Math.floor((nowMs - job.submittedAtMs) / tuning.agingMs));
}

/** Jobs in the order in which they are placed: effective class, then age. A requeued job keeps its age. */
export function ranked(
  jobs: readonly WaitingJob[],
  nowMs: number,
  tuning: PlannerTuning,
): readonly WaitingJob[] {
  return jobs
    .map((job) => ({ job, effective: effectiveClass(job, nowMs, tuning) }))
    .sort((a, b) => b.effective - a.effective || a.job.sequence - b.job.sequence)
    .map(({ job }) => job);
}

import type { PlannedAgent, RunningAttempt, WaitingJob } from './snapshot.ts';

/** What a job needs on one agent. */
export interface Effort {
  /** Rendering, alone on the PC: what is left beside the segments that are there. */
  readonly workMs: number;
  /** Copying what is not there, without anything done in advance. */
  readonly fetchMs: number;
  /** Room that it takes there. */
  readonly roomBytes: number;
}

/** What takes longer, by an agent's odd figures, is as good as for ever: sums of such times stay finite. */
const longestMs = 366 * 24 * 3_600_000;

/** What the job needs there; work that is unknown to the agent takes as good as for ever. */
export function effortOf(job: WaitingJob, agent: PlannedAgent): Effort {
  const present = job.present.get(agent.agentId);
  const missingBytes = Math.max(0, job.sourceBytes - (present?.bytes ?? 0));
  const speed = agent.classes.get(job.workClass)?.speed ?? 0;
  return {
    workMs: timeOf(Math.max(0, job.outputMs - (present?.outputMs ?? 0)), speed),
    fetchMs: timeOf(missingBytes, agent.copyBytesPerMs),
    roomBytes: missingBytes + job.workBytes,
  };
}

/** Time that so much takes at this speed. */
export function timeOf(amount: number, speed: number): number {
  return amount === 0 ? 0 : Math.min(longestMs, amount / speed);
}

/** The 90th percentile of the time from assignment to the last frame, as far as it is known (scheduling.md, Deciding 1). */
export function cautiousMs(job: WaitingJob, agent: PlannedAgent): number {
  const { workMs, fetchMs } = effortOf(job, agent);
  return Math.min(longestMs, fetchMs + workMs * Math.max(1, agent.classes.get(job.workClass)?.p90 ?? 1));
}

/** What renders side by side cost each other has bounds, whatever an agent says: none runs faster beside another. */
const sharedSpeedMin = 0.01;

/** Speed of each of `count` renders at a time on this agent, relative to one alone. */
export function speedShared(agent: Pick<PlannedAgent, 'concurrentSpeeds'>, count: number): number {
  const { concurrentSpeeds } = agent;
  const speed = concurrentSpeeds[Math.min(count, concurrentSpeeds.length) - 1] ?? 1;
  return Math.min(1, Math.max(sharedSpeedMin, speed));
}

/** A slot that is held is not free, however soon it is expected back. */
const heldMinMs = 1;

/** Time until the attempt gives its slot back, at the speed at which it runs; never 0: it is free when its agent says so. */
export function remainingMs(agent: PlannedAgent, attempt: RunningAttempt): number {
  if (attempt.stopping) return heldMinMs;
  if (attempt.etaMs !== undefined) return Math.min(longestMs, Math.max(heldMinMs, attempt.etaMs));
  const speed = agent.classes.get(attempt.workClass)?.speed ?? 1;
  const workMs = timeOf(attempt.outputMs, speed) * (1 - attempt.percent / 100);
  return Math.max(heldMinMs, timeOf(workMs, speedShared(agent, agent.running.length)));
}

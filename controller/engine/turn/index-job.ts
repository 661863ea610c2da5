import { workClassOf } from '../../../proto/agent-link.ts';
import { type JobRecord, waitsSinceMs } from '../../domain/job.ts';
import { hasEnded } from '../../domain/job-states.ts';
import type { LineEntry } from '../../scheduling/waiting-lines.ts';
import type { FarmState, OpenFlow } from './state.ts';

/** Keeps what is derived from jobs right when one is added or changes its state, its class or its queue. */
export function indexJob(state: FarmState, job: JobRecord): void {
  indexWaiting(state, job);
  const open = !hasEnded(job.state);
  if (open) state.endedJobs.delete(job.jobId);
  else state.endedJobs.add(job.jobId);
  if (open === state.openJobs.has(job.jobId)) return;
  addTo(state.openPerUser, job.userId, open ? 1 : -1);
  addTo(state.openPerQueue, job.queue, open ? 1 : -1);
  addToFlow(state.openFlows, job, open ? 1 : -1);
  if (open) state.openJobs.add(job.jobId);
  else state.openJobs.delete(job.jobId);
}

function addTo(counts: Map<string, number>, key: string, change: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

function addToFlow(flows: Map<string, OpenFlow>, { userId, queue }: JobRecord, change: 1 | -1): void {
  const key = JSON.stringify([userId, queue]);
  const jobs = (flows.get(key)?.jobs ?? 0) + change;
  if (jobs === 0) flows.delete(key);
  else flows.set(key, { userId, queue, jobs });
}

function indexWaiting(state: FarmState, job: JobRecord): void {
  const awaits = job.awaitsCatalog !== undefined && !hasEnded(job.state);
  // What shares it needs is not known before the catalogue has answered: no plan can have it.
  if (job.state === 'waiting' && !awaits) state.waiting.put(lineEntry(job));
  else state.waiting.remove(job.jobId);
  if (job.state === 'delayed') state.delayed.add(job.jobId);
  else state.delayed.delete(job.jobId);
  if (awaits) state.awaitingCatalog.add(job.jobId);
  else state.awaitingCatalog.delete(job.jobId);
}

/** What decides a job's line and its place there. */
export function lineEntry(job: JobRecord): LineEntry {
  const { jobId, userId, queue, shares, priority, sequence, wishes, requires, deadlineMs } = job;
  return {
    jobId,
    userId,
    queue,
    workClass: workClassOf(job),
    shares,
    priority,
    submittedAtMs: waitsSinceMs(job),
    sequence,
    ...(wishes && { wishes }),
    ...(requires && { requires }),
    ...(deadlineMs !== undefined && { deadlineMs }),
  };
}

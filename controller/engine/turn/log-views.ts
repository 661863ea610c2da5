import type { Fence } from '../../../proto/agent-link.ts';
import { hasEnded } from '../../domain/job-states.ts';
import type { AttemptLogPlace, LogStanding } from '../farm.ts';
import { attemptKey, type FarmState } from './state.ts';

/** Where an attempt's log belongs, and whose it is; undefined for an unknown or stale fence. */
export function attemptLogPlace(state: FarmState, jobId: string, fence: Fence): AttemptLogPlace | undefined {
  const job = state.jobs.get(jobId);
  const attempt = state.attempts.get(attemptKey({ jobId, fence }));
  if (job?.logDate === undefined || attempt === undefined) return undefined;
  const { logDate, username, channelName } = job;
  return { logDate, username, channelName, attemptNumber: attempt.number, agentId: attempt.agentId };
}

/** Of a job in the hot store. */
export function logStanding(state: FarmState, jobId: string): LogStanding | undefined {
  const job = state.jobs.get(jobId);
  if (job === undefined) return undefined;
  const { logDate, username, channelName } = job;
  const numbers = (state.attemptsOfJob.get(jobId) ?? []).map((key) => state.attempts.get(key)?.number ?? 0);
  return {
    ...(logDate !== undefined && { place: { logDate, username, channelName, jobId } }),
    hasEnded: hasEnded(job.state),
    attemptNumber: Math.max(0, ...numbers),
  };
}

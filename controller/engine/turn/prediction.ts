import type { JobRecord } from '../../domain/job.ts';
import { runLimits } from '../../domain/settings.ts';
import { needsRefusals } from '../../scheduling/feasible.ts';
import { cautiousMs, effortOf } from '../../scheduling/forecast.ts';
import type { Ledger } from './ledger.ts';
import { plannedAgent } from './planned-agent.ts';
import { tuningOf, waitingJob } from './snapshot.ts';

/** Another attached host can take the job, and is predicted to end it within its run time. */
export function fitsElsewhere(ledger: Ledger, job: JobRecord, agentId: string): boolean {
  const { state, settings, nowMs } = ledger;
  const limitMs = runLimits(settings, job.queue).softRunMs * tuningOf(settings).softRunShare;
  const waiting = waitingJob(state, settings, job, nowMs);
  for (const presence of state.presences.values()) {
    const { inventory } = presence;
    if (inventory === undefined || presence.agentId === agentId) continue;
    const host = plannedAgent(state, presence, inventory);
    if (needsRefusals(waiting, host).length === 0 && cautiousMs(waiting, host) <= limitMs) return true;
  }
  return false;
}

/** Time that an attempt of this job still needs on this agent, by the agent's speed and how far it is. */
export function workLeftMs(ledger: Ledger, job: JobRecord, agentId: string, percent: number): number {
  const { state, settings, nowMs } = ledger;
  const presence = state.presences.get(agentId);
  if (presence?.inventory === undefined) return Number.POSITIVE_INFINITY;
  const host = plannedAgent(state, presence, presence.inventory);
  return effortOf(waitingJob(state, settings, job, nowMs), host).workMs * (1 - percent / 100);
}

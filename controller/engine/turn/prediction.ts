import type { JobRecord } from '../../domain/job.ts';
import { runLimits } from '../../domain/settings.ts';
import { needsRefusals } from '../../scheduling/feasible.ts';
import { renderMs, speedOf } from '../../scheduling/forecast.ts';
import type { Ledger } from './ledger.ts';
import { plannedAgent } from './snapshot.ts';

/** A job belongs where it is predicted to end within this share of its soft limit (scheduling.md, Deciding 1). */
const softRunShare = 0.8;

/** Another attached host can take the job, and is predicted to end it within its run time. */
export function fitsElsewhere(ledger: Ledger, job: JobRecord, agentId: string): boolean {
  const limitMs = runLimits(ledger.settings, job.queue).softRunMs * softRunShare;
  for (const presence of ledger.state.presences.values()) {
    const { inventory } = presence;
    if (inventory === undefined || presence.agentId === agentId) continue;
    const host = plannedAgent(ledger.state, presence, inventory);
    if (needsRefusals(job, host).length === 0 && renderMs(speedOf(host), job) <= limitMs) return true;
  }
  return false;
}

/** Time that an attempt of this job still needs on this agent, by the agent's speed and how far it is. */
export function workLeftMs(ledger: Ledger, job: JobRecord, agentId: string, percent: number): number {
  const inventory = ledger.state.presences.get(agentId)?.inventory;
  if (inventory === undefined) return Number.POSITIVE_INFINITY;
  return renderMs(speedOf({ inventory }), job) * (1 - percent / 100);
}

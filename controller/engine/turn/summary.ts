import type { JobState } from '../../domain/job.ts';
import type { FarmSummary } from '../farm.ts';
import { livenessOf } from './planned-agent.ts';
import { slotsBusy } from './slots-busy.ts';
import type { FarmState } from './state.ts';

/** The farm in numbers, and what a person should look at. */
export function farmSummary(state: FarmState): Omit<FarmSummary, 'outbox'> {
  const jobs = new Map<JobState, number>();
  const byQueue = new Map<string, Map<JobState, number>>();
  for (const { queue, state: jobState } of state.jobs.values()) {
    jobs.set(jobState, (jobs.get(jobState) ?? 0) + 1);
    const inQueue = byQueue.get(queue) ?? new Map<JobState, number>();
    byQueue.set(queue, inQueue.set(jobState, (inQueue.get(jobState) ?? 0) + 1));
  }
  const jobsByQueue = [...byQueue].flatMap(([queue, states]) =>
    [...states].map(([jobState, count]) => ({ queue, state: jobState, jobs: count })),
  );
  const { farmId } = state;
  return { farmId, jobs, jobsByQueue, agents: agentCounts(state), alarms: [...state.alarms].reverse() };
}

function agentCounts(state: FarmState): FarmSummary['agents'] {
  const counts = { attached: 0, suspect: 0, detached: 0, closed: 0, sick: 0, slots: 0, slotsBusy: 0 };
  for (const agentId of new Set([...state.presences.keys(), ...state.agents.keys()])) {
    const presence = state.presences.get(agentId);
    const record = state.agents.get(agentId);
    counts[presence === undefined ? 'detached' : livenessOf(presence)] += 1;
    if (record?.ordered !== undefined) counts.closed += 1;
    if (record?.health?.sick !== undefined) counts.sick += 1;
    // What is not here has no slot to give, whatever it last said.
    if (presence?.session !== undefined) counts.slots += presence.inventory?.slots ?? 0;
    counts.slotsBusy += slotsBusy(state, agentId);
  }
  return counts;
}

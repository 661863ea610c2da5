import { closedReasons } from '../../domain/agent-mode.ts';
import type { JobRecord } from '../../domain/job.ts';
import { closedTo } from '../../scheduling/feasible.ts';
import { remainingMs } from '../../scheduling/forecast.ts';
import type { Placement } from '../../scheduling/placement.ts';
import type { PlannedAgent } from '../../scheduling/snapshot.ts';
import type { WaitingLine } from '../../scheduling/waiting-lines.ts';
import { toldMs } from '../../scheduling/words.ts';
import type { AgentPlanView, BlockedView, PlannedJobView, PlanView } from '../explanations.ts';
import { helpedItems } from './assist-view.ts';
import { catalogReason } from './catalog-waits.ts';
import { plannedAgent } from './planned-agent.ts';
import { isPlaceable } from './snapshot.ts';
import type { FarmState } from './state.ts';

/** An answer has at most so many agents, jobs in all and behind one agent, and reasons with so many jobs named of each. */
const agentsMax = 1_000;
const jobsMax = 5_000;
const nextMax = 100;
const reasonsMax = 100;
const namedMax = 10;

/** What each agent does now, and what the last complete plan gives it next. */
export function planView(state: FarmState, nowMs: number): PlanView {
  const planned = placementsByAgent(state);
  const ids = [...new Set([...state.presences.keys(), ...state.agents.keys()])].sort().slice(0, agentsMax);
  const ageMs = nowMs - (state.lastPlan?.snapshot.nowMs ?? nowMs);
  return {
    atMs: nowMs - ageMs,
    agents: withinLimit(
      ids.map((agentId) => agentPlan(state, agentId, planned.get(agentId) ?? [], { ageMs, nowMs })),
    ),
    blocked: blockedJobs(state),
    waiting: state.waiting.size,
    placed: [...planned.values()].reduce((sum, placements) => sum + placements.length, 0),
  };
}

/** A message has an end: what there are more jobs is left out, those of the last agents first. */
function withinLimit(agents: readonly AgentPlanView[]): readonly AgentPlanView[] {
  let left = jobsMax;
  return agents.map((agent) => {
    const running = agent.running.slice(0, left);
    left -= running.length;
    const next = agent.next.slice(0, left);
    left -= next.length;
    return { ...agent, running, next };
  });
}

/** Those that wait still. */
function placementsByAgent(state: FarmState): ReadonlyMap<string, readonly Placement[]> {
  const byAgent = new Map<string, Placement[]>();
  for (const placement of state.lastPlan?.plan.placements ?? []) {
    if (!state.waiting.has(placement.jobId)) continue;
    const placements = byAgent.get(placement.agentId) ?? [];
    byAgent.set(placement.agentId, placements);
    placements.push(placement);
  }
  return byAgent;
}

function agentPlan(
  state: FarmState,
  agentId: string,
  placements: readonly Placement[],
  { ageMs, nowMs }: { readonly ageMs: number; readonly nowMs: number },
): AgentPlanView {
  const presence = state.presences.get(agentId);
  const agent = presence?.inventory && plannedAgent(state, presence, presence.inventory);
  const next = placements.toSorted((a, b) => a.startsInMs - b.startsInMs).slice(0, nextMax);
  return {
    agentId,
    closed: agent ? closedTo(agent) : ['not attached', ...closedReasons(state.agents.get(agentId))],
    slots: agent?.slots ?? 0,
    running: agent ? [...runningJobs(state, agent), ...helpedItems(state, agentId, nowMs)] : [],
    next: next.flatMap((placement) => nextJob(state, placement, ageMs)),
  };
}

function runningJobs(state: FarmState, agent: PlannedAgent): readonly PlannedJobView[] {
  return agent.running.flatMap((attempt) => {
    const job = state.jobs.get(attempt.jobId);
    // An item that does not stop is told among those that it renders for others.
    if (job === undefined || attempt.queue === '') return [];
    const endMs = toldMs(remainingMs(agent, attempt));
    return { ...namesOf(job), startMs: 0, endMs, announced: false, overdue: false };
  });
}

function nextJob(
  state: FarmState,
  { jobId, agentId, startsInMs, endsInMs, overdue }: Placement,
  ageMs: number,
): readonly PlannedJobView[] {
  const job = state.jobs.get(jobId);
  if (job === undefined) return [];
  const startMs = toldMs(startsInMs - ageMs);
  const endMs = Math.max(startMs, toldMs(endsInMs - ageMs));
  const announced = state.announcements.get(jobId)?.agentId === agentId;
  return [{ ...namesOf(job), startMs, endMs, announced, overdue }];
}

function namesOf({ jobId, userId, queue, priority }: JobRecord) {
  return { jobId, userId, queue, priority };
}

/** Jobs without a place, by the reason that the last plan gave. */
function blockedJobs(state: FarmState): readonly BlockedView[] {
  const blocked = new Map<string, { jobs: number; jobIds: string[] }>();
  const add = (reason: string, jobs: number, jobIds: readonly string[]) => {
    const known = blocked.get(reason) ?? { jobs: 0, jobIds: [] };
    blocked.set(reason, known);
    known.jobs += jobs;
    known.jobIds.push(...jobIds.slice(0, namedMax - known.jobIds.length));
  };
  for (const line of state.waiting.lines()) {
    const reason = state.lineReasons.get(line.key);
    if (reason !== undefined) add(reason, line.size, firstOf(line));
  }
  for (const { jobId } of state.lastPlan?.plan.unplaceable ?? []) {
    const reason = state.waitReasons.get(jobId);
    if (reason !== undefined && state.waiting.has(jobId)) add(reason, 1, [jobId]);
  }
  for (const jobId of state.awaitingCatalog) {
    const job = state.jobs.get(jobId);
    if (job?.state === 'waiting') add(catalogReason(job) ?? '', 1, [jobId]);
  }
  for (const jobId of jobsInRecovery(state)) add('waits for the end of the recovery window', 1, [jobId]);
  return [...blocked]
    .map(([reason, { jobs, jobIds }]) => ({ reason, jobs, jobIds }))
    .sort((a, b) => b.jobs - a.jobs || (a.reason < b.reason ? -1 : 1))
    .slice(0, reasonsMax);
}

function firstOf(line: WaitingLine): readonly string[] {
  const jobIds: string[] = [];
  for (let entry = line.behind(undefined); entry !== undefined; entry = line.behind(entry)) {
    if (jobIds.length >= namedMax) break;
    jobIds.push(entry.jobId);
  }
  return jobIds;
}

/** After a restart: an attempt of theirs that nobody knows of may still run. */
function jobsInRecovery(state: FarmState): readonly string[] {
  if (state.recoveryUntilMs === undefined) return [];
  return [...state.openJobs].filter((jobId) => {
    const job = state.jobs.get(jobId);
    return job?.state === 'waiting' && job.awaitsCatalog === undefined && !isPlaceable(state, job);
  });
}

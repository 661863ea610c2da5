import { workClassOf } from '../../../proto/agent-link.ts';
import { closedReasons } from '../../domain/agent-mode.ts';
import type { CatalogWait, JobRecord, JobState } from '../../domain/job.ts';
import { jobStates } from '../../domain/job-states.ts';
import type { FarmSettings } from '../../domain/settings.ts';
import { errorText } from '../../scheduling/basis.ts';
import { explainWait, type WaitExplanation } from '../../scheduling/explain.ts';
import type { CompletePlan } from '../../scheduling/replay.ts';
import { spanText } from '../../scheduling/words.ts';
import type { AgentOpinion, Answer } from '../explanations.ts';
import type { Explanation, JobView } from '../farm.ts';
import { helpText } from './assist-view.ts';
import { forecastErrorOf } from './forecast-errors.ts';
import { waitingJob } from './snapshot.ts';
import type { FarmState } from './state.ts';
import { jobView } from './views.ts';

/** Agents that one answer names: more than a farm has. */
const agentsMax = 1_000;

/** Why the job is where it is; of one that waits by the last complete plan: nothing is planned for the question. */
export function explanation(
  state: FarmState,
  settings: FarmSettings,
  nowMs: number,
  jobId: string,
): Explanation | undefined {
  const job = state.jobs.get(jobId);
  if (job === undefined) return undefined;
  const view = jobView(state, job);
  const { lastPlan } = state;
  const inRecovery = state.recoveryUntilMs !== undefined && job.attemptCount > 0;
  if (job.state === 'waiting' && job.awaitsCatalog !== undefined)
    return { ...view, ...unasked, summary: awaitsText(job.awaitsCatalog, nowMs) };
  if (job.state !== 'waiting' || inRecovery)
    return {
      ...view,
      ...unasked,
      summary: withHelp(summaryOf(view, nowMs), helpText(state, settings, job)),
      basis: basisOf(state, job),
    };
  if (lastPlan === undefined)
    return { ...view, ...unasked, summary: 'was not planned yet: ask again in a moment' };
  return { ...view, ...waitAnswer(state, settings, nowMs, job, lastPlan) };
}

const unasked: Answer = { summary: '', placeInOrder: 0, order: [], agents: [], overdue: false, basis: '' };

function waitAnswer(
  state: FarmState,
  settings: FarmSettings,
  nowMs: number,
  job: JobRecord,
  by: CompletePlan,
): Answer {
  const waits = explainWait(by, waitingJob(state, settings, job, nowMs), {
    errorOf: (agentId, workClass) => forecastErrorOf(state.agents.get(agentId), workClass),
    isWaiting: (jobId) => state.waiting.has(jobId),
  });
  const promise = state.promises.get(job.jobId);
  const agents = [...waits.agents, ...notPlannedFor(state, waits)].slice(0, agentsMax);
  return {
    summary: waits.summary,
    placeInOrder: waits.place ?? 0,
    order: waits.order,
    agents,
    ...plannedTimes(waits, nowMs - by.snapshot.nowMs),
    ...(promise && { promisedStartMs: promise.startAtMs }),
    overdue: promise?.overdue ?? false,
    basis: waits.basis,
  };
}

/** The plan is a little older than the question. */
function plannedTimes({ planned }: WaitExplanation, ageMs: number): Partial<Answer> {
  if (planned === undefined) return {};
  const { agentId, startsInMs, endsInMs } = planned;
  return {
    plannedAgentId: agentId,
    plannedStartMs: Math.max(0, startsInMs - ageMs),
    plannedEndMs: Math.max(0, endsInMs - ageMs),
  };
}

/** Agents that the farm knows, and the plan does not: they have told nothing of themselves since it began. */
function notPlannedFor(state: FarmState, { agents }: WaitExplanation): readonly AgentOpinion[] {
  const planned = new Set(agents.map(({ agentId }) => agentId));
  const ids = new Set([...state.presences.keys(), ...state.agents.keys()]);
  return [...ids]
    .filter((agentId) => !planned.has(agentId))
    .sort()
    .map((agentId) => ({
      agentId,
      feasible: false,
      reasons: [
        state.presences.get(agentId)?.session === undefined ? 'not attached' : 'has just attached',
        ...closedReasons(state.agents.get(agentId)),
      ],
    }));
}

function awaitsText({ sinceMs, why }: CatalogWait, nowMs: number): string {
  const since = spanText(nowMs - sinceMs);
  return `waits for the catalogue since ${since}: ${why}. It is asked again and again; until then nobody knows where the job's videos are`;
}

function withHelp(summary: string, help: string): string {
  return help === '' ? summary : `${summary}; ${help}`;
}

function summaryOf({ job, percent, etaMs }: JobView, nowMs: number): string {
  if (job.state === 'waiting') {
    return 'waits for the end of the recovery window: an attempt that is not back yet may still run';
  }
  const { meaning } = jobStates[job.state];
  const detail = job.errorMessage ?? job.cancelReason ?? job.reason;
  const where = job.fence === undefined || job.agentId === undefined ? '' : ` on ${job.agentId}`;
  const until = job.state === 'delayed' ? job.notBeforeMs : undefined;
  const more = until === undefined || until <= nowMs ? '' : ` for ${spanText(until - nowMs)} more`;
  const left = etaMs === undefined ? '' : `, about ${spanText(etaMs)} left`;
  const progress = isOnSlot(job.state) ? `${Math.floor(percent)} % done${left}` : undefined;
  return `${job.state}${where}${more}: ${[progress, detail].filter(Boolean).join('; ') || meaning}`;
}

function isOnSlot(state: JobState): boolean {
  return state === 'running' || state === 'preparing';
}

/** Of a job that an agent has: how good forecasts there were. */
function basisOf(state: FarmState, job: JobRecord): string {
  if (!isOnSlot(job.state) || job.agentId === undefined) return '';
  const workClass = workClassOf(job);
  return errorText(job.agentId, workClass, forecastErrorOf(state.agents.get(job.agentId), workClass));
}

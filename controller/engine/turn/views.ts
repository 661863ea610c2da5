import { effectiveMode } from '../../domain/agent-mode.ts';
import type { AttemptRecord } from '../../domain/attempt.ts';
import { FarmError } from '../../domain/errors.ts';
import type { JobRecord } from '../../domain/job.ts';
import { statusOf } from '../../domain/job-states.ts';
import type { FarmSettings, QueueSettings } from '../../domain/settings.ts';
import type { AgentView, JobDetail, JobFilter, JobView, Page, PageRequest, QueueView } from '../farm.ts';
import { catalogReason } from './catalog-waits.ts';
import { forecastErrors } from './forecast-errors.ts';
import { livenessOf, roomOf } from './planned-agent.ts';
import { slotsBusy } from './slots-busy.ts';
import { attemptKey, type FarmState, type Presence } from './state.ts';

/** A job as people see it: its record, and what lives in memory. */
export function jobView(state: FarmState, job: JobRecord): JobView {
  const runtime = job.fence && state.runtimes.get(attemptKey({ jobId: job.jobId, fence: job.fence }));
  const reason = job.reason ?? runtime?.waiting ?? waitReason(state, job);
  return {
    job: reason === undefined ? job : { ...job, reason },
    percent: job.state === 'published' ? 100 : (runtime?.percent ?? 0),
    ...(runtime?.etaMs !== undefined && { etaMs: runtime.etaMs }),
  };
}

/** What the last plan said of a job; nothing about one that is just about to start. */
function waitReason(state: FarmState, job: JobRecord): string | undefined {
  if (job.state === 'waiting' && job.awaitsCatalog !== undefined) return catalogReason(job);
  const line = job.state === 'waiting' ? state.waiting.lineOf(job.jobId) : undefined;
  if (line === undefined) return undefined;
  return state.waitReasons.get(job.jobId) ?? state.lineReasons.get(line.key);
}

export function jobDetail(state: FarmState, jobId: string): JobDetail | undefined {
  const job = state.jobs.get(jobId);
  const body = state.bodies.get(jobId);
  if (job === undefined || body === undefined) return undefined;
  return { ...jobView(state, job), spec: body.spec };
}

/** Newest first; the token is the sequence number of the last job that was listed. */
export function jobPage(state: FarmState, filter: JobFilter, page: PageRequest): Page<JobView> {
  const below = page.token === '' ? Number.POSITIVE_INFINITY : numberOf(page.token);
  const matching = [...state.jobs.values()]
    .filter((job) => job.sequence < below && matches(job, filter))
    .sort((a, b) => b.sequence - a.sequence);
  const entries = matching.slice(0, page.size);
  const last = entries.at(-1);
  return {
    entries: entries.map((job) => jobView(state, job)),
    nextToken: matching.length > entries.length && last !== undefined ? String(last.sequence) : '',
  };
}

/** Oldest first; the token is the number of the last attempt that was listed. */
export function attemptPage(state: FarmState, jobId: string, page: PageRequest): Page<AttemptRecord> {
  const after = page.token === '' ? 0 : numberOf(page.token);
  const attempts = (state.attemptsOfJob.get(jobId) ?? [])
    .flatMap((key) => state.attempts.get(key) ?? [])
    .filter((attempt) => attempt.number > after);
  const entries = attempts.slice(0, page.size);
  return { entries, nextToken: attempts.length > entries.length ? String(entries.at(-1)?.number ?? '') : '' };
}

/** @throws FarmError INVALID_REQUEST */
function numberOf(token: string): number {
  const number = Number(token);
  if (/^\d+$/u.test(token) && Number.isSafeInteger(number)) return number;
  const violation = { field: 'page_token', description: 'is not a token of this list' };
  throw new FarmError('INVALID_REQUEST', `page_token: ${violation.description}`, { violations: [violation] });
}

/** By id; the token is the id of the last agent that was listed. */
export function agentPage(state: FarmState, nowMs: number, page: PageRequest): Page<AgentView> {
  const ids = [...new Set([...state.presences.keys(), ...state.agents.keys()])].sort();
  const rest = ids.filter((id) => id > page.token);
  const entries = rest.slice(0, page.size).map((id) => agentView(state, id, nowMs));
  return { entries, nextToken: rest.length > entries.length ? (entries.at(-1)?.agentId ?? '') : '' };
}

export function queueViews(state: FarmState, settings: FarmSettings, nowMs: number): readonly QueueView[] {
  const open = [...state.openJobs].flatMap((jobId) => state.jobs.get(jobId) ?? []);
  const presences = [...state.presences.values()];
  return settings.queues.map((queue) => {
    const jobs = open.filter((job) => job.queue === queue.name);
    const waiting = jobs.filter((job) => statusOf(job.state) === 'queued');
    const subscribed = presences.filter((presence) => presence.inventory?.queues.includes(queue.name));
    const oldest = waiting.reduce((min, job) => Math.min(min, job.submittedAtMs), nowMs);
    return {
      name: queue.name,
      waiting: waiting.length,
      processing: jobs.length - waiting.length,
      agentsSubscribed: subscribed.length,
      agentsAttached: subscribed.filter((presence) => presence.session !== undefined).length,
      softRunMs: queue.softRunMs,
      hardRunMs: queue.hardRunMs,
      oldestWaitMs: nowMs - oldest,
      ...limitsOf(queue),
      ...pauseOf(state, queue.name),
    };
  });
}

function limitsOf({
  weight,
  runningMax,
  jobsMax,
}: QueueSettings): Pick<QueueView, 'weight' | 'runningMax' | 'jobsMax'> {
  return {
    ...(weight !== undefined && { weight }),
    ...(runningMax !== undefined && { runningMax }),
    ...(jobsMax !== undefined && { jobsMax }),
  };
}

function pauseOf(state: FarmState, name: string): Pick<QueueView, 'paused'> {
  const record = state.queues.get(name);
  if (record === undefined) return {};
  const { reason, by, pausedSinceMs } = record;
  return { paused: { reason, by, sinceMs: pausedSinceMs } };
}

function matches(job: JobRecord, filter: JobFilter): boolean {
  return (
    (filter.userId === undefined || job.userId === filter.userId) &&
    (filter.queue === undefined || job.queue === filter.queue) &&
    (filter.states === undefined || filter.states.length === 0 || filter.states.includes(job.state))
  );
}

/** An agent as people see it, attached or not. */
export function agentView(state: FarmState, agentId: string, nowMs: number): AgentView {
  const presence = state.presences.get(agentId);
  const record = state.agents.get(agentId);
  return {
    agentId,
    instanceId: presence?.instanceId ?? record?.instanceId ?? '',
    liveness: presence === undefined ? 'detached' : livenessOf(presence),
    softwareVersion: presence?.softwareVersion ?? '',
    slotsBusy: slotsBusy(state, agentId),
    held: heldBy(state, agentId),
    announcedJobIds: [...state.announcements.values()]
      .filter((announcement) => announcement.agentId === agentId)
      .map((announcement) => announcement.jobId),
    silenceMs: nowMs - (presence?.lastHeardAtMs ?? record?.lastAttachedAtMs ?? nowMs),
    load1: presence?.load1 ?? 0,
    scratchFreeBytes: presence?.scratchFreeBytes ?? 0,
    roomBytes: presence === undefined ? 0 : Math.max(0, roomOf(state, presence)),
    forecastErrors: forecastErrors(record),
    mode: effectiveMode(record).mode,
    ...(record?.ordered && { ordered: record.ordered }),
    ...(record?.health?.sick && { sick: record.health.sick }),
    ...inventoryOf(presence),
    ...(presence?.session && { attachedAtMs: presence.session.attachedAtMs }),
  };
}

function inventoryOf(presence: Presence | undefined): Pick<AgentView, 'inventory'> {
  return presence?.inventory === undefined ? {} : { inventory: presence.inventory };
}

function heldBy(state: FarmState, agentId: string): AgentView['held'] {
  return [...(state.liveAttempts.get(agentId) ?? [])].flatMap((key) => {
    const attempt = state.attempts.get(key);
    if (attempt === undefined) return [];
    const runtime = state.runtimes.get(key);
    return {
      jobId: attempt.jobId,
      fence: attempt.fence,
      state: attempt.state,
      percent: runtime?.percent ?? 0,
      ...(runtime?.etaMs !== undefined && { etaMs: runtime.etaMs }),
    };
  });
}

import type { JobRef } from '../../../proto/agent-link.ts';
import { assistFeature } from '../../../proto/item-link.ts';
import type { AttemptRecord } from '../../domain/attempt.ts';
import { framesPerSecond, sourceBytesOf } from '../../domain/estimate.ts';
import type { JobRecord } from '../../domain/job.ts';
import type { HelpedJob, HelperSlot, LooseItem } from '../../scheduling/assist-snapshot.ts';
import { needsRefusals, pauseOf } from '../../scheduling/feasible.ts';
import { remainingMs, speedShared, timeOf } from '../../scheduling/forecast.ts';
import { classRank } from '../../scheduling/rank.ts';
import type { PlannedAgent } from '../../scheduling/snapshot.ts';
import type { JobNeeds } from '../../scheduling/waiting-lines.ts';
import { type HelpedAttempt, hasAbandoned, itemCount } from './assist-state.ts';
import { farmRules } from './charges.ts';
import { lineEntry } from './index-job.ts';
import type { Ledger } from './ledger.ts';
import { holdsLease } from './outcomes.ts';
import { plannedAgent } from './planned-agent.ts';
import { slotsBusy } from './slots-busy.ts';
import { attemptKey, type FarmState, type Presence } from './state.ts';

/** An agent with a slot that nothing else is there for. */
export interface IdleHelper {
  readonly agent: PlannedAgent;
  readonly presence: Presence;
  readonly freeSlots: number;
}

/** A running job that could be helped, with what is known of it. */
export interface HelpableJob {
  readonly job: JobRecord;
  readonly attempt: AttemptRecord;
  readonly owner: Presence;
}

/** An attempt that may be helped: it renders, it holds the lease of its job, and nobody wants it to stop. */
export function isHelpable(state: FarmState, ref: JobRef): boolean {
  const attempt = state.attempts.get(attemptKey(ref));
  const job = state.jobs.get(ref.jobId);
  if (attempt?.state !== 'running' || attempt.stop !== undefined || job === undefined) return false;
  return holdsLease(job, attempt);
}

/** What is remembered of an attempt that is helped; from now on, where nothing is. */
export function helpedAttempt({ state }: Ledger, ref: JobRef): HelpedAttempt {
  const key = attemptKey(ref);
  const known = state.assist.jobs.get(key);
  if (known !== undefined) return known;
  const helped: HelpedAttempt = {
    ref,
    ownerId: state.attempts.get(key)?.agentId ?? '',
    loose: new Map(),
    given: new Map(),
    asked: undefined,
    notBeforeMs: 0,
    barred: new Map(),
    losses: 0,
    doneBy: new Map(),
  };
  state.assist.jobs.set(key, helped);
  return helped;
}

export const noAssistText = 'is of a release without assist';

/** Which segment cache and class of segments an agent shares with others, for jobs of a kind; a text is why none. */
export function joinKeyOf(
  { features, inventory }: Pick<Presence, 'features' | 'inventory'>,
  { enable4k, rateProfile }: Pick<JobRecord, 'enable4k' | 'rateProfile'>,
): { readonly key: string } | string {
  if (!features.includes(assistFeature)) return noAssistText;
  if (inventory?.segmentCacheId === undefined) return 'reaches no shared segment cache';
  const found = inventory.joinClasses?.find(
    (each) => each.enable4k === enable4k && each.rateProfile === rateProfile,
  );
  if (found === undefined) return 'has no join class for such jobs';
  return { key: JSON.stringify([inventory.segmentCacheId, found.id]) };
}

/** More than a farm has idle at a time; those behind them help a moment later. */
const helpersMax = 100;

/** Agents that may help: with a free slot, nothing announced, and no job waiting that they could take. */
export function idleHelpers(ledger: Ledger): readonly IdleHelper[] {
  const { state, nowMs } = ledger;
  const idle: IdleHelper[] = [];
  const announced = new Set([...state.announcements.values()].map(({ agentId }) => agentId));
  let needs: readonly JobNeeds[] | undefined;
  for (const presence of state.presences.values()) {
    if (idle.length >= helpersMax) break;
    const { agentId, inventory, features } = presence;
    if (inventory?.segmentCacheId === undefined || !features.includes(assistFeature)) continue;
    const freeSlots = inventory.slots - slotsBusy(state, agentId);
    if (freeSlots <= 0 || announced.has(agentId)) continue;
    if ((state.assist.barred.get(agentId) ?? 0) > nowMs || hasAbandoned(state.assist, agentId)) continue;
    const agent = plannedAgent(state, presence, inventory);
    needs ??= waitingNeeds(ledger);
    if (needs.some((each) => needsRefusals(each, agent).length === 0)) continue;
    idle.push({ agent, presence, freeSlots });
  }
  return idle;
}

/** What the jobs that wait need; those of paused queues wait for a person. */
function waitingNeeds({ state, settings }: Ledger): readonly JobNeeds[] {
  if (state.waiting.size === 0) return [];
  const rules = farmRules(state, settings);
  const needs = new Set([...state.waiting.lines()].map((line) => line.needs));
  return [...needs].filter((each) => pauseOf(each, rules) === undefined);
}

/** Helpers lost with items of an attempt after which nobody helps it: it may be the job that takes PCs down. */
export const lossesMax = 2;

/** More jobs than have idle helpers at a time. */
const jobsMax = 100;

/** Running jobs of owners that can be helped. */
export function helpableJobs({ state }: Ledger): readonly HelpableJob[] {
  const helpable: HelpableJob[] = [];
  for (const owner of state.presences.values()) {
    if (owner.session === undefined || owner.suspect || typeof owner.inventory?.segmentCacheId !== 'string')
      continue;
    for (const key of state.liveAttempts.get(owner.agentId) ?? []) {
      const attempt = state.attempts.get(key);
      const job = attempt && state.jobs.get(attempt.jobId);
      if (attempt === undefined || job === undefined || !isHelpable(state, attempt)) continue;
      // What its segments are made anew for, others' segments are no help for.
      if (job.options?.noCache === true || typeof joinKeyOf(owner, job) === 'string') continue;
      if ((state.assist.jobs.get(key)?.losses ?? 0) >= lossesMax) continue;
      helpable.push({ job, attempt, owner });
      if (helpable.length >= jobsMax) return helpable;
    }
  }
  return helpable;
}

/** The slots of the idle agents, with the jobs that they may help. */
export function helperSlots(
  ledger: Ledger,
  idle: readonly IdleHelper[],
  jobs: readonly HelpableJob[],
): readonly HelperSlot[] {
  return idle.flatMap((helper) => {
    const able = jobs.filter((helpable) => cannotHelp(ledger.state, helper, helpable) === undefined);
    const busy = helper.agent.running.length + itemCount(ledger.state.assist, helper.agent.agentId);
    return Array.from({ length: helper.freeSlots }, (_, index) => ({
      agentId: helper.agent.agentId,
      copyBytesPerMs: helper.agent.copyBytesPerMs,
      speedOf: new Map(able.map(({ job }) => [job.jobId, speedOn(helper.agent, job, busy + index + 1)])),
    }));
  });
}

/** Why an agent cannot help a job, busy or not; undefined: it can. */
export function cannotHelp(
  state: FarmState,
  { agent, presence }: Pick<IdleHelper, 'agent' | 'presence'>,
  { job, attempt, owner }: HelpableJob,
): string | undefined {
  if (agent.agentId === owner.agentId) return 'is the one that renders it';
  const mine = joinKeyOf(presence, job);
  const its = joinKeyOf(owner, job);
  if (typeof mine === 'string') return mine;
  if (typeof its === 'string') return `cannot be of use: ${owner.agentId} ${its}`;
  if (presence.inventory?.segmentCacheId !== owner.inventory?.segmentCacheId)
    return 'reaches another segment cache';
  if (mine.key !== its.key) return 'has another join class';
  const barred = state.assist.jobs.get(attemptKey(attempt))?.barred.get(agent.agentId);
  if (barred !== undefined) return `could not help it: ${barred}`;
  return needsRefusals(lineEntry(job), agent)[0];
}

/** A job as the planner of assist sees it. */
export function helpedJob(ledger: Ledger, { job, attempt, owner }: HelpableJob): HelpedJob {
  const { state, nowMs } = ledger;
  const helped = state.assist.jobs.get(attemptKey(attempt));
  const items = [...(helped?.given.values() ?? [])].flatMap((key) => state.assist.items.get(key) ?? []);
  const agent = owner.inventory && plannedAgent(state, owner, owner.inventory);
  const running = agent?.running.find(({ jobId }) => jobId === job.jobId);
  const ownSpeed = agent === undefined ? 0 : speedOn(agent, job, agent.running.length);
  const leftMs = agent === undefined || running === undefined ? 0 : remainingMs(agent, running);
  const givenMs = items.reduce((sum, { released }) => sum + (released ? outputMsOf(released) : 0), 0);
  return {
    jobId: job.jobId,
    rank: classRank[job.priority],
    // Its agent counts all frames that are left, also those that others render.
    ownLeftMs: Math.max(0, leftMs - timeOf(givenMs, ownSpeed)),
    ownSpeed,
    usual: usualItem(state, job),
    loose: [...(helped?.loose.values() ?? [])].map(looseItem),
    helpersEndMs: items.map(({ endsAtMs }) => Math.max(0, endsAtMs - nowMs)),
    helpersSpeed: Math.max(0, ...items.map(({ agentId }) => speedAt(state, agentId, job))),
    mayAsk: helped === undefined || helped.notBeforeMs <= nowMs,
  };
}

function looseItem(item: {
  readonly position: number;
  readonly frames: number;
  readonly sourceBytes: number;
}): LooseItem {
  return { position: item.position, outputMs: outputMsOf(item), sourceBytes: item.sourceBytes };
}

function outputMsOf({ frames }: { readonly frames: number }): number {
  return (frames / framesPerSecond) * 1000;
}

function usualItem(state: FarmState, job: JobRecord): HelpedJob['usual'] {
  const count = Math.max(1, job.itemCount);
  const sourceBytes = state.sources.get(job.jobId)?.totalBytes ?? sourceBytesOf(job);
  return { outputMs: job.estimateMs / count, sourceBytes: sourceBytes / count };
}

function speedAt(state: FarmState, agentId: string, job: JobRecord): number {
  const presence = state.presences.get(agentId);
  if (presence?.inventory === undefined) return 0;
  return speedOn(plannedAgent(state, presence, presence.inventory), job, 1);
}

function speedOn(agent: PlannedAgent, job: JobRecord, renders: number): number {
  const workClass = lineEntry(job).workClass;
  return (agent.classes.get(workClass)?.speed ?? 0) * speedShared(agent, Math.max(1, renders));
}

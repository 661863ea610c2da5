import { unlimitedBudget } from '../../scheduling/budget.ts';
import { doubts, pauseOf, refusals } from '../../scheduling/feasible.ts';
import type { Placement } from '../../scheduling/placement.ts';
import { fillFreeSlots, type Plan, Planning } from '../../scheduling/plan.ts';
import { nextPromises } from '../../scheduling/promises.ts';
import type { FarmRules, Snapshot, WaitingJob } from '../../scheduling/snapshot.ts';
import { blockedReason, plannedReason } from '../../scheduling/wait-reason.ts';
import type { JobNeeds } from '../../scheduling/waiting-lines.ts';
import { makeRoomFor } from './assist.ts';
import { waitsForLookUp, wantLookUps } from './catalog-waits.ts';
import { farmRules, keepCharges } from './charges.ts';
import { askForSources } from './known-sources.ts';
import type { Ledger } from './ledger.ts';
import { announceNext, assign } from './placing.ts';
import { plannedAgent } from './planned-agent.ts';
import { runningLimits } from './running-limits.ts';
import { slotsBusy } from './slots-busy.ts';
import { isPlaceable, snapshotOf, tuningOf, waitingJob } from './snapshot.ts';

/**
 * Plans the waiting jobs where something has changed: assigns what can start, announces what comes next. A plan that
 * does not fit into the turn's budget goes on in later turns; meanwhile free slots are filled greedily.
 */
export function placeJobs(ledger: Ledger): void {
  const { state, settings, moment } = ledger;
  if (state.planning === undefined) {
    if (!state.planStale) return;
    state.planStale = false;
    keepCharges(ledger, farmRules(state, settings));
    if (state.waiting.size === 0 && state.announcements.size === 0) {
      forgetReasons(ledger);
      return;
    }
    state.planning = new Planning(snapshotOf(state, settings, ledger.nowMs));
  }
  const { planning, planStale } = state;
  if (planning.goOn(moment.planning ?? unlimitedBudget)) {
    state.planning = undefined;
    carryOut(ledger, planning.plan, planning.snapshot);
  } else {
    const placements = fillFreeSlots(snapshotOf(state, settings, ledger.nowMs));
    makeRoomFor(ledger, placements);
    for (const placement of placements) assignWhereFree(ledger, placement);
  }
  // Putting jobs marks the plan stale, but what this turn has placed is in the plan.
  state.planStale = planStale;
}

/** A plan waits to be gone on with: the next turn should not wait for anything else. */
export function plansOn(state: Ledger['state']): boolean {
  return state.planning !== undefined || (state.planStale && state.waiting.size > 0);
}

function carryOut(ledger: Ledger, plan: Plan, snapshot: Snapshot): void {
  ledger.state.lastPlan = { plan, snapshot };
  wantLookUps(ledger, plan.placements);
  keepPromises(ledger, plan, snapshot);
  noteReasons(ledger, plan, snapshot);
  // Who can start since this plan takes part before anybody is charged for it.
  keepCharges(ledger, snapshot.rules);
  makeRoomFor(ledger, plan.assignments);
  for (const placement of plan.assignments) assignWhereFree(ledger, placement);
  announceNext(ledger, plan);
  askForSources(ledger, plan.placements);
}

/** What the plan expects is what is promised, to jobs that still wait. */
function keepPromises(ledger: Ledger, plan: Plan, { nowMs, tuning }: Snapshot): void {
  const { state } = ledger;
  const promises = nextPromises(state.promises, plan, nowMs, tuning);
  for (const jobId of promises.keys()) if (!state.waiting.has(jobId)) promises.delete(jobId);
  state.promises = promises;
}

/** The plan may be a few turns old: what it says is checked against the farm as it is now. */
function assignWhereFree(ledger: Ledger, placement: Placement): void {
  const { state, settings, nowMs } = ledger;
  const presence = state.presences.get(placement.agentId);
  const job = state.jobs.get(placement.jobId);
  if (job === undefined || !state.waiting.has(job.jobId) || presence?.inventory === undefined) return;
  if (slotsBusy(state, placement.agentId) >= presence.inventory.slots || !isPlaceable(state, job)) return;
  const agent = plannedAgent(state, presence, presence.inventory);
  const waiting = waitingJob(state, settings, job, nowMs);
  const rules = farmRules(state, settings);
  if (pauseOf(waiting, rules) !== undefined || runningLimits(state, rules).roomInMs(job).ms > 0) return;
  if (refusals(waiting, agent).length > 0) return;
  if (waitsForLookUp(state, settings, job, nowMs)) {
    state.catalog.wanted.add(job.jobId);
    return;
  }
  const isDoubted = doubts(waiting, agent, rules, tuningOf(settings)) !== undefined;
  if (isDoubted && isWantedElsewhere(ledger, waiting, rules)) return;
  assign(ledger, placement);
}

/** An agent that nothing speaks against can take it now or later: the next plan gives it to that one. */
function isWantedElsewhere({ state, settings }: Ledger, job: WaitingJob, rules: FarmRules): boolean {
  for (const presence of state.presences.values()) {
    if (presence.inventory === undefined) continue;
    const agent = plannedAgent(state, presence, presence.inventory);
    if (refusals(job, agent).length > 0) continue;
    if (doubts(job, agent, rules, tuningOf(settings)) === undefined) return true;
  }
  return false;
}

/** Jobs that no agent can take whose watchers are told at once when the reason changes; others see it when they look. */
const toldMax = 200;

function noteReasons(ledger: Ledger, plan: Plan, snapshot: Snapshot): void {
  const { waitReasons } = ledger.state;
  const before = new Map(waitReasons);
  waitReasons.clear();
  for (const placement of plan.placements) {
    if (placement.startsInMs > 0) waitReasons.set(placement.jobId, plannedReason(placement));
  }
  for (const job of plan.unplaceable) {
    const reason = blockedReason(job, snapshot);
    waitReasons.set(job.jobId, reason);
    if (before.get(job.jobId) !== reason) ledger.touchJob(job.jobId);
  }
  noteBlocked(ledger, plan, snapshot);
}

function noteBlocked(ledger: Ledger, plan: Plan, snapshot: Snapshot): void {
  const { lineReasons } = ledger.state;
  const before = new Map(lineReasons);
  lineReasons.clear();
  const reasons = new Map<JobNeeds, string>();
  for (const line of plan.blocked) {
    // Judged once for all lines that need the same: a paused queue may have one of each of thousands of users.
    const reason = reasons.get(line.needs) ?? blockedReason(line.needs, snapshot);
    reasons.set(line.needs, reason);
    lineReasons.set(line.key, reason);
    if (before.get(line.key) === reason) continue;
    let job = line.behind(undefined);
    for (let told = 0; job !== undefined && told < toldMax; told += 1) {
      ledger.touchJob(job.jobId);
      job = line.behind(job);
    }
  }
}

function forgetReasons({ state }: Ledger): void {
  state.lastPlan = undefined;
  state.waitReasons.clear();
  state.lineReasons.clear();
}

import type { FarmSettings } from '../../domain/settings.ts';
import type { RecordKey, StoredRecord } from '../../store/port.ts';
import { assistJobs } from './assist.ts';
import { takeAttach } from './attach.ts';
import { askCatalog, nextCatalogMs, takeCatalogAway, takeLookedUp } from './catalog.ts';
import { goOnAnnulling } from './executors.ts';
import type { Effect, Input, Moment } from './inputs.ts';
import { takeJobVerb } from './job-verbs.ts';
import { Ledger } from './ledger.ts';
import { leaseEndMs, openRecoveryWindow, passTime, takeStreamEnd } from './liveness.ts';
import { takeMessage } from './messages.ts';
import { nextEvictionMs, takeAgentOrder } from './modes.ts';
import { beginOutbox, goOnWithOutbox, takeDelivery } from './outbox.ts';
import { placeJobs } from './planning.ts';
import { takeAnnulOrder, takeShareOrder } from './publication-orders.ts';
import { takeQueueOrder } from './queue-orders.ts';
import { expireRecords } from './retention.ts';
import { nextCheckMs } from './sick.ts';
import type { FarmState } from './state.ts';
import { takeSubmit } from './submit.ts';

/** What one turn decided. */
export interface Turned {
  readonly upserts: readonly StoredRecord[];
  readonly deletes: readonly RecordKey[];
  /** In order; none leaves before the records are committed. */
  readonly effects: readonly Effect[];
}

/**
 * One turn of the single writer: applies the inputs in order, lets time pass, plans. It changes `state` in place;
 * the records and effects are all that has to follow. No I/O, no clock, no randomness of its own: the same state,
 * inputs and moment give the same result.
 */
export function turn(
  state: FarmState,
  settings: FarmSettings,
  inputs: readonly Input[],
  moment: Moment,
): Turned {
  const ledger = new Ledger(state, settings, moment);
  let ticked = false;
  for (const input of inputs) {
    if (input.kind === 'tick') ticked = true;
    else apply(ledger, input);
  }
  // Silence is judged only after all that could be read was applied (scheduling.md, Time).
  if (ticked) {
    passTime(ledger);
    expireRecords(ledger);
    goOnWithOutbox(ledger);
    // Refusals and back-offs of time alone; a plan under way is finished first.
    if (state.planning === undefined) state.planStale = true;
  }
  const isPlanned = state.planStale || state.planning !== undefined;
  placeJobs(ledger);
  askCatalog(ledger);
  assistJobs(ledger, ticked || isPlanned);
  return ledger.close();
}

/** A farm that was just loaded: leases of the agents it knows stand until the recovery window ends. */
export function beginRecovery(state: FarmState, settings: FarmSettings, moment: Moment): Turned {
  const ledger = new Ledger(state, settings, moment);
  for (const [agentId, live] of state.liveAttempts) {
    if (live.size === 0) continue;
    state.presences.set(agentId, {
      agentId,
      instanceId: state.agents.get(agentId)?.instanceId ?? '',
      softwareVersion: '',
      inventory: undefined,
      lastHeardAtMs: moment.nowMs,
      suspect: false,
      leaving: false,
      closedAtMs: undefined,
      load1: 0,
      scratchFreeBytes: 0,
      newcomer: undefined,
      expected: false,
      recalls: undefined,
      features: [],
      scratchAvailableBytes: undefined,
      asked: undefined,
    });
  }
  goOnAnnulling(ledger);
  beginOutbox(ledger);
  openRecoveryWindow(ledger, 'start', noteStart(ledger));
  return ledger.close();
}

/**
 * Restarts that follow each other soon are one row, with one recovery window: a controller that falls over and over
 * again must not keep leases for ever. When the first of the row was; never later than now, where the clock of the
 * controller before us was ahead of ours.
 */
function noteStart(ledger: Ledger): number {
  const before = ledger.state.farm.get('farm');
  const inRow =
    before !== undefined && ledger.nowMs - before.lastStartedAtMs < ledger.settings.times.restartRowMs;
  const rowStartedAtMs = inRow ? Math.min(before.rowStartedAtMs, ledger.nowMs) : ledger.nowMs;
  ledger.putFarm({ ...before, rowStartedAtMs, lastStartedAtMs: ledger.nowMs });
  return rowStartedAtMs;
}

/** When time alone will cause something next: the shell ticks then, or after its usual pause if that is sooner. */
export function nextDeadlineMs(state: FarmState, settings: FarmSettings): number {
  let next = Math.min(
    state.recoveryUntilMs ?? Number.POSITIVE_INFINITY,
    nextEvictionMs(state),
    nextCheckMs(state),
    nextCatalogMs(state, settings),
  );
  for (const presence of state.presences.values()) {
    const live = state.liveAttempts.get(presence.agentId) ?? new Set();
    // A granted publication whose owner is gone has a clock of its own.
    const holds = [...live].some((key) => !state.publishRetries.has(key));
    if (presence.newcomer) next = Math.min(next, presence.newcomer.deadlineMs);
    if (presence.session && !presence.suspect)
      next = Math.min(next, presence.lastHeardAtMs + settings.times.suspectMs);
    if (presence.session || holds) next = Math.min(next, leaseEndMs(state, settings, presence));
    if (presence.session && holds)
      next = Math.min(next, replyDeadlineMs(state, settings, live, presence.session.attachedAtMs));
  }
  for (const retry of state.publishRetries.values()) next = Math.min(next, retry.atMs);
  return next;
}

function apply(ledger: Ledger, input: Exclude<Input, { kind: 'tick' }>): void {
  switch (input.kind) {
    case 'submit':
      takeSubmit(ledger, input);
      return;
    case 'looked-up':
      takeLookedUp(ledger, input);
      return;
    case 'catalog-away':
      takeCatalogAway(ledger, input);
      return;
    case 'cancel':
    case 'retry':
    case 'hold':
    case 'release':
    case 'priority':
      takeJobVerb(ledger, input);
      return;
    case 'cordon':
    case 'uncordon':
    case 'drain':
    case 'evict':
    case 'forget':
      takeAgentOrder(ledger, input);
      return;
    case 'annul':
      takeAnnulOrder(ledger, input);
      return;
    case 'pause':
    case 'resume':
      takeQueueOrder(ledger, input);
      return;
    case 'share-replaced':
      takeShareOrder(ledger, input);
      return;
    case 'attach':
      takeAttach(ledger, input);
      return;
    case 'message':
      takeMessage(ledger, input);
      return;
    case 'stream-ended':
      takeStreamEnd(ledger, input);
      return;
    case 'told':
      takeDelivery(ledger, input);
      return;
    case 'outage':
      openRecoveryWindow(ledger, input.what);
      return;
  }
}

function replyDeadlineMs(
  state: FarmState,
  settings: FarmSettings,
  live: ReadonlySet<string>,
  attachedAtMs: number,
): number {
  let next = Number.POSITIVE_INFINITY;
  for (const key of live) {
    const attempt = state.attempts.get(key);
    if (attempt?.state !== 'assigned') continue;
    next = Math.min(next, Math.max(attempt.assignedAtMs, attachedAtMs) + settings.times.assignmentReplyMs);
  }
  return next;
}

import { moveJob, without } from '../../domain/move-job.ts';
import type { FarmSettings } from '../../domain/settings.ts';
import { admitNewcomer } from './attach.ts';
import { checkBackstops } from './backstops.ts';
import { retryPublications } from './executors.ts';
import type { Input } from './inputs.ts';
import type { Ledger } from './ledger.ts';
import { forgetSilences, loseAgent } from './losses.ts';
import { enforceModes } from './modes.ts';
import { endAttempt } from './outcomes.ts';
import { checkRecalls } from './recalling.ts';
import { checkSickHosts } from './sick.ts';
import { attemptKey, type FarmState, type Presence } from './state.ts';
import { resetStream } from './streams.ts';

/** A stream is over. What its agent holds stays leased until the silence or return clock runs out. */
export function takeStreamEnd(
  ledger: Ledger,
  { sessionId, how }: Extract<Input, { kind: 'stream-ended' }>,
): void {
  const agentId = ledger.state.sessionOwners.get(sessionId);
  ledger.state.sessionOwners.delete(sessionId);
  const presence = ledger.state.presences.get(agentId ?? '');
  if (presence?.session?.sessionId !== sessionId) return;
  delete presence.session;
  presence.recalls = undefined;
  presence.closedAtMs = how === 'ours' ? undefined : ledger.nowMs;
  ledger.state.planStale = true;
  ledger.log('info', 'agent-detached', { agentId: presence.agentId, how });
  if (presence.newcomer !== undefined) admitNewcomer(ledger, presence, presence.newcomer);
}

/**
 * Nobody's silence counts for a while: the store, a restart or our own loop was in the way. The window is over when
 * every agent that holds a lease has been heard again.
 *
 * @param fromMs when the trouble began: a row of restarts has one window, from its first
 */
export function openRecoveryWindow(ledger: Ledger, what: string, fromMs = ledger.nowMs): void {
  const untilMs = fromMs + ledger.settings.times.recoveryWindowMs;
  if (untilMs <= ledger.nowMs) {
    ledger.log('warn', 'recovery-window-used-up', { what });
    return;
  }
  ledger.state.recoveryUntilMs = untilMs;
  for (const presence of ledger.state.presences.values()) {
    presence.expected = (ledger.state.liveAttempts.get(presence.agentId)?.size ?? 0) > 0;
  }
  ledger.log('warn', 'recovery-window', { what, seconds: (untilMs - ledger.nowMs) / 1000 });
}

/** Everything that time alone causes. */
export function passTime(ledger: Ledger): void {
  endRecovery(ledger);
  for (const presence of ledger.state.presences.values()) {
    checkNewcomer(ledger, presence);
    checkSilence(ledger, presence);
    checkReplies(ledger, presence);
    checkRecalls(ledger, presence);
    checkBackstops(ledger, presence);
  }
  forgetSilences(ledger);
  enforceModes(ledger);
  checkSickHosts(ledger);
  wakeDelayed(ledger);
  retryPublications(ledger);
}

/** When the lease of everything that this agent holds ends; undefined: it holds nothing that time could end. */
export function leaseEndMs(state: FarmState, settings: FarmSettings, presence: Presence): number {
  const { leaseMs, disconnectedMs } = settings.times;
  const silence = presence.lastHeardAtMs + leaseMs;
  const own =
    presence.closedAtMs === undefined ? silence : Math.min(silence, presence.closedAtMs + disconnectedMs);
  return Math.max(own, state.recoveryUntilMs ?? 0);
}

function endRecovery(ledger: Ledger): void {
  const { state } = ledger;
  if (state.recoveryUntilMs === undefined) return;
  const missing = [...state.presences.values()].some((presence) => presence.expected);
  if (missing && ledger.nowMs < state.recoveryUntilMs) return;
  state.recoveryUntilMs = undefined;
  state.planStale = true;
  for (const presence of state.presences.values()) presence.expected = false;
  ledger.log('info', 'recovery-window-ended', { allBack: missing ? 'no' : 'yes' });
}

function checkNewcomer(ledger: Ledger, presence: Presence): void {
  if (presence.newcomer === undefined || presence.newcomer.deadlineMs > ledger.nowMs) return;
  admitNewcomer(ledger, presence, presence.newcomer);
}

function checkSilence(ledger: Ledger, presence: Presence): void {
  if (
    presence.session !== undefined &&
    !presence.suspect &&
    ledger.nowMs - presence.lastHeardAtMs >= ledger.settings.times.suspectMs
  ) {
    presence.suspect = true;
    ledger.state.planStale = true;
    ledger.log('warn', 'agent-suspect', {
      agentId: presence.agentId,
      silentMs: ledger.nowMs - presence.lastHeardAtMs,
    });
  }
  if (ledger.nowMs < leaseEndMs(ledger.state, ledger.settings, presence)) return;
  const silentMs = ledger.nowMs - presence.lastHeardAtMs;
  if (presence.session !== undefined) {
    resetStream(ledger, presence, presence.session);
    ledger.log('warn', 'agent-lost', { agentId: presence.agentId, silentMs });
  }
  // Publications of an agent that is gone have a clock of their own: it is lost once.
  const isHolding = ledger
    .liveAttemptsOf(presence.agentId)
    .some((attempt) => !ledger.state.publishRetries.has(attemptKey(attempt)));
  if (isHolding) loseAgent(ledger, presence, silentMs >= ledger.settings.times.leaseMs);
}

function checkReplies(ledger: Ledger, presence: Presence): void {
  const { session } = presence;
  if (session === undefined) return;
  const { assignmentReplyMs } = ledger.settings.times;
  for (const attempt of ledger.liveAttemptsOf(presence.agentId)) {
    if (attempt.state !== 'assigned') continue;
    if (ledger.nowMs < Math.max(attempt.assignedAtMs, session.attachedAtMs) + assignmentReplyMs) continue;
    endAttempt(ledger, attempt, {
      outcome: 'declined',
      message: `${presence.agentId} did not answer the assignment`,
    });
    if (presence.session !== undefined) resetStream(ledger, presence, session);
  }
}

function wakeDelayed(ledger: Ledger): void {
  for (const jobId of ledger.state.delayed) {
    const job = ledger.state.jobs.get(jobId);
    if (job === undefined || (job.notBeforeMs ?? 0) > ledger.nowMs) continue;
    const entry = { atMs: ledger.nowMs, what: 'waiting', detail: 'its time has come' };
    ledger.putJob(moveJob(without(job, 'notBeforeMs', 'reason'), 'waiting', entry));
  }
}

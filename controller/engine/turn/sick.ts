import type { HostChecked, JobRef } from '../../../proto/agent-link.ts';
import type { AgentRecord, AttemptRecord } from '../../domain/attempt.ts';
import {
  afterHealing,
  afterHostFailure,
  afterHostSuccess,
  type HostHealth,
  withCheck,
} from '../../domain/host-health.ts';
import type { Ledger } from './ledger.ts';
import { sendMode } from './modes.ts';
import type { FarmState, Presence } from './state.ts';

/**
 * Remembers how an attempt ended for the health of its host: after three different jobs in a row that failed for
 * reasons of the PC it is sick, and takes nothing new until what failed was probed and works (scheduling.md).
 */
export function noteHostOutcome(ledger: Ledger, ref: JobRef): void {
  const attempt = ledger.attempt(ref);
  const agent = ledger.state.agents.get(attempt?.agentId ?? '');
  if (attempt === undefined || agent === undefined) return;
  if (attempt.outcome === 'published') noteSuccess(ledger, agent);
  else if (attempt.outcome === 'failed' && attempt.failureClass === 'environment') {
    noteFailure(ledger, agent, attempt);
  }
}

/** The agent has rendered what it was given, though nothing of it was published. */
export function noteHostSuccess(ledger: Ledger, agentId: string): void {
  const agent = ledger.state.agents.get(agentId);
  if (agent !== undefined) noteSuccess(ledger, agent);
}

/** What a probe of a sick host found. An answer to a probe that is not the newest is no news. */
export function takeHostChecked(ledger: Ledger, { agentId }: Presence, checked: HostChecked): void {
  const agent = ledger.state.agents.get(agentId);
  const sick = agent?.health?.sick;
  if (agent?.health === undefined || sick?.checkId === undefined || sick.checkId !== checked.checkId) return;
  if (!checked.ok) {
    put(ledger, agent, { ...agent.health, sick: { ...sick, finding: checked.detail } });
    ledger.log('warn', 'agent-still-sick', { agentId, finding: checked.detail });
    return;
  }
  put(ledger, agent, afterHealing(agent.health, ledger.nowMs));
  sendMode(ledger, agentId);
  ledger.log('info', 'agent-healed', { agentId, finding: checked.detail });
}

/** A sick host that was started anew was perhaps repaired: it is probed at once. */
export function checkSoon(ledger: Ledger, agentId: string): void {
  const agent = ledger.state.agents.get(agentId);
  if (agent?.health?.sick === undefined) return;
  put(ledger, agent, { ...agent.health, sick: { ...agent.health.sick, nextCheckAtMs: ledger.nowMs } });
}

/** Asks sick hosts to probe what failed, when their time has come. */
export function checkSickHosts(ledger: Ledger): void {
  for (const agent of ledger.state.agents.values()) {
    const { agentId, health } = agent;
    if (health?.sick === undefined || health.sick.nextCheckAtMs > ledger.nowMs) continue;
    const presence = ledger.state.presences.get(agentId);
    if (presence?.session === undefined || presence.suspect) continue;
    const checkId = `${ledger.state.epoch.term}-${ledger.nowMs}-${health.sick.checks}`;
    const sick = withCheck(health.sick, checkId, ledger.nowMs, ledger.settings.times);
    put(ledger, agent, { ...health, sick });
    ledger.send(presence.session.sessionId, {
      kind: 'check-host',
      checkId,
      causes: sick.causes,
      shares: sick.shares,
    });
    ledger.log('info', 'agent-check', { agentId, check: sick.checks });
  }
}

/** When time alone will ask for a probe next. */
export function nextCheckMs(state: FarmState): number {
  let next = Number.POSITIVE_INFINITY;
  for (const { agentId, health } of state.agents.values()) {
    const presence = state.presences.get(agentId);
    if (health?.sick === undefined || presence?.session === undefined || presence.suspect) continue;
    next = Math.min(next, health.sick.nextCheckAtMs);
  }
  return next;
}

function noteSuccess(ledger: Ledger, agent: AgentRecord): void {
  const { health } = agent;
  if (health === undefined || health.failures.length === 0) return;
  put(ledger, agent, afterHostSuccess(health));
}

function noteFailure(ledger: Ledger, agent: AgentRecord, attempt: AttemptRecord): void {
  const failure = {
    jobId: attempt.jobId,
    atMs: ledger.nowMs,
    codes: [...new Set((attempt.finished?.problems ?? []).map(({ code }) => code))],
    shares: ledger.state.jobs.get(attempt.jobId)?.shares ?? [],
  };
  const health = afterHostFailure(agent.health, failure, ledger.settings.times);
  put(ledger, agent, health);
  if (agent.health?.sick !== undefined || health.sick === undefined) return;
  const { agentId } = agent;
  sendMode(ledger, agentId);
  ledger.alarm('agent-sick', { agentId, reason: health.sick.reason });
  for (const { jobId } of health.failures) {
    ledger.note(jobId, {
      atMs: ledger.nowMs,
      what: 'host-sick',
      detail: `${agentId} is ${health.sick.reason}`,
      agentId,
    });
  }
  checkSickHosts(ledger);
}

function put(ledger: Ledger, agent: AgentRecord, health: HostHealth): void {
  ledger.putAgent({ ...agent, health });
}

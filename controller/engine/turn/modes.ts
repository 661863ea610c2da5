import { effectiveMode, type OrderedMode } from '../../domain/agent-mode.ts';
import type { AgentRecord, AttemptRecord } from '../../domain/attempt.ts';
import { moveJob, without } from '../../domain/move-job.ts';
import { itemCount } from './assist-state.ts';
import type { AgentOrderInput } from './inputs.ts';
import type { Ledger } from './ledger.ts';
import { holdsLease, stopAttempt } from './outcomes.ts';
import { once, type Refused } from './requests.ts';
import type { FarmState } from './state.ts';

/** What an operator orders of an agent: a record, sent to the agent now and at each Welcome. */
export function takeAgentOrder(ledger: Ledger, input: AgentOrderInput): void {
  once(ledger, input, { verb: input.kind, subject: input.agentId }, () => {
    const agent = ledger.state.agents.get(input.agentId);
    if (agent === undefined) {
      const message = `Agent not found: ${input.agentId}`;
      return { kind: 'refused', code: 'AGENT_NOT_FOUND', message, resource: agentResource(input.agentId) };
    }
    return carryOut(ledger, agent, input);
  });
}

/** Tells an agent that has just been welcomed what holds for it; an active one knows. */
export function greetWithMode(ledger: Ledger, agentId: string): void {
  if (effectiveMode(ledger.state.agents.get(agentId)).mode !== 'active') sendMode(ledger, agentId);
}

/** Tells an agent, where it is attached, what holds for it now; nothing new is planned for it, or is again. */
export function sendMode(ledger: Ledger, agentId: string): void {
  const { mode, reason, untilMs } = effectiveMode(ledger.state.agents.get(agentId));
  const deadline = untilMs === undefined ? {} : { deadlineMs: Math.max(0, untilMs - ledger.nowMs) };
  ledger.sendTo(agentId, { kind: 'set-mode', mode, reason, ...deadline });
  // What it declined while it was closed it may take now.
  if (mode === 'active') for (const refusals of ledger.state.refusals.values()) refusals.delete(agentId);
  ledger.state.planStale = true;
}

/**
 * Ends what still runs on agents whose deadline is over, whether they do it themselves or not: their jobs wait again at
 * once, uncharged, and what they go on to do may not publish. What was granted is finished.
 */
export function enforceModes(ledger: Ledger): void {
  for (const agent of ledger.state.agents.values()) {
    const { ordered } = agent;
    if (ordered === undefined || ordered.mode === 'cordoned') continue;
    const live = ledger.liveAttemptsOf(agent.agentId);
    if (live.length === 0 && itemCount(ledger.state.assist, agent.agentId) === 0)
      noteEmpty(ledger, agent, ordered);
    else if ((ordered.untilMs ?? Number.POSITIVE_INFINITY) <= ledger.nowMs) {
      for (const attempt of live) if (canEvict(attempt)) evict(ledger, attempt, ordered);
    }
  }
}

/** When time alone will evict something next. */
export function nextEvictionMs(state: FarmState): number {
  let next = Number.POSITIVE_INFINITY;
  for (const { agentId, ordered } of state.agents.values()) {
    if (ordered?.untilMs === undefined) continue;
    const live = [...(state.liveAttempts.get(agentId) ?? [])].flatMap((key) => state.attempts.get(key) ?? []);
    if (live.some(canEvict)) next = Math.min(next, ordered.untilMs);
  }
  return next;
}

function carryOut(ledger: Ledger, agent: AgentRecord, input: AgentOrderInput): Refused | undefined {
  switch (input.kind) {
    case 'cordon':
      order(ledger, agent, input, { mode: 'cordoned' });
      return undefined;
    case 'drain':
      order(ledger, agent, input, { mode: 'draining' });
      return undefined;
    case 'evict':
      order(ledger, agent, input, { mode: 'evict', untilMs: ledger.nowMs + input.deadlineMs });
      tellHeldJobs(ledger, agent, input);
      enforceModes(ledger);
      return undefined;
    case 'uncordon':
      uncordon(ledger, agent, input);
      return undefined;
    case 'forget':
      return forget(ledger, agent);
  }
}

function order(
  ledger: Ledger,
  agent: AgentRecord,
  { reason, by }: AgentOrderInput,
  what: Pick<OrderedMode, 'mode' | 'untilMs'>,
): void {
  ledger.putAgent({ ...agent, ordered: { ...what, reason, by, sinceMs: ledger.nowMs } });
  sendMode(ledger, agent.agentId);
  ledger.log('info', `agent-${what.mode}`, { agentId: agent.agentId, by, reason });
}

/** Ends every order, and takes a sick host for well: the operator has looked at it. */
function uncordon(ledger: Ledger, agent: AgentRecord, { reason, by }: AgentOrderInput): void {
  const before = effectiveMode(agent).mode;
  ledger.putAgent(without(agent, 'ordered', 'health'));
  if (before === 'active') return;
  sendMode(ledger, agent.agentId);
  ledger.log('info', 'agent-uncordoned', { agentId: agent.agentId, by, reason });
}

function forget(ledger: Ledger, { agentId }: AgentRecord): Refused | undefined {
  const held = ledger.liveAttemptsOf(agentId).length;
  const presence = ledger.state.presences.get(agentId);
  if (held > 0 || presence?.session !== undefined || presence?.newcomer !== undefined) {
    const why = held > 0 ? `still holds ${held} job${held === 1 ? '' : 's'}` : 'is attached';
    const message = `agent ${agentId} ${why}; only one that is gone and holds nothing is forgotten`;
    return { kind: 'refused', code: 'AGENT_IN_USE', message, resource: agentResource(agentId) };
  }
  ledger.dropAgent(agentId);
  ledger.log('info', 'agent-forgotten', { agentId });
  return undefined;
}

function tellHeldJobs(ledger: Ledger, { agentId }: AgentRecord, input: AgentOrderInput): void {
  if (input.kind !== 'evict' || input.deadlineMs === 0) return;
  const detail = `${agentId} is to be emptied in ${Math.ceil(input.deadlineMs / 1000)} s${because(input.reason)}`;
  for (const { jobId } of ledger.liveAttemptsOf(agentId)) {
    ledger.note(jobId, { atMs: ledger.nowMs, what: 'evicting', detail, agentId });
  }
}

function noteEmpty(ledger: Ledger, agent: AgentRecord, ordered: OrderedMode): void {
  if (ordered.emptySinceMs !== undefined) return;
  ledger.putAgent({ ...agent, ordered: { ...ordered, emptySinceMs: ledger.nowMs } });
  ledger.log('info', 'agent-drained', { agentId: agent.agentId });
}

function canEvict(attempt: AttemptRecord): boolean {
  return attempt.stop === undefined && attempt.state !== 'publishing';
}

function evict(ledger: Ledger, attempt: AttemptRecord, { reason }: OrderedMode): void {
  const { agentId } = attempt;
  const detail = `evicted from ${agentId}${because(reason)}`;
  const job = ledger.state.jobs.get(attempt.jobId);
  if (job !== undefined && holdsLease(job, attempt)) {
    const entry = { atMs: ledger.nowMs, what: 'requeued', detail, agentId };
    ledger.putJob(moveJob(without(job, 'fence', 'reason', 'notBeforeMs', 'grant'), 'waiting', entry));
    ledger.log('info', 'job-requeued', { jobId: job.jobId, reason: detail });
  }
  stopAttempt(ledger, attempt, { reason: detail, outcome: 'evicted' });
}

function because(reason: string): string {
  return reason === '' ? '' : `: ${reason}`;
}

function agentResource(agentId: string): { readonly type: string; readonly name: string } {
  return { type: 'agent', name: agentId };
}

import type { HeldAttempt, HeldVerdict, Hello, JobRef, Welcome } from '../../../proto/agent-link.ts';
import { risen } from '../../domain/progress.ts';
import { takeHeldItems } from './assist-messages.ts';
import { ownerLost } from './executors.ts';
import type { Input } from './inputs.ts';
import { askAnew } from './known-sources.ts';
import type { Ledger } from './ledger.ts';
import { greetWithMode } from './modes.ts';
import { endAttempt, endUnheard } from './outcomes.ts';
import { assignMessage } from './placing.ts';
import { recall, takeTombstones } from './recalling.ts';
import { learnShares } from './share-identity.ts';
import { checkSoon } from './sick.ts';
import { attemptKey, type Newcomer, type Presence } from './state.ts';
import { catchUp, type Judged, judge } from './verdicts.ts';

/** Versions of the agent protocol that this controller speaks. */
export const protocolVersions = { min: 1, max: 1 } as const;

type Attach = Extract<Input, { kind: 'attach' }>;

/** Takes an agent's Hello: refuses it, lets it wait for a probe, or welcomes it (protocol.md rules 1, 2 and 6). */
export function takeAttach(ledger: Ledger, input: Attach): void {
  const { hello, replyId, sessionId } = input;
  if (hello.protocolMax < protocolVersions.min || hello.protocolMin > protocolVersions.max) {
    ledger.reply(replyId, {
      kind: 'refused',
      code: 'PROTOCOL_VERSION',
      message:
        `agent ${hello.agentId} speaks protocol ${hello.protocolMin} to ${hello.protocolMax}, ` +
        `this controller ${protocolVersions.min} to ${protocolVersions.max}: update the older side`,
      resource: { type: 'agent', name: hello.agentId },
    });
    return;
  }
  if (tooMany(ledger, hello)) {
    ledger.reply(replyId, {
      kind: 'refused',
      code: 'TOO_MANY_REQUESTS',
      message: `the farm knows ${ledger.state.presences.size} agents; its limit is ${ledger.settings.limits.agentsMax}`,
    });
    return;
  }
  const present = ledger.state.presences.get(hello.agentId);
  if (present?.session !== undefined && present.instanceId !== hello.instanceId) {
    probeOld(ledger, present, present.session.sessionId, { hello, replyId, sessionId });
    return;
  }
  welcome(ledger, { hello, replyId, sessionId });
}

/** The open stream has proved that it is alive: the newcomer is a clone (rule 2). */
export function refuseNewcomer(ledger: Ledger, presence: Presence, newcomer: Newcomer): void {
  presence.newcomer = undefined;
  ledger.alarm('agent-cloned', { agentId: presence.agentId, instanceId: newcomer.hello.instanceId });
  ledger.reply(newcomer.replyId, {
    kind: 'refused',
    code: 'AGENT_CLONED',
    message: `agent id ${presence.agentId} is in use by another running process; give this PC an id of its own`,
    resource: { type: 'agent', name: presence.agentId },
  });
}

/** The open stream did not answer: the newcomer takes its place. */
export function admitNewcomer(ledger: Ledger, presence: Presence, newcomer: Newcomer): void {
  presence.newcomer = undefined;
  welcome(ledger, newcomer);
}

function tooMany(ledger: Ledger, hello: Hello): boolean {
  const { presences } = ledger.state;
  return !presences.has(hello.agentId) && presences.size >= ledger.settings.limits.agentsMax;
}

function probeOld(
  ledger: Ledger,
  presence: Presence,
  oldSessionId: string,
  newcomer: Pick<Newcomer, 'hello' | 'replyId' | 'sessionId'>,
): void {
  if (presence.newcomer !== undefined) refuseNewcomer(ledger, presence, presence.newcomer);
  const probeId = newcomer.sessionId;
  presence.newcomer = {
    ...newcomer,
    probeId,
    deadlineMs: ledger.nowMs + ledger.settings.times.probeAnswerMs,
  };
  ledger.send(oldSessionId, { kind: 'probe', probeId });
}

function welcome(
  ledger: Ledger,
  { hello, replyId, sessionId }: Pick<Newcomer, 'hello' | 'replyId' | 'sessionId'>,
): void {
  const known = ledger.state.agents.get(hello.agentId);
  const present = ledger.state.presences.get(hello.agentId);
  // Somebody else is here while it waits: a third process, or the old one again. Either way there are two.
  if (present?.newcomer !== undefined) refuseNewcomer(ledger, present, present.newcomer);
  supersede(ledger, hello.agentId);
  if (known !== undefined && known.instanceId !== hello.instanceId) endOldInstance(ledger, hello);
  const first = ledger.effects.length;
  const presence = enter(ledger, hello, sessionId);
  takeTombstones(ledger, hello);
  const ackedEvent = ackedOf(ledger, hello);
  ledger.putAgent({
    ...known,
    agentId: hello.agentId,
    instanceId: hello.instanceId,
    journalId: hello.journalId,
    ackedEvent,
    firstSeenAtMs: known?.firstSeenAtMs ?? ledger.nowMs,
    lastAttachedAtMs: ledger.nowMs,
  });
  const judged = hello.held.map((held) => judge(ledger, hello, held));
  // Before anything that judging has sent there: a Cancel of an attempt that another one takes over from.
  const message = welcomeMessage(ledger, { hello, sessionId, ackedEvent, judged });
  ledger.effects.splice(first, 0, { kind: 'send', sessionId, message });
  greetWithMode(ledger, hello.agentId);
  takeHeldItems(ledger, hello);
  if (known !== undefined && known.instanceId !== hello.instanceId) checkSoon(ledger, hello.agentId);
  const asked = judged.filter((each) => each.asked).map(({ held }) => held);
  recall(ledger, presence, asked);
  for (const { held } of judged) catchUp(ledger, hello, held);
  resendAssignments(ledger, hello, { sessionId, asked });
  ledger.log('info', 'agent-attached', {
    agentId: presence.agentId,
    instanceId: hello.instanceId,
    held: hello.held.length,
  });
  ledger.reply(replyId, { kind: 'attached' });
}

function welcomeMessage(
  ledger: Ledger,
  {
    hello,
    sessionId,
    ackedEvent,
    judged,
  }: {
    readonly hello: Hello;
    readonly sessionId: string;
    readonly ackedEvent: number;
    readonly judged: readonly Judged[];
  },
): Welcome {
  return {
    kind: 'welcome',
    farmId: ledger.state.farmId,
    term: ledger.state.epoch.term,
    leaderId: ledger.state.epoch.leaderId,
    sessionId,
    protocolVersion: Math.min(protocolVersions.max, hello.protocolMax),
    heartbeatMs: ledger.settings.times.heartbeatMs,
    progressMinMs: ledger.settings.times.progressMinMs,
    progressMaxMs: ledger.settings.times.progressMaxMs,
    ackedEvent,
    verdicts: judged.map(({ held, decision }) => ({ ref: held.ref, decision }) satisfies HeldVerdict),
  };
}

function supersede(ledger: Ledger, agentId: string): void {
  const session = ledger.state.presences.get(agentId)?.session;
  if (session === undefined) return;
  ledger.state.sessionOwners.delete(session.sessionId);
  ledger.effects.push({
    kind: 'end-session',
    sessionId: session.sessionId,
    goodbye: { kind: 'goodbye', reason: 'superseded', comeBackAfterMs: 0 },
  });
}

/**
 * A new process of this agent: what the old one held is lost, except results that the new one found on its disk; what
 * the old one declined the new one may take.
 */
function endOldInstance(ledger: Ledger, hello: Hello): void {
  const kept = new Set(
    hello.held
      .filter((held) => held.state === 'ready' || held.state === 'publishing' || held.state === 'finished')
      .map((held) => keyOf(ledger, held.ref)),
  );
  for (const refusals of ledger.state.refusals.values()) refusals.delete(hello.agentId);
  for (const attempt of ledger.liveAttemptsOf(hello.agentId)) {
    if (kept.has(attemptKey(attempt))) {
      ledger.putAttempt({ ...attempt, instanceId: hello.instanceId });
    } else if (attempt.state !== 'publishing') {
      endUnheard(ledger, attempt, { message: `${hello.agentId} was started anew` });
    }
  }
}

function enter(ledger: Ledger, hello: Hello, sessionId: string): Presence {
  const presence: Presence = {
    agentId: hello.agentId,
    session: { sessionId, instanceId: hello.instanceId, attachedAtMs: ledger.nowMs },
    instanceId: hello.instanceId,
    softwareVersion: hello.softwareVersion,
    inventory: hello.inventory,
    lastHeardAtMs: ledger.nowMs,
    suspect: false,
    leaving: false,
    closedAtMs: undefined,
    load1: 0,
    scratchFreeBytes: hello.inventory.scratchFreeBytes,
    newcomer: undefined,
    expected: false,
    recalls: undefined,
    features: hello.features,
    scratchAvailableBytes: hello.inventory.scratchAvailableBytes,
    asked: undefined,
  };
  askAnew(ledger, hello.agentId, hello.instanceId);
  const before = ledger.state.presences.get(hello.agentId)?.inventory;
  learnShares(ledger, hello.agentId, before, hello.inventory);
  ledger.state.presences.set(hello.agentId, presence);
  ledger.state.sessionOwners.set(sessionId, hello.agentId);
  ledger.state.planStale = true;
  // A hint lives as long as the stream that it was sent on.
  for (const [jobId, announcement] of ledger.state.announcements) {
    if (announcement.agentId === hello.agentId) ledger.state.announcements.delete(jobId);
  }
  for (const held of hello.held) rememberProgress(ledger, hello.agentId, held);
  return presence;
}

/** Progress is no record: after a restart of ours it comes back from the agents. */
function rememberProgress(ledger: Ledger, agentId: string, { ref, state, percent }: HeldAttempt): void {
  const attempt = ledger.attempt(ref);
  if (attempt?.agentId !== agentId || attempt.state === 'ended') return;
  const key = attemptKey(attempt);
  const before = ledger.state.runtimes.get(key);
  ledger.state.runtimes.set(key, {
    state,
    percent: risen(before?.percent, percent),
    waitedMs: before?.waitedMs ?? 0,
  });
  ledger.touchJob(ref.jobId);
}

/** Events that the agent has forgotten were acknowledged by an earlier leader: the count goes on behind them. */
function ackedOf(ledger: Ledger, hello: Hello): number {
  const known = ledger.state.agents.get(hello.agentId);
  const acked = known?.journalId === hello.journalId ? known.ackedEvent : 0;
  return Math.max(acked, hello.firstUnackedEvent - 1);
}

/**
 * What we assigned and the same process does not hold never arrived: it is sent again, with the same fence. Not where
 * it is asked for another attempt of that job: it may be the same work, adopted before the store lost its tail.
 */
function resendAssignments(
  ledger: Ledger,
  hello: Hello,
  { sessionId, asked }: { readonly sessionId: string; readonly asked: readonly HeldAttempt[] },
): void {
  const held = new Set(hello.held.map(({ ref }) => keyOf(ledger, ref)));
  const askedJobs = new Set(asked.map(({ ref }) => ref.jobId));
  for (const attempt of ledger.liveAttemptsOf(hello.agentId)) {
    if (held.has(attemptKey(attempt)) || askedJobs.has(attempt.jobId)) continue;
    // It was granted, and its owner has lost its memory of it: somebody has to finish it.
    if (attempt.state === 'publishing') ownerLost(ledger, attempt);
    else if (attempt.stop !== undefined) {
      endAttempt(ledger, attempt, { outcome: attempt.stop.outcome, message: attempt.stop.reason });
    } else {
      ledger.send(sessionId, assignMessage(ledger, attempt));
    }
  }
}

function keyOf(ledger: Ledger, ref: JobRef): string {
  return attemptKey(ledger.attempt(ref) ?? ref);
}

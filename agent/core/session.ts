import type { ControllerGoodbye, HeartbeatAck, HeldVerdict, Welcome } from '../../proto/agent-link.ts';
import { adopt } from './adoption.ts';
import { dropAttempt } from './endings.ts';
import { acknowledged } from './events.ts';
import { forgetLooks } from './file-looks.ts';
import { buildHello } from './hello.ts';
import { activeMode } from './mode.ts';
import { grantPublish, refusePublish } from './publishing.ts';
import { scratchAvailable } from './scratch.ts';
import { forgetAsks } from './sources.ts';
import type { Session } from './state.ts';
import { endFor } from './stops.ts';
import type { Turn } from './turn.ts';
import { alarm, held, reopen, write } from './turn.ts';

/** A controller that turned us away is not asked again sooner than this. */
const refusedAgainMs = 10_000;

/** A stream is open: Hello is the first word on it. */
export function linkOpened(turn: Turn, linkId: number): void {
  turn.state = { ...turn.state, link: { id: linkId, openedMs: turn.nowMs } };
  forgetAsks(turn);
  forgetLooks(turn);
  turn.effects.push({ type: 'send', linkId, message: buildHello(turn.state) });
}

/** The first answer. A leader that is not the newest that we have seen is not obeyed. */
export function welcomed(turn: Turn, welcome: Welcome): void {
  const { link, journal } = turn.state;
  if (link === undefined) return;
  if (link.session !== undefined) {
    alarm(turn, 'WELCOME_TWICE', `session ${link.session.sessionId} was welcomed again`);
    return;
  }
  const fault = leaderFault(turn, welcome);
  if (fault !== undefined) {
    alarm(turn, fault.code, fault.message);
    reopen(turn, fault.message);
    return;
  }
  const { farmId, term, leaderId } = welcome;
  if (journal.farm?.farmId !== farmId || journal.farm.term !== term || journal.farm.leaderId !== leaderId) {
    write(turn, { kind: 'farm', farmId, term, leaderId });
  }
  turn.state = { ...turn.state, mode: activeMode, link: { ...link, session: newSession(turn, welcome) } };
  acknowledged(turn, welcome.ackedEvent);
  for (const verdict of welcome.verdicts) applyVerdict(turn, verdict);
  turn.effects.push({ type: 'take-loose-items-back' });
}

/** Heartbeats that are due, and a controller that has stopped to answer them. */
export function tickSession(turn: Turn): void {
  const { link, settings } = turn.state;
  if (link === undefined) return;
  const { session } = link;
  if (session === undefined) {
    if (turn.nowMs - link.openedMs >= settings.welcomeMs) {
      reopen(turn, `no Welcome within ${settings.welcomeMs} ms`);
    }
    return;
  }
  const silentMs = turn.nowMs - session.lastAckMs;
  if (silentMs >= session.heartbeatMs * settings.silentHeartbeats) {
    reopen(turn, `the controller has answered no heartbeat for ${silentMs} ms`);
    return;
  }
  if (turn.nowMs >= session.nextHeartbeatMs) sendHeartbeat(turn);
}

/** Sends a heartbeat now; with a probe's id it is the probe's answer. */
export function sendHeartbeat(turn: Turn, probeId?: string): void {
  const { link } = turn.state;
  if (link?.session === undefined) return;
  const sequence = link.session.sequence + 1;
  const nextHeartbeatMs = turn.nowMs + link.session.heartbeatMs;
  turn.state = {
    ...turn.state,
    link: { ...link, session: { ...link.session, sequence, nextHeartbeatMs } },
  };
  turn.effects.push({
    type: 'heartbeat',
    linkId: link.id,
    sequence,
    ...(probeId === undefined ? {} : { probeId }),
    scratchAvailableBytes: scratchAvailable(turn.state),
  });
}

/**
 * The PC slept, or was frozen: whoever is at the other end may have given us up, and the connection may be dead without
 * saying so. A fresh Hello finds out at once.
 */
export function woke(turn: Turn, awayMs: number): void {
  reopen(turn, `this PC did not run for ${Math.round(awayMs)} ms`);
}

/** The controller lives. Its term may have risen meanwhile, never fallen. */
export function heartbeatAcked(turn: Turn, ack: HeartbeatAck): void {
  const { link, journal } = turn.state;
  if (link?.session === undefined) return;
  if (ack.term < link.session.term) {
    alarm(turn, 'TERM_TOO_LOW', `heartbeat answered under term ${ack.term} after ${link.session.term}`);
    reopen(turn, 'the term fell');
    return;
  }
  if (ack.term > link.session.term && journal.farm !== undefined) {
    write(turn, { kind: 'farm', ...journal.farm, term: ack.term });
  }
  turn.state = {
    ...turn.state,
    link: { ...link, session: { ...link.session, term: ack.term, lastAckMs: turn.nowMs } },
  };
}

/** The controller leaves, or sends us away. */
export function controllerLeaves(turn: Turn, goodbye: ControllerGoodbye): void {
  if (goodbye.reason === 'superseded') {
    alarm(turn, 'SUPERSEDED', `another stream of agent ${turn.state.settings.agentId} took this one's place`);
  }
  const afterMs =
    goodbye.reason === 'refused' || goodbye.reason === 'superseded'
      ? Math.max(goodbye.comeBackAfterMs, refusedAgainMs)
      : goodbye.comeBackAfterMs;
  reopen(turn, `controller said goodbye: ${goodbye.reason}`, afterMs, goodbye.address);
}

function leaderFault(turn: Turn, welcome: Welcome): { code: string; message: string } | undefined {
  const { farm } = turn.state.journal;
  // Terms compare only within one farm; a new farm id is a new count.
  if (farm?.farmId !== welcome.farmId) return undefined;
  if (welcome.term < farm.term) {
    return {
      code: 'TERM_TOO_LOW',
      message: `term ${welcome.term} is lower than ${farm.term}, which I have seen`,
    };
  }
  if (welcome.term === farm.term && welcome.leaderId !== farm.leaderId) {
    return {
      code: 'TWO_LEADERS',
      message: `leader ${welcome.leaderId} claims term ${welcome.term} of leader ${farm.leaderId}`,
    };
  }
  return undefined;
}

function newSession(turn: Turn, welcome: Welcome): Session {
  return {
    sessionId: welcome.sessionId,
    term: welcome.term,
    heartbeatMs: welcome.heartbeatMs,
    progressMinMs: welcome.progressMinMs,
    progressMaxMs: welcome.progressMaxMs,
    sequence: 0,
    nextHeartbeatMs: turn.nowMs,
    lastAckMs: turn.nowMs,
    sentEvent: 0,
  };
}

function applyVerdict(turn: Turn, { ref, decision }: HeldVerdict): void {
  if (held(turn, ref) === undefined) return;
  switch (decision.verdict) {
    case 'keep':
      return;
    case 'stop':
      endFor(turn, ref, { ...decision, mode: 'kill', graceMs: 0 });
      return;
    case 'forget':
      forget(turn, ref);
      return;
    case 'publish':
      grantPublish(turn, ref, decision.finalName);
      return;
    case 'refused':
      refusePublish(turn, ref, decision.reason);
      return;
    case 'adopt':
      adopt(turn, ref, decision.fence);
      return;
  }
}

/** What is at work must end first; its process tree may not outlive its record. */
function forget(turn: Turn, ref: HeldVerdict['ref']): void {
  const state = held(turn, ref)?.live.state;
  if (state === 'ready' || state === 'publishing' || state === 'finished') {
    dropAttempt(turn, ref, 'superseded');
  } else {
    endFor(turn, ref, {
      outcome: 'superseded',
      reason: 'the controller does not know this attempt',
      mode: 'kill',
      graceMs: 0,
    });
  }
}

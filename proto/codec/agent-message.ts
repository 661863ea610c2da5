import type {
  AgentGoodbye,
  AgentMessage,
  AssignmentReply,
  Heartbeat,
  Hello,
  HostChecked,
  Progress,
  Recalled,
} from '../agent-link.ts';
import * as agent from '../gen/renderfarm/v1/agent.ts';
import { fromAssign, toAssign } from './assign.ts';
import type { CompleteWire } from './complete.ts';
import { compact } from './complete.ts';
import { agentGoodbyeReasons, heldStates } from './enums.ts';
import { fromFilesSeen, toFilesSeen } from './files.ts';
import { fromHeld, fromTombstone, toHeld, toTombstone } from './finished.ts';
import { fromInventory, toInventory } from './inventory.ts';
import {
  fromItemFinished,
  fromItemRef,
  fromItemsReclaimed,
  fromItemsReleased,
  toItemFinished,
  toItemRef,
  toItemsReclaimed,
  toItemsReleased,
} from './items.ts';
import { fromJournalEvent, toJournalEvent } from './journal-event.ts';
import {
  fromAnnulPublishReply,
  fromFinishPublishReply,
  toAnnulPublishReply,
  toFinishPublishReply,
} from './publication.ts';
import {
  count,
  given,
  id,
  list,
  measure,
  optionalCount,
  optionalText,
  required,
  some,
  texts,
} from './read.ts';
import { fromPrefetchReport, fromSourcesReport, toPrefetchReport, toSourcesReport } from './sources.ts';
import { fromDuration, fromOptionalDuration, toDuration, toOptionalDuration } from './time.ts';
import type { Decoded } from './unknown-message.ts';
import { decodeEnvelope } from './unknown-message.ts';
import { fromRef, toRef } from './work.ts';

/** protocol.md, Hello: the newest 1,000 tombstones; more held attempts than that no PC has. */
const attemptsMax = 1_000;
const featuresMax = 256;

type WireMessage = NonNullable<agent.AttachRequest['message']>;

/** The bytes of an agent's message as they cross the stream. */
export function encodeAgentMessage(message: AgentMessage): Buffer {
  return Buffer.from(agent.AttachRequest.encode({ message: toWire(message) }).finish());
}

/**
 * An agent's message from its bytes; a kind that this build does not know is named, not refused.
 * @throws DecodeError
 */
export function decodeAgentMessage(bytes: Uint8Array): Decoded<AgentMessage> {
  return decodeEnvelope(agent.AttachRequest, bytes, fromWire);
}

function toWire(message: AgentMessage): WireMessage {
  switch (message.kind) {
    case 'hello':
      return { $case: 'hello', value: toHello(message) };
    case 'heartbeat':
      return { $case: 'heartbeat', value: toHeartbeat(message) };
    case 'assignment-reply':
      return { $case: 'assignmentReply', value: toAssignmentReply(message) };
    case 'event':
      return { $case: 'event', value: toJournalEvent(message) };
    case 'progress':
      return { $case: 'progress', value: toProgress(message) };
    case 'sources-report':
      return { $case: 'sourcesReport', value: toSourcesReport(message) };
    case 'prefetch-report':
      return { $case: 'prefetchReport', value: toPrefetchReport(message) };
    case 'inventory':
      return { $case: 'inventory', value: { inventory: toInventory(message.inventory) } };
    case 'finish-publish-reply':
      return { $case: 'finishPublishReply', value: toFinishPublishReply(message) };
    case 'annul-publish-reply':
      return { $case: 'annulPublishReply', value: toAnnulPublishReply(message) };
    case 'recalled':
      return { $case: 'recalled', value: toRecalled(message) };
    case 'host-checked':
      return {
        $case: 'hostChecked',
        value: { checkId: message.checkId, ok: message.ok, detail: message.detail },
      };
    case 'items-released':
      return { $case: 'itemsReleased', value: toItemsReleased(message) };
    case 'items-reclaimed':
      return { $case: 'itemsReclaimed', value: toItemsReclaimed(message) };
    case 'item-finished':
      return { $case: 'itemFinished', value: toItemFinished(message) };
    case 'files-seen':
      return { $case: 'filesSeen', value: toFilesSeen(message) };
    case 'goodbye':
      return {
        $case: 'goodbye',
        value: {
          reason: agentGoodbyeReasons.toWire(message.reason),
          givesBack: message.givesBack.map(toRef),
        },
      };
  }
}

function fromWire(message: WireMessage): AgentMessage {
  switch (message.$case) {
    case 'hello':
      return fromHello(message.value);
    case 'heartbeat':
      return fromHeartbeat(message.value);
    case 'assignmentReply':
      return fromAssignmentReply(message.value);
    case 'event':
      return fromJournalEvent(message.value);
    case 'progress':
      return fromProgress(message.value);
    case 'sourcesReport':
      return fromSourcesReport(message.value);
    case 'prefetchReport':
      return fromPrefetchReport(message.value);
    case 'inventory':
      return {
        kind: 'inventory',
        inventory: fromInventory(message.value.inventory, 'inventory.inventory'),
      };
    case 'finishPublishReply':
      return fromFinishPublishReply(message.value);
    case 'annulPublishReply':
      return fromAnnulPublishReply(message.value);
    case 'recalled':
      return fromRecalled(message.value);
    case 'hostChecked':
      return fromHostChecked(message.value);
    case 'itemsReleased':
      return fromItemsReleased(message.value);
    case 'itemsReclaimed':
      return fromItemsReclaimed(message.value);
    case 'itemFinished':
      return fromItemFinished(message.value);
    case 'filesSeen':
      return fromFilesSeen(message.value);
    case 'goodbye':
      return compact<AgentGoodbye>({
        kind: 'goodbye',
        reason: agentGoodbyeReasons.fromWire(message.value.reason, 'goodbye.reason'),
        givesBack: list(message.value.givesBack, 'goodbye.gives_back', attemptsMax, fromRef),
      });
  }
}

function toHello(hello: Hello): CompleteWire<agent.Hello> {
  return {
    agentId: hello.agentId,
    instanceId: hello.instanceId,
    softwareVersion: hello.softwareVersion,
    protocolMin: hello.protocolMin,
    protocolMax: hello.protocolMax,
    features: hello.features,
    farmId: hello.farmId ?? '',
    highestTerm: hello.highestTerm,
    journalId: hello.journalId,
    firstUnackedEvent: hello.firstUnackedEvent,
    lastEvent: hello.lastEvent,
    inventory: toInventory(hello.inventory),
    held: hello.held.map(toHeld),
    tombstones: hello.tombstones.map(toTombstone),
    heldItems: (hello.heldItems ?? []).map(toItemRef),
  };
}

function fromHello(wire: agent.Hello): Hello {
  return compact<Hello>({
    kind: 'hello',
    agentId: id(wire.agentId, 'hello.agent_id'),
    instanceId: id(wire.instanceId, 'hello.instance_id'),
    softwareVersion: wire.softwareVersion,
    protocolMin: count(wire.protocolMin, 'hello.protocol_min'),
    protocolMax: count(wire.protocolMax, 'hello.protocol_max'),
    features: texts(wire.features, 'hello.features', featuresMax),
    farmId: optionalText(wire.farmId),
    highestTerm: count(wire.highestTerm, 'hello.highest_term'),
    journalId: id(wire.journalId, 'hello.journal_id'),
    firstUnackedEvent: count(wire.firstUnackedEvent, 'hello.first_unacked_event'),
    lastEvent: count(wire.lastEvent, 'hello.last_event'),
    inventory: fromInventory(wire.inventory, 'hello.inventory'),
    held: list(wire.held, 'hello.held', attemptsMax, fromHeld),
    tombstones: list(wire.tombstones, 'hello.tombstones', attemptsMax, fromTombstone),
    heldItems: some(list(wire.heldItems, 'hello.held_items', attemptsMax, fromItemRef)),
  });
}

function toHeartbeat(heartbeat: Heartbeat): CompleteWire<agent.Heartbeat> {
  return {
    sequence: heartbeat.sequence,
    load1: heartbeat.load1,
    scratchFreeBytes: heartbeat.scratchFreeBytes,
    worstLoopStall: toDuration(heartbeat.worstLoopStallMs),
    oldestShareOperation: toDuration(heartbeat.oldestShareOperationMs),
    probeId: heartbeat.probeId ?? '',
    scratchAvailableBytes: heartbeat.scratchAvailableBytes,
  };
}

function fromHeartbeat(wire: agent.Heartbeat): Heartbeat {
  return compact<Heartbeat>({
    kind: 'heartbeat',
    sequence: count(wire.sequence, 'heartbeat.sequence'),
    load1: measure(wire.load1, 'heartbeat.load1'),
    scratchFreeBytes: count(wire.scratchFreeBytes, 'heartbeat.scratch_free_bytes'),
    worstLoopStallMs: fromDuration(wire.worstLoopStall, 'heartbeat.worst_loop_stall'),
    oldestShareOperationMs: fromDuration(wire.oldestShareOperation, 'heartbeat.oldest_share_operation'),
    probeId: optionalText(wire.probeId),
    scratchAvailableBytes: optionalCount(wire.scratchAvailableBytes, 'heartbeat.scratch_available_bytes'),
  });
}

function toAssignmentReply(reply: AssignmentReply): CompleteWire<agent.AssignmentReply> {
  return {
    ref: toRef(reply.ref),
    answer: reply.accepted
      ? {
          $case: 'accepted',
          value: { presentBytes: reply.presentBytes, presentSegments: reply.presentSegments },
        }
      : { $case: 'declined', value: { code: reply.code, reason: reply.reason } },
  };
}

function fromAssignmentReply(wire: agent.AssignmentReply): AssignmentReply {
  const kind = 'assignment-reply';
  const ref = fromRef(wire.ref, 'assignment_reply.ref');
  const answer = required(wire.answer, 'assignment_reply.answer');
  switch (answer.$case) {
    case 'accepted': {
      const { presentBytes, presentSegments } = answer.value;
      return compact<Extract<AssignmentReply, { accepted: true }>>({
        kind,
        ref,
        accepted: true,
        presentBytes: count(presentBytes, 'assignment_reply.accepted.present_bytes'),
        presentSegments: count(presentSegments, 'assignment_reply.accepted.present_segments'),
      });
    }
    case 'declined':
      return compact<Extract<AssignmentReply, { accepted: false }>>({
        kind,
        ref,
        accepted: false,
        code: given(answer.value.code, 'assignment_reply.declined.code'),
        reason: answer.value.reason,
      });
  }
}

function toProgress(progress: Progress): CompleteWire<agent.Progress> {
  const { waiting } = progress;
  return {
    ref: toRef(progress.ref),
    state: heldStates.toWire(progress.state),
    percent: progress.percent,
    framesDone: progress.framesDone,
    framesTotal: progress.framesTotal,
    eta: toOptionalDuration(progress.etaMs),
    waiting: waiting && { reason: waiting.reason, waited: toDuration(waiting.waitedMs) },
  };
}

function fromProgress(wire: agent.Progress): Progress {
  return compact<Progress>({
    kind: 'progress',
    ref: fromRef(wire.ref, 'progress.ref'),
    state: heldStates.fromWire(wire.state, 'progress.state'),
    percent: count(wire.percent, 'progress.percent', 0, 100),
    framesDone: count(wire.framesDone, 'progress.frames_done'),
    framesTotal: count(wire.framesTotal, 'progress.frames_total'),
    etaMs: fromOptionalDuration(wire.eta, 'progress.eta'),
    waiting: wire.waiting && {
      reason: wire.waiting.reason,
      waitedMs: fromDuration(wire.waiting.waited, 'progress.waiting.waited'),
    },
  });
}

function toRecalled(recalled: Recalled): CompleteWire<agent.Recalled> {
  return {
    ref: toRef(recalled.ref),
    assign: recalled.assign && toAssign(recalled.assign),
    held: recalled.held && toHeld(recalled.held),
  };
}

function fromRecalled(wire: agent.Recalled): Recalled {
  return compact<Recalled>({
    kind: 'recalled',
    ref: fromRef(wire.ref, 'recalled.ref'),
    assign: wire.assign && fromAssign(wire.assign, 'recalled.assign'),
    held: wire.held && fromHeld(wire.held, 'recalled.held'),
  });
}

function fromHostChecked({ checkId, ok, detail }: agent.HostChecked): HostChecked {
  const checked = { checkId: id(checkId, 'host_checked.check_id'), ok, detail };
  return compact<HostChecked>({ kind: 'host-checked', ...checked });
}

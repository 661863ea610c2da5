import type {
  Announce,
  Cancel,
  CheckHost,
  ControllerGoodbye,
  ControllerMessage,
  Discard,
  EventAck,
  HeartbeatAck,
  Probe,
  PublishGrant,
  PublishRefused,
  Recall,
  SetMode,
  Welcome,
  Withdraw,
} from '../agent-link.ts';
import * as agent from '../gen/renderfarm/v1/agent.ts';
import { fromAssign, toAssign } from './assign.ts';
import type { CompleteWire } from './complete.ts';
import { compact } from './complete.ts';
import { agentModes, cancelModes, controllerGoodbyeReasons, outcomes } from './enums.ts';
import { fromLookAtFiles, toLookAtFiles } from './files.ts';
import {
  fromAssignItem,
  fromCancelItem,
  fromItemAssigned,
  fromItemEnded,
  fromReleaseItems,
  toAssignItem,
  toItemAssigned,
  toItemEnded,
  toItemRef,
  toReleaseItems,
} from './items.ts';
import { fromAnnulPublish, fromFinishPublish, toPublication } from './publication.ts';
import { count, given, id, list, optionalText, texts } from './read.ts';
import { fromAskSources, toAskSources } from './sources.ts';
import { fromDuration, fromOptionalDuration, toDuration, toOptionalDuration } from './time.ts';
import type { Decoded } from './unknown-message.ts';
import { decodeEnvelope } from './unknown-message.ts';
import { fromStopOutcome, fromVerdict, toVerdict } from './verdict.ts';
import { fromItem, fromRef, itemsMax, toItem, toRef } from './work.ts';

const verdictsMax = 1_000;
/** More kinds of failure, or shares, than this no host has. */
const causesMax = 256;

type WireMessage = NonNullable<agent.AttachResponse['message']>;

/** The bytes of a controller's message as they cross the stream. */
export function encodeControllerMessage(message: ControllerMessage): Buffer {
  return Buffer.from(agent.AttachResponse.encode({ message: toWire(message) }).finish());
}

/**
 * A controller's message from its bytes; a kind that this build does not know is named, not refused.
 * @throws DecodeError
 */
export function decodeControllerMessage(bytes: Uint8Array): Decoded<ControllerMessage> {
  return decodeEnvelope(agent.AttachResponse, bytes, fromWire);
}

function toWire(message: ControllerMessage): WireMessage {
  switch (message.kind) {
    case 'welcome':
      return { $case: 'welcome', value: toWelcome(message) };
    case 'assign':
      return { $case: 'assign', value: toAssign(message) };
    case 'announce':
      return { $case: 'announce', value: toAnnounce(message) };
    case 'ask-sources':
      return { $case: 'askSources', value: toAskSources(message) };
    case 'withdraw':
      return {
        $case: 'withdraw',
        value: { announcementId: message.announcementId, jobId: message.jobId },
      };
    case 'cancel':
      return { $case: 'cancel', value: toCancel(message) };
    case 'publish-grant':
      return {
        $case: 'publishGrant',
        value: { ref: toRef(message.ref), finalName: message.finalName },
      };
    case 'publish-refused':
      return { $case: 'publishRefused', value: { ref: toRef(message.ref), reason: message.reason } };
    case 'finish-publish':
      return { $case: 'finishPublish', value: toPublication(message) };
    case 'annul-publish':
      return { $case: 'annulPublish', value: toPublication(message) };
    case 'recall':
      return { $case: 'recall', value: { ref: toRef(message.ref) } };
    case 'set-mode':
      return { $case: 'setMode', value: toSetMode(message) };
    case 'check-host':
      return {
        $case: 'checkHost',
        value: { checkId: message.checkId, causes: message.causes, shares: message.shares },
      };
    case 'discard':
      return {
        $case: 'discard',
        value: { ref: toRef(message.ref), stagingFolder: message.stagingFolder },
      };
    case 'event-ack':
      return { $case: 'eventAck', value: { number: message.number } };
    case 'heartbeat-ack':
      return { $case: 'heartbeatAck', value: { sequence: message.sequence, term: message.term } };
    case 'probe':
      return { $case: 'probe', value: { probeId: message.probeId } };
    case 'release-items':
      return { $case: 'releaseItems', value: toReleaseItems(message) };
    case 'assign-item':
      return { $case: 'assignItem', value: toAssignItem(message) };
    case 'cancel-item':
      return { $case: 'cancelItem', value: { item: toItemRef(message.item), reason: message.reason } };
    case 'item-assigned':
      return { $case: 'itemAssigned', value: toItemAssigned(message) };
    case 'item-ended':
      return { $case: 'itemEnded', value: toItemEnded(message) };
    case 'look-at-files':
      return { $case: 'lookAtFiles', value: toLookAtFiles(message) };
    case 'goodbye':
      return { $case: 'goodbye', value: toGoodbye(message) };
  }
}

function fromWire(message: WireMessage): ControllerMessage {
  switch (message.$case) {
    case 'welcome':
      return fromWelcome(message.value);
    case 'assign':
      return fromAssign(message.value);
    case 'askSources':
      return fromAskSources(message.value);
    case 'announce':
      return fromAnnounce(message.value);
    case 'withdraw':
      return fromWithdraw(message.value);
    case 'cancel':
      return fromCancel(message.value);
    case 'publishGrant':
      return compact<PublishGrant>({
        kind: 'publish-grant',
        ref: fromRef(message.value.ref, 'publish_grant.ref'),
        finalName: given(message.value.finalName, 'publish_grant.final_name'),
      });
    case 'publishRefused':
      return compact<PublishRefused>({
        kind: 'publish-refused',
        ref: fromRef(message.value.ref, 'publish_refused.ref'),
        reason: message.value.reason,
      });
    case 'finishPublish':
      return fromFinishPublish(message.value);
    case 'annulPublish':
      return fromAnnulPublish(message.value);
    case 'recall':
      return compact<Recall>({ kind: 'recall', ref: fromRef(message.value.ref, 'recall.ref') });
    case 'setMode':
      return fromSetMode(message.value);
    case 'checkHost':
      return fromCheckHost(message.value);
    case 'discard':
      return compact<Discard>({
        kind: 'discard',
        ref: fromRef(message.value.ref, 'discard.ref'),
        stagingFolder: given(message.value.stagingFolder, 'discard.staging_folder'),
      });
    case 'eventAck':
      return fromEventAck(message.value);
    case 'heartbeatAck':
      return compact<HeartbeatAck>({
        kind: 'heartbeat-ack',
        sequence: count(message.value.sequence, 'heartbeat_ack.sequence'),
        term: count(message.value.term, 'heartbeat_ack.term'),
      });
    case 'probe':
      return compact<Probe>({ kind: 'probe', probeId: id(message.value.probeId, 'probe.probe_id') });
    case 'releaseItems':
      return fromReleaseItems(message.value);
    case 'assignItem':
      return fromAssignItem(message.value);
    case 'cancelItem':
      return fromCancelItem(message.value);
    case 'itemAssigned':
      return fromItemAssigned(message.value);
    case 'itemEnded':
      return fromItemEnded(message.value);
    case 'lookAtFiles':
      return fromLookAtFiles(message.value);
    case 'goodbye':
      return fromGoodbye(message.value);
  }
}

function fromWithdraw({ announcementId, jobId }: agent.Withdraw): Withdraw {
  return compact<Withdraw>({
    kind: 'withdraw',
    announcementId: id(announcementId, 'withdraw.announcement_id'),
    jobId: id(jobId, 'withdraw.job_id'),
  });
}

function toWelcome(welcome: Welcome): CompleteWire<agent.Welcome> {
  return {
    farmId: welcome.farmId,
    term: welcome.term,
    leaderId: welcome.leaderId,
    sessionId: welcome.sessionId,
    protocolVersion: welcome.protocolVersion,
    heartbeatInterval: toDuration(welcome.heartbeatMs),
    progressMinInterval: toDuration(welcome.progressMinMs),
    progressMaxInterval: toDuration(welcome.progressMaxMs),
    ackedEvent: welcome.ackedEvent,
    verdicts: welcome.verdicts.map(toVerdict),
  };
}

function fromWelcome(wire: agent.Welcome): Welcome {
  return compact<Welcome>({
    kind: 'welcome',
    farmId: id(wire.farmId, 'welcome.farm_id'),
    term: count(wire.term, 'welcome.term'),
    leaderId: id(wire.leaderId, 'welcome.leader_id'),
    sessionId: id(wire.sessionId, 'welcome.session_id'),
    protocolVersion: count(wire.protocolVersion, 'welcome.protocol_version'),
    heartbeatMs: fromDuration(wire.heartbeatInterval, 'welcome.heartbeat_interval'),
    progressMinMs: fromDuration(wire.progressMinInterval, 'welcome.progress_min_interval'),
    progressMaxMs: fromDuration(wire.progressMaxInterval, 'welcome.progress_max_interval'),
    ackedEvent: count(wire.ackedEvent, 'welcome.acked_event'),
    verdicts: list(wire.verdicts, 'welcome.verdicts', verdictsMax, fromVerdict),
  });
}

function toAnnounce(announce: Announce): CompleteWire<agent.Announce> {
  return {
    announcementId: announce.announcementId,
    jobId: announce.jobId,
    channelName: announce.channelName,
    items: announce.items.map(toItem),
  };
}

function fromAnnounce(wire: agent.Announce): Announce {
  return compact<Announce>({
    kind: 'announce',
    announcementId: id(wire.announcementId, 'announce.announcement_id'),
    jobId: id(wire.jobId, 'announce.job_id'),
    channelName: wire.channelName,
    items: list(wire.items, 'announce.items', itemsMax, fromItem),
  });
}

function toCancel(cancel: Cancel): CompleteWire<agent.Cancel> {
  return {
    ref: toRef(cancel.ref),
    mode: cancelModes.toWire(cancel.mode),
    grace: toDuration(cancel.graceMs),
    reason: cancel.reason,
    outcome: outcomes.toWire(cancel.outcome),
  };
}

function fromCancel(wire: agent.Cancel): Cancel {
  return compact<Cancel>({
    kind: 'cancel',
    ref: fromRef(wire.ref, 'cancel.ref'),
    mode: cancelModes.fromWire(wire.mode, 'cancel.mode'),
    graceMs: fromDuration(wire.grace, 'cancel.grace'),
    reason: wire.reason,
    outcome: fromStopOutcome(wire.outcome, 'cancel.outcome'),
  });
}

function toSetMode(setMode: SetMode): CompleteWire<agent.SetMode> {
  return {
    mode: agentModes.toWire(setMode.mode),
    deadline: toOptionalDuration(setMode.deadlineMs),
    reason: setMode.reason,
  };
}

function fromSetMode(wire: agent.SetMode): SetMode {
  return compact<SetMode>({
    kind: 'set-mode',
    mode: agentModes.fromWire(wire.mode, 'set_mode.mode'),
    deadlineMs: fromOptionalDuration(wire.deadline, 'set_mode.deadline'),
    reason: wire.reason,
  });
}

function fromCheckHost(wire: agent.CheckHost): CheckHost {
  return compact<CheckHost>({
    kind: 'check-host',
    checkId: id(wire.checkId, 'check_host.check_id'),
    causes: texts(wire.causes, 'check_host.causes', causesMax),
    shares: texts(wire.shares, 'check_host.shares', causesMax),
  });
}

function fromEventAck({ number }: agent.EventAck): EventAck {
  return compact<EventAck>({ kind: 'event-ack', number: count(number, 'event_ack.number') });
}

function toGoodbye(goodbye: ControllerGoodbye): CompleteWire<agent.ControllerGoodbye> {
  return {
    reason: controllerGoodbyeReasons.toWire(goodbye.reason),
    comeBackAfter: toDuration(goodbye.comeBackAfterMs),
    address: goodbye.address ?? '',
  };
}

function fromGoodbye(wire: agent.ControllerGoodbye): ControllerGoodbye {
  return compact<ControllerGoodbye>({
    kind: 'goodbye',
    reason: controllerGoodbyeReasons.fromWire(wire.reason, 'goodbye.reason'),
    comeBackAfterMs: fromDuration(wire.comeBackAfter, 'goodbye.come_back_after'),
    address: optionalText(wire.address),
  });
}

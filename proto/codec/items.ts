import type * as agent from '../gen/renderfarm/v1/agent.ts';
import type {
  AssignItem,
  CancelItem,
  ItemAssigned,
  ItemEnded,
  ItemFinished,
  ItemRef,
  ItemsReclaimed,
  ItemsReleased,
  JoinClass,
  ReleasedItem,
  ReleaseItems,
} from '../item-link.ts';
import { fromAssignedJob, toAssignedJob } from './assign.ts';
import type { CompleteWire } from './complete.ts';
import { compact } from './complete.ts';
import { itemResults, rateProfiles, reclaimReasons } from './enums.ts';
import { count, given, id, list, optionalText, required } from './read.ts';
import { fromDuration, toDuration } from './time.ts';
import { fromFence, fromRef, itemsMax, toRef } from './work.ts';

const int32Max = 2 ** 31 - 1;

export function toItemRef({ ref, position, right }: ItemRef): CompleteWire<agent.ItemRef> {
  return { ref: toRef(ref), position, right };
}

export function fromItemRef(wire: agent.ItemRef | undefined, field: string): ItemRef {
  const item = required(wire, field);
  return compact<ItemRef>({
    ref: fromRef(item.ref, `${field}.ref`),
    position: position(item.position, `${field}.position`),
    right: fromFence(item.right, `${field}.right`),
  });
}

export function toJoinClass(joinClass: JoinClass): CompleteWire<agent.JoinClass> {
  const { enable4k, rateProfile } = joinClass;
  return { enable4k, rateProfile: rateProfiles.toWire(rateProfile), id: joinClass.id };
}

export function fromJoinClass(wire: agent.JoinClass, field: string): JoinClass {
  return compact<JoinClass>({
    enable4k: wire.enable4k,
    rateProfile: rateProfiles.fromWire(wire.rateProfile, `${field}.rate_profile`),
    id: id(wire.id, `${field}.id`),
  });
}

export function toReleaseItems(ask: ReleaseItems): CompleteWire<agent.ReleaseItems> {
  return { ref: toRef(ask.ref), itemsMax: ask.itemsMax, outputMax: toDuration(ask.outputMaxMs) };
}

export function fromReleaseItems(wire: agent.ReleaseItems): ReleaseItems {
  return compact<ReleaseItems>({
    kind: 'release-items',
    ref: fromRef(wire.ref, 'release_items.ref'),
    itemsMax: count(wire.itemsMax, 'release_items.items_max', 0, itemsMax),
    outputMaxMs: fromDuration(wire.outputMax, 'release_items.output_max'),
  });
}

export function toAssignItem(assign: AssignItem): CompleteWire<agent.AssignItem> {
  return {
    item: toItemRef(assign.item),
    job: toAssignedJob(assign.job),
    frames: assign.frames,
    segmentKey: assign.segmentKey,
    run: toDuration(assign.runMs),
    stall: toDuration(assign.stallMs),
    startStall: toDuration(assign.startStallMs),
  };
}

export function fromAssignItem(wire: agent.AssignItem): AssignItem {
  return compact<AssignItem>({
    kind: 'assign-item',
    item: fromItemRef(wire.item, 'assign_item.item'),
    job: fromAssignedJob(required(wire.job, 'assign_item.job'), 'assign_item.job'),
    frames: count(wire.frames, 'assign_item.frames'),
    segmentKey: given(wire.segmentKey, 'assign_item.segment_key'),
    runMs: fromDuration(wire.run, 'assign_item.run'),
    stallMs: fromDuration(wire.stall, 'assign_item.stall'),
    startStallMs: fromDuration(wire.startStall, 'assign_item.start_stall'),
  });
}

export function fromCancelItem(wire: agent.CancelItem): CancelItem {
  return compact<CancelItem>({
    kind: 'cancel-item',
    item: fromItemRef(wire.item, 'cancel_item.item'),
    reason: wire.reason,
  });
}

export function toItemAssigned(told: ItemAssigned): CompleteWire<agent.ItemAssigned> {
  return { item: toItemRef(told.item), agentId: told.agentId, endsIn: toDuration(told.endsInMs) };
}

export function fromItemAssigned(wire: agent.ItemAssigned): ItemAssigned {
  return compact<ItemAssigned>({
    kind: 'item-assigned',
    item: fromItemRef(wire.item, 'item_assigned.item'),
    agentId: id(wire.agentId, 'item_assigned.agent_id'),
    endsInMs: fromDuration(wire.endsIn, 'item_assigned.ends_in'),
  });
}

export function toItemEnded(ended: ItemEnded): CompleteWire<agent.ItemEnded> {
  return {
    item: toItemRef(ended.item),
    agentId: ended.agentId,
    isDone: ended.isDone,
    reason: ended.reason,
  };
}

export function fromItemEnded(wire: agent.ItemEnded): ItemEnded {
  return compact<ItemEnded>({
    kind: 'item-ended',
    item: fromItemRef(wire.item, 'item_ended.item'),
    agentId: id(wire.agentId, 'item_ended.agent_id'),
    isDone: wire.isDone,
    reason: wire.reason,
  });
}

export function toItemsReleased(released: ItemsReleased): CompleteWire<agent.ItemsReleased> {
  return { ref: toRef(released.ref), items: released.items.map((item) => ({ ...item })) };
}

export function fromItemsReleased(wire: agent.ItemsReleased): ItemsReleased {
  return compact<ItemsReleased>({
    kind: 'items-released',
    ref: fromRef(wire.ref, 'items_released.ref'),
    items: list(wire.items, 'items_released.items', itemsMax, fromReleasedItem),
  });
}

function fromReleasedItem(wire: agent.ReleasedItem, field: string): ReleasedItem {
  return compact<ReleasedItem>({
    position: position(wire.position, `${field}.position`),
    frames: count(wire.frames, `${field}.frames`, 1),
    sourceBytes: count(wire.sourceBytes, `${field}.source_bytes`),
    segmentKey: id(wire.segmentKey, `${field}.segment_key`),
  });
}

export function toItemsReclaimed(reclaimed: ItemsReclaimed): CompleteWire<agent.ItemsReclaimed> {
  return {
    ref: toRef(reclaimed.ref),
    positions: reclaimed.positions,
    why: reclaimReasons.toWire(reclaimed.why),
  };
}

export function fromItemsReclaimed(wire: agent.ItemsReclaimed): ItemsReclaimed {
  return compact<ItemsReclaimed>({
    kind: 'items-reclaimed',
    ref: fromRef(wire.ref, 'items_reclaimed.ref'),
    positions: list(wire.positions, 'items_reclaimed.positions', itemsMax, position),
    why: reclaimReasons.fromWire(wire.why, 'items_reclaimed.why'),
  });
}

export function toItemFinished(finished: ItemFinished): CompleteWire<agent.ItemFinished> {
  return {
    item: toItemRef(finished.item),
    result: itemResults.toWire(finished.result),
    reused: finished.reused,
    framesEncoded: finished.framesEncoded,
    code: finished.code ?? '',
    message: finished.message ?? '',
  };
}

export function fromItemFinished(wire: agent.ItemFinished): ItemFinished {
  return compact<ItemFinished>({
    kind: 'item-finished',
    item: fromItemRef(wire.item, 'item_finished.item'),
    result: itemResults.fromWire(wire.result, 'item_finished.result'),
    reused: wire.reused,
    framesEncoded: count(wire.framesEncoded, 'item_finished.frames_encoded'),
    code: optionalText(wire.code),
    message: optionalText(wire.message),
  });
}

function position(value: number, field: string): number {
  return count(value, field, 0, int32Max);
}

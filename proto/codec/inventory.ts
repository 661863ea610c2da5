import type { ClassSpeed, EncoderCapability, GpuFacts, Inventory } from '../agent-link.ts';
import type * as agent from '../gen/renderfarm/v1/agent.ts';
import type { CompleteWire } from './complete.ts';
import { compact } from './complete.ts';
import { frameSizes } from './enums.ts';
import { fromJoinClass, toJoinClass } from './items.ts';
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

/** No PC of a farm has more GPUs, encoders, queues, labels or shares than this. */
const entriesMax = 256;
const slotsMax = 64;

export function toInventory(inventory: Inventory): CompleteWire<agent.Inventory> {
  return {
    hostname: inventory.hostname,
    os: inventory.os,
    cpuModel: inventory.cpuModel,
    cpuCores: inventory.cpuCores,
    memoryBytes: inventory.memoryBytes,
    gpus: inventory.gpus.map(toGpu),
    encoders: inventory.encoders.map(toEncoder),
    ffmpegVersion: inventory.ffmpegVersion,
    scratchFreeBytes: inventory.scratchFreeBytes,
    queues: inventory.queues,
    slots: inventory.slots,
    labels: inventory.labels,
    shares: inventory.shares,
    shareIds: inventory.shareIds,
    speeds: inventory.speeds,
    concurrentSpeeds: inventory.concurrentSpeeds,
    copyBytesPerSecond: inventory.copyBytesPerSecond,
    scratchAvailableBytes: inventory.scratchAvailableBytes,
    segmentCacheId: inventory.segmentCacheId ?? '',
    joinClasses: (inventory.joinClasses ?? []).map(toJoinClass),
  };
}

export function fromInventory(wire: agent.Inventory | undefined, field: string): Inventory {
  const inventory = required(wire, field);
  return compact<Inventory>({
    hostname: inventory.hostname,
    os: inventory.os,
    cpuModel: inventory.cpuModel,
    cpuCores: count(inventory.cpuCores, `${field}.cpu_cores`),
    memoryBytes: count(inventory.memoryBytes, `${field}.memory_bytes`),
    gpus: list(inventory.gpus, `${field}.gpus`, entriesMax, fromGpu),
    encoders: list(inventory.encoders, `${field}.encoders`, entriesMax, fromEncoder),
    ffmpegVersion: inventory.ffmpegVersion,
    scratchFreeBytes: count(inventory.scratchFreeBytes, `${field}.scratch_free_bytes`),
    queues: texts(inventory.queues, `${field}.queues`, entriesMax),
    slots: count(inventory.slots, `${field}.slots`, 0, slotsMax),
    labels: texts(inventory.labels, `${field}.labels`, entriesMax),
    shares: texts(inventory.shares, `${field}.shares`, entriesMax),
    shareIds: list(inventory.shareIds, `${field}.share_ids`, entriesMax, fromShareId),
    speeds: list(inventory.speeds, `${field}.speeds`, entriesMax, fromSpeed),
    concurrentSpeeds: list(inventory.concurrentSpeeds, `${field}.concurrent_speeds`, slotsMax, measure),
    copyBytesPerSecond: measure(inventory.copyBytesPerSecond, `${field}.copy_bytes_per_second`),
    scratchAvailableBytes: optionalCount(inventory.scratchAvailableBytes, `${field}.scratch_available_bytes`),
    segmentCacheId: optionalText(inventory.segmentCacheId),
    joinClasses: some(list(inventory.joinClasses, `${field}.join_classes`, entriesMax, fromJoinClass)),
  });
}

function fromSpeed(wire: agent.ClassSpeed, field: string): ClassSpeed {
  return {
    workClass: id(wire.workClass, `${field}.work_class`),
    speed: measure(wire.speed, `${field}.speed`),
    runs: count(wire.runs, `${field}.runs`),
  };
}

function fromShareId(wire: agent.ShareIdentity, field: string): Inventory['shareIds'][number] {
  return { share: id(wire.share, `${field}.share`), id: id(wire.id, `${field}.id`) };
}

function toGpu(gpu: GpuFacts): CompleteWire<agent.Gpu> {
  const { index, name, driver, memoryBytes, slots, sessions } = gpu;
  return { index, name, driver, memoryBytes, slots, sessions };
}

function fromGpu(wire: agent.Gpu, field: string): GpuFacts {
  return compact<GpuFacts>({
    index: count(wire.index, `${field}.index`),
    name: wire.name,
    driver: wire.driver,
    memoryBytes: count(wire.memoryBytes, `${field}.memory_bytes`),
    slots: count(wire.slots, `${field}.slots`, 0, slotsMax),
    sessions: count(wire.sessions, `${field}.sessions`),
  });
}

function toEncoder(encoder: EncoderCapability): CompleteWire<agent.EncoderCapability> {
  return {
    encoder: encoder.encoder,
    rung: encoder.rung,
    hardware: encoder.hardware,
    max: frameSizes.toWire(encoder.max),
    framesPerSecond: encoder.framesPerSecond,
    sessionsProbed: encoder.sessionsProbed,
  };
}

function fromEncoder(wire: agent.EncoderCapability, field: string): EncoderCapability {
  return compact<EncoderCapability>({
    encoder: given(wire.encoder, `${field}.encoder`),
    rung: wire.rung,
    hardware: wire.hardware,
    max: frameSizes.fromWire(wire.max, `${field}.max`),
    framesPerSecond: measure(wire.framesPerSecond, `${field}.frames_per_second`),
    sessionsProbed: count(wire.sessionsProbed, `${field}.sessions_probed`),
  });
}

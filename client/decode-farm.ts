import {
  attemptStateNames,
  type farmWire,
  frameSizes,
  fromOptionalDuration,
  livenessNames,
} from '../proto/index.ts';
import { present } from './present.ts';
import type { AgentView, HeldJobView, QueueView } from './views.ts';

export function decodeAgent(agent: farmWire.Agent): AgentView {
  const { inventory } = agent;
  return {
    agentId: agent.agentId,
    liveness: livenessNames.fromWire(agent.liveness, 'liveness'),
    softwareVersion: agent.softwareVersion,
    hostname: inventory?.hostname ?? '',
    os: inventory?.os ?? '',
    gpus: (inventory?.gpus ?? []).map((gpu) => gpu.name),
    encoders: (inventory?.encoders ?? []).map((encoder) => ({
      encoder: encoder.encoder,
      hardware: encoder.hardware,
      maxFrame: frameSizes.fromWire(encoder.max, 'encoder.max'),
      framesPerSecond: encoder.framesPerSecond,
    })),
    ffmpegVersion: inventory?.ffmpegVersion ?? '',
    queues: inventory?.queues ?? [],
    labels: inventory?.labels ?? [],
    shares: inventory?.shares ?? [],
    slots: agent.slots,
    slotsBusy: agent.slotsBusy,
    held: agent.held.map(decodeHeld),
    announcedJobIds: agent.announcedJobIds,
    ...present('attachedAt', agent.attachedAt),
    ...present('silenceMs', fromOptionalDuration(agent.silence, 'silence')),
    loadAverage1m: agent.load1,
    scratchFreeBytes: agent.scratchFreeBytes,
  };
}

export function decodeQueue(queue: farmWire.Queue): QueueView {
  return {
    name: queue.name,
    waiting: queue.waiting,
    processing: queue.processing,
    agentsSubscribed: queue.agentsSubscribed,
    agentsAttached: queue.agentsAttached,
    ...present('softRunLimitMs', fromOptionalDuration(queue.softRunLimit, 'soft_run_limit')),
    ...present('hardRunLimitMs', fromOptionalDuration(queue.hardRunLimit, 'hard_run_limit')),
    ...present('oldestWaitMs', fromOptionalDuration(queue.oldestWait, 'oldest_wait')),
  };
}

function decodeHeld(held: farmWire.HeldJob): HeldJobView {
  return {
    jobId: held.jobId,
    state: attemptStateNames.fromWire(held.state, 'held.state'),
    progressPercent: held.progressPercent,
    ...present('etaMs', fromOptionalDuration(held.eta, 'eta')),
  };
}

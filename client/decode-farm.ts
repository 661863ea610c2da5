import {
  agentModes,
  attemptStateNames,
  controllerRoles,
  type farmWire,
  frameSizes,
  fromOptionalDuration,
  jobStateNames,
  livenessNames,
} from '../proto/index.ts';
import type { AgentOrderView, SicknessView } from './agent-order-views.ts';
import { RenderfarmError } from './errors.ts';
import type { ControllerStatusView, FarmStatusView, OutboxView } from './farm-views.ts';
import { present } from './present.ts';
import type { AgentView, HeldJobView, QueuePauseView, QueueView } from './views.ts';

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
    ...present('roomBytes', agent.roomBytes),
    speeds: inventory?.speeds ?? [],
    forecastErrors: agent.forecastErrors,
    // A controller of an earlier release knows no modes.
    mode: agentModes.optionalFromWire(agent.mode, 'mode') ?? 'active',
    ...present('order', agent.order && decodeOrder(agent.order)),
    ...present('sickness', agent.sickness && decodeSickness(agent.sickness)),
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
    ...present('weight', queue.weight || undefined),
    ...present('runningMax', queue.runningMax || undefined),
    ...present('jobsMax', queue.jobsMax || undefined),
    ...present('pause', queue.pause && decodePause(queue.pause)),
  };
}

function decodePause({ reason, by, since }: farmWire.QueuePause): QueuePauseView {
  return { ...present('reason', reason), ...present('by', by), ...present('since', since) };
}

export function decodeStatus(reply: farmWire.GetFarmStatusResponse): FarmStatusView {
  return {
    controller: decodeController(reply.controller),
    ...present('farmId', reply.farmId),
    jobs: reply.jobs.map(({ state, count }) => ({
      state: jobStateNames.fromWire(state, 'jobs.state'),
      count,
    })),
    ...present('agents', reply.agents),
    alarms: reply.alarms.map(({ at, event, fields }) => ({ ...present('at', at), event, fields })),
    outbox: reply.outbox.map(decodeOutbox),
  };
}

function decodeOutbox(outbox: farmWire.OutboxStatus): OutboxView {
  const { destination, rows, refused, oldestSince, awaySince, lastError, refusals } = outbox;
  return {
    destination,
    rows,
    refused,
    ...present('oldestSince', oldestSince),
    ...present('awaySince', awaySince),
    ...present('lastError', lastError),
    refusals: refusals.map(({ jobId, reason, since, nextTry }) => ({
      jobId,
      reason,
      ...present('since', since),
      ...present('nextTry', nextTry),
    })),
  };
}

function decodeController(status: farmWire.ControllerStatus | undefined): ControllerStatusView {
  if (status === undefined) {
    throw new RenderfarmError('UNEXPECTED_REPLY', 'the controller did not say how it stands');
  }
  return {
    role: controllerRoles.fromWire(status.role, 'role'),
    ...present('since', status.since),
    serving: status.serving,
    shadow: status.shadow,
    ...present('leaderId', status.leaderId),
    ...present('term', status.term === 0 ? undefined : status.term),
    leaderAddresses: status.leaderAddresses,
    ...present('durability', status.durability),
    ...present('recoveryUntil', status.recoveryUntil),
    ...present('lastCommitAgeMs', fromOptionalDuration(status.lastCommitAge, 'last_commit_age')),
  };
}

function decodeOrder(order: farmWire.AgentOrder): AgentOrderView {
  return {
    ...present('reason', order.reason),
    ...present('by', order.by),
    ...present('since', order.since),
    ...present('until', order.until),
    drained: order.drained,
  };
}

function decodeSickness(sickness: farmWire.Sickness): SicknessView {
  return {
    reason: sickness.reason,
    ...present('since', sickness.since),
    checks: sickness.checks,
    ...present('nextCheck', sickness.nextCheck),
    ...present('finding', sickness.finding),
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

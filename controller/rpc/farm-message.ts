import {
  agentModes,
  attemptStateNames,
  controllerRoles,
  type farmWire,
  jobStateNames,
  livenessNames,
  toDuration,
  toInventory,
  toOptionalDuration,
  toOptionalTimestamp,
  toTimestamp,
} from '../../proto/index.ts';
import type {
  AgentView,
  AlarmView,
  ControllerStatus,
  FarmSummary,
  OutboxView,
  QueueView,
} from '../engine/farm.ts';

/** An agent as people see it. */
export function toAgent(agent: AgentView): farmWire.Agent {
  return {
    agentId: agent.agentId,
    instanceId: agent.instanceId,
    liveness: livenessNames.toWire(agent.liveness),
    softwareVersion: agent.softwareVersion,
    inventory: agent.inventory && toInventory(agent.inventory),
    slots: agent.inventory?.slots ?? 0,
    slotsBusy: agent.slotsBusy,
    held: agent.held.map(({ jobId, fence, state, percent, etaMs }) => ({
      jobId,
      fence,
      state: attemptStateNames.toWire(state),
      progressPercent: Math.floor(percent),
      eta: toOptionalDuration(etaMs),
    })),
    announcedJobIds: agent.announcedJobIds,
    attachedAt: toOptionalTimestamp(agent.attachedAtMs),
    silence: toDuration(agent.silenceMs),
    load1: agent.load1,
    scratchFreeBytes: agent.scratchFreeBytes,
    mode: agentModes.toWire(agent.mode),
    order: agent.ordered && toOrder(agent.ordered, agent.held.length),
    sickness: agent.sick && toSickness(agent.sick),
    forecastErrors: agent.forecastErrors,
    roomBytes: agent.roomBytes,
  };
}

export function toQueue(queue: QueueView): farmWire.Queue {
  return {
    name: queue.name,
    waiting: queue.waiting,
    processing: queue.processing,
    agentsSubscribed: queue.agentsSubscribed,
    agentsAttached: queue.agentsAttached,
    softRunLimit: toDuration(queue.softRunMs),
    hardRunLimit: toDuration(queue.hardRunMs),
    oldestWait: toDuration(queue.oldestWaitMs),
    weight: queue.weight ?? 0,
    runningMax: queue.runningMax ?? 0,
    jobsMax: queue.jobsMax ?? 0,
    pause: queue.paused && toPause(queue.paused),
  };
}

export function toControllerStatus(status: ControllerStatus): farmWire.ControllerStatus {
  return {
    role: controllerRoles.toWire(status.role),
    since: toTimestamp(status.sinceMs),
    serving: status.serving,
    shadow: status.shadow ?? false,
    leaderId: status.leaderId ?? '',
    term: status.term ?? 0,
    leaderAddresses: status.leaderAddresses,
    durability: status.durability,
    recoveryUntil: toOptionalTimestamp(status.recoveryUntilMs),
    lastCommitAge: toOptionalDuration(status.lastCommitAgeMs),
  };
}

/** Without a summary: what a controller says that does not lead. */
export function toSummary(
  summary: FarmSummary | undefined,
): Omit<farmWire.GetFarmStatusResponse, 'controller'> {
  if (summary === undefined) return { farmId: '', jobs: [], agents: undefined, alarms: [], outbox: [] };
  return {
    farmId: summary.farmId,
    jobs: [...summary.jobs].map(([state, count]) => ({ state: jobStateNames.toWire(state), count })),
    agents: summary.agents,
    alarms: summary.alarms.map(toAlarm),
    outbox: summary.outbox.map(toOutbox),
  };
}

function toOutbox(outbox: OutboxView): farmWire.OutboxStatus {
  return {
    destination: outbox.destination,
    rows: outbox.rows,
    oldestSince: toOptionalTimestamp(outbox.oldestSinceMs),
    awaySince: toOptionalTimestamp(outbox.awaySinceMs),
    lastError: outbox.lastError ?? '',
    refused: outbox.refused,
    refusals: outbox.refusals.map(({ jobId, reason, sinceMs, nextTryAtMs }) => ({
      jobId,
      reason,
      since: toTimestamp(sinceMs),
      nextTry: toTimestamp(nextTryAtMs),
    })),
  };
}

function toPause({ reason, by, sinceMs }: NonNullable<QueueView['paused']>): farmWire.QueuePause {
  return { reason, by, since: toTimestamp(sinceMs) };
}

function toOrder(ordered: NonNullable<AgentView['ordered']>, held: number): farmWire.AgentOrder {
  return {
    reason: ordered.reason,
    by: ordered.by,
    since: toTimestamp(ordered.sinceMs),
    until: toOptionalTimestamp(ordered.untilMs),
    drained: ordered.mode !== 'cordoned' && held === 0,
  };
}

function toSickness(sick: NonNullable<AgentView['sick']>): farmWire.Sickness {
  return {
    reason: sick.reason,
    since: toTimestamp(sick.sinceMs),
    checks: sick.checks,
    nextCheck: toTimestamp(sick.nextCheckAtMs),
    finding: sick.finding ?? '',
  };
}

function toAlarm({ atMs, event, fields }: AlarmView): farmWire.Alarm {
  const texts = Object.entries(fields).map(([name, value]) => [name, String(value)] as const);
  return { at: toTimestamp(atMs), event, fields: Object.fromEntries(texts) };
}

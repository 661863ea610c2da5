import {
  attemptStateNames,
  type FarmServiceServer,
  type farmWire,
  livenessNames,
  toDuration,
  toInventory,
  toOptionalDuration,
  toOptionalTimestamp,
} from '../../proto/index.ts';
import type { AgentView, QueueView } from '../engine/farm.ts';
import type { RpcContext } from './context.ts';
import { toPageRequest } from './page-request.ts';
import { unary } from './unary.ts';

/** FarmService: the farm, for operators. */
export function farmService(context: RpcContext): FarmServiceServer {
  const { farm } = context;
  return {
    listAgents: unary(context, async (request: farmWire.ListAgentsRequest) => {
      const page = await farm.agents(toPageRequest(request));
      return { agents: page.entries.map(toAgent), nextPageToken: page.nextToken };
    }),
    listQueues: unary(context, async () => ({ queues: (await farm.queues()).map(toQueue) })),
  };
}

function toAgent(agent: AgentView): farmWire.Agent {
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
  };
}

function toQueue(queue: QueueView): farmWire.Queue {
  return {
    name: queue.name,
    waiting: queue.waiting,
    processing: queue.processing,
    agentsSubscribed: queue.agentsSubscribed,
    agentsAttached: queue.agentsAttached,
    softRunLimit: toDuration(queue.softRunMs),
    hardRunLimit: toDuration(queue.hardRunMs),
    oldestWait: toDuration(queue.oldestWaitMs),
  };
}

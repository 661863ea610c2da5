import { type FarmServiceServer, type farmWire, fromOptionalDuration } from '../../proto/index.ts';
import { FarmError } from '../domain/errors.ts';
import type { Farm, FarmSummary } from '../engine/farm.ts';
import type { AgentOrder } from '../engine/orders.ts';
import { type AuthenticatedCall, certificateNames } from './certificate-name.ts';
import type { RpcContext } from './context.ts';
import { toAgent, toControllerStatus, toQueue, toSummary } from './farm-message.ts';
import { toJob } from './job-message.ts';
import { checkedName, checkedReason, checkedRequestId, requiredJobId } from './order-fields.ts';
import { badField, toPageRequest } from './page-request.ts';
import { toPlan } from './plan-message.ts';
import { shadowReport } from './shadow-message.ts';
import { unary } from './unary.ts';
import { agentWatch } from './watch-agents.ts';
import { watchStream } from './watch-stream.ts';

/** Longer than anyone waits for a PC to be free; what never ends is a drain. */
const evictDeadlineMsMax = 7 * 24 * 60 * 60 * 1000;

/** FarmService: the farm, for operators. */
export function farmService(context: RpcContext): FarmServiceServer {
  const { farm } = context;
  const watchAgents = agentWatch(farm);
  return {
    listAgents: unary(context, async (request: farmWire.ListAgentsRequest) => {
      const page = await farm.agents(toPageRequest(request));
      return { agents: page.entries.map(toAgent), nextPageToken: page.nextToken };
    }),
    watchAgents: watchStream(context, (_request: farmWire.WatchAgentsRequest, signal) => watchAgents(signal)),
    listQueues: unary(context, async () => ({ queues: (await farm.queues()).map(toQueue) })),
    pauseQueue: queueOrder(context, 'pause'),
    resumeQueue: queueOrder(context, 'resume'),
    getPlan: unary(context, async () => toPlan(await farm.plan())),
    cordonAgent: agentOrder(context, 'cordon'),
    uncordonAgent: agentOrder(context, 'uncordon'),
    drainAgent: agentOrder(context, 'drain'),
    evictAgent: unary(context, async (request: farmWire.EvictAgentRequest, call) => {
      const deadlineMs = fromOptionalDuration(request.deadline, 'deadline') ?? 0;
      if (deadlineMs > evictDeadlineMsMax) throw badField('deadline', 'must be at most 7 days');
      const order = { ...orderOf(request, call), kind: 'evict', deadlineMs } as const;
      return { agent: await ordered(farm, order) };
    }),
    forgetAgent: agentOrder(context, 'forget'),
    getShadowReport: unary(context, (request: farmWire.GetShadowReportRequest) =>
      shadowReport(context, request),
    ),
    getFarmStatus: unary(context, async () => status(farm)),
    annulPublication: unary(context, async (request: farmWire.AnnulPublicationRequest) => {
      const requestId = checkedRequestId(request.requestId);
      const jobId = requiredJobId(request.jobId);
      const reason = checkedReason(request.reason);
      return { job: toJob(await farm.orderJob({ kind: 'annul', requestId, jobId, reason })) };
    }),
    declareShareReplaced: unary(context, async (request: farmWire.DeclareShareReplacedRequest) => {
      const requestId = checkedRequestId(request.requestId);
      const reason = checkedReason(request.reason);
      const share = requiredName(request.share, 'share');
      await farm.orderShare({ kind: 'share-replaced', requestId, share, reason });
      return {};
    }),
  };
}

/** A verb that needs nothing but an agent: every one has the same messages. */
function agentOrder(context: RpcContext, kind: 'cordon' | 'uncordon' | 'drain' | 'forget') {
  return unary(context, async (request: farmWire.CordonAgentRequest, call) => ({
    agent: await ordered(context.farm, { ...orderOf(request, call), kind }),
  }));
}

/** Pausing and resuming have the same messages. */
function queueOrder(context: RpcContext, kind: 'pause' | 'resume') {
  return unary(context, async (request: farmWire.PauseQueueRequest, call) => {
    const queue = requiredName(request.queue, 'queue');
    return { queue: toQueue(await context.farm.orderQueue({ ...whoAndWhy(request, call), queue, kind })) };
  });
}

async function ordered(farm: Farm, order: AgentOrder): Promise<farmWire.Agent | undefined> {
  const agent = await farm.orderAgent(order);
  return agent && toAgent(agent);
}

function orderOf(request: farmWire.CordonAgentRequest, call: AuthenticatedCall) {
  return { ...whoAndWhy(request, call), agentId: requiredName(request.agentId, 'agent_id') };
}

/** What a certificate proves goes before what a caller says of itself. */
function whoAndWhy(
  request: Pick<farmWire.CordonAgentRequest, 'requestId' | 'reason' | 'by'>,
  call: AuthenticatedCall,
) {
  const [proven] = certificateNames(call) ?? [];
  return {
    requestId: checkedRequestId(request.requestId),
    reason: checkedReason(request.reason),
    by: proven ?? checkedName(request.by, 'by'),
  };
}

function requiredName(name: string, field: string): string {
  if (name === '') throw badField(field, 'must be given');
  return checkedName(name, field);
}

async function status(farm: Farm): Promise<farmWire.GetFarmStatusResponse> {
  const summary = await farm.summary().catch(unlessLed);
  return { controller: toControllerStatus(farm.status()), ...toSummary(summary) };
}

/** A controller that does not lead answers for itself only. */
function unlessLed(error: unknown): FarmSummary | undefined {
  if (error instanceof FarmError && error.code === 'NOT_LEADING') return undefined;
  throw error;
}

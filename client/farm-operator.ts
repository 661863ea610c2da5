import { randomUUID } from 'node:crypto';
import { type farmWire, toOptionalDuration } from '../proto/index.ts';
import type { CallControl } from './call-control.ts';
import { decodeAgent, decodeQueue, decodeStatus } from './decode-farm.ts';
import { decodeJob } from './decode-job.ts';
import { decodeShadowReport } from './decode-shadow.ts';
import { RenderfarmError } from './errors.ts';
import type { FarmStatusView } from './farm-views.ts';
import { present } from './present.ts';
import type { ShadowReportView } from './shadow-views.ts';
import type { Start } from './try-once.ts';
import type { AgentView, JobView, QueueView } from './views.ts';

export interface OrderOptions extends CallControl {
  /** Makes a repeated order the same one, for 24 h. @default A new UUID for each call. */
  readonly requestId?: string;
  /** Shown to whoever asks why jobs wait. */
  readonly reason?: string;
  /** Who orders it; a client certificate's name goes before it. */
  readonly by?: string;
}

export interface EvictOptions extends OrderOptions {
  /** What still runs then is stopped. @default 0 */
  readonly deadlineMs?: number;
}

type Call = <Reply, View>(
  start: Start<Reply>,
  decode: (reply: Reply) => View,
  control: CallControl,
) => Promise<View>;

/** What operators order of the farm; made by `RenderfarmClient`. */
export class FarmOperator {
  readonly #call: Call;
  readonly #addresses: number;

  /** @param addresses - How many controllers there may be. */
  constructor(call: Call, addresses: number) {
    this.#call = call;
    this.#addresses = addresses;
  }

  /** Nothing new starts on the agent; what runs goes on. @throws RenderfarmError `AGENT_NOT_FOUND` */
  cordon(agentId: string, options: OrderOptions = {}): Promise<AgentView> {
    const request = orderOf(agentId, options);
    return this.#call(({ farm }, ...rest) => farm.cordonAgent(request, ...rest), decodeOrdered, options);
  }

  /** Ends every order, and takes a sick host for well. @throws RenderfarmError `AGENT_NOT_FOUND` */
  uncordon(agentId: string, options: OrderOptions = {}): Promise<AgentView> {
    const request = orderOf(agentId, options);
    return this.#call(({ farm }, ...rest) => farm.uncordonAgent(request, ...rest), decodeOrdered, options);
  }

  /** Nothing new starts; when nothing runs any more the agent is drained. @throws RenderfarmError `AGENT_NOT_FOUND` */
  drain(agentId: string, options: OrderOptions = {}): Promise<AgentView> {
    const request = orderOf(agentId, options);
    return this.#call(({ farm }, ...rest) => farm.drainAgent(request, ...rest), decodeOrdered, options);
  }

  /** The same, and what still runs at the deadline is requeued. @throws RenderfarmError `AGENT_NOT_FOUND` */
  evict(agentId: string, options: EvictOptions = {}): Promise<AgentView> {
    const request = { ...orderOf(agentId, options), deadline: toOptionalDuration(options.deadlineMs) };
    return this.#call(({ farm }, ...rest) => farm.evictAgent(request, ...rest), decodeOrdered, options);
  }

  /** @throws RenderfarmError `AGENT_IN_USE` while it is attached or holds a job, `AGENT_NOT_FOUND` */
  forget(agentId: string, options: OrderOptions = {}): Promise<void> {
    const request = orderOf(agentId, options);
    return this.#call(
      ({ farm }, ...rest) => farm.forgetAgent(request, ...rest),
      () => undefined,
      options,
    );
  }

  /** No job of the queue starts until it is resumed; what runs goes on. @throws RenderfarmError `QUEUE_NOT_FOUND` */
  pauseQueue(queue: string, options: OrderOptions = {}): Promise<QueueView> {
    const request = { ...whoAndWhy(options), queue };
    return this.#call(({ farm }, ...rest) => farm.pauseQueue(request, ...rest), decodeOrderedQueue, options);
  }

  /** @throws RenderfarmError `QUEUE_NOT_FOUND` */
  resumeQueue(queue: string, options: OrderOptions = {}): Promise<QueueView> {
    const request = { ...whoAndWhy(options), queue };
    return this.#call(({ farm }, ...rest) => farm.resumeQueue(request, ...rest), decodeOrderedQueue, options);
  }

  /**
   * How things stand in the farm, and at the controller that leads it; at one that waits, where as many as there are
   * addresses have answered that they do not lead.
   */
  status(control: CallControl = {}): Promise<FarmStatusView> {
    let waiting = 0;
    const decode = (reply: farmWire.GetFarmStatusResponse) => {
      const view = decodeStatus(reply);
      if (view.controller.role === 'leading') return view;
      waiting += 1;
      if (waiting < this.#addresses) throw leadsNot(view);
      return view;
    };
    return this.#call(({ farm }, ...rest) => farm.getFarmStatus({}, ...rest), decode, control);
  }

  /** What the farm rendered in shadow mode, page by page. @throws RenderfarmError `NOT_IN_SHADOW` */
  async *shadowReports(control: CallControl = {}): AsyncGenerator<ShadowReportView, void, undefined> {
    for (let pageToken: string | undefined = ''; pageToken !== undefined; ) {
      const request = { pageSize: 100, pageToken };
      const page: ShadowReportView = await this.#call(
        ({ farm }, ...rest) => farm.getShadowReport(request, ...rest),
        decodeShadowReport,
        control,
      );
      yield page;
      pageToken = page.nextPageToken === '' ? undefined : page.nextPageToken;
    }
  }

  /**
   * Takes a grant back, when its file can be neither published nor found; what an agent finds on the share decides.
   * @throws RenderfarmError `JOB_NOT_PUBLISHING`
   */
  annulPublication(jobId: string, options: OrderOptions = {}): Promise<JobView> {
    const { requestId, reason } = whoAndWhy(options);
    const request = { requestId, jobId, reason };
    return this.#call(
      ({ farm }, ...rest) => farm.annulPublication(request, ...rest),
      (reply: farmWire.AnnulPublicationResponse) => decodeJob(reply.job),
      options,
    );
  }

  /** The share of this name is another one for good. @throws RenderfarmError `UNKNOWN_SHARE` */
  declareShareReplaced(share: string, options: OrderOptions = {}): Promise<void> {
    const { requestId, reason } = whoAndWhy(options);
    return this.#call(
      ({ farm }, ...rest) => farm.declareShareReplaced({ requestId, share, reason }, ...rest),
      () => undefined,
      options,
    );
  }
}

function orderOf(agentId: string, options: OrderOptions): farmWire.CordonAgentRequest {
  return { ...whoAndWhy(options), agentId };
}

/** Made once: every try of a call is the same request. */
function whoAndWhy({
  requestId = randomUUID(),
  reason = '',
  by = '',
}: OrderOptions): Omit<farmWire.CordonAgentRequest, 'agentId'> {
  return { requestId, reason, by };
}

/** Makes the call go on at the next controller. */
function leadsNot({ controller }: FarmStatusView): RenderfarmError {
  const [leader] = controller.leaderAddresses;
  return new RenderfarmError('NOT_LEADING', 'this controller does not lead the farm', {
    status: 'UNAVAILABLE',
    ...present('leader', leader),
  });
}

function decodeOrdered({ agent }: farmWire.CordonAgentResponse): AgentView {
  if (agent === undefined) {
    throw new RenderfarmError('UNEXPECTED_REPLY', 'the controller sent no agent where one was due');
  }
  return decodeAgent(agent);
}

function decodeOrderedQueue({ queue }: farmWire.PauseQueueResponse): QueueView {
  if (queue === undefined) {
    throw new RenderfarmError('UNEXPECTED_REPLY', 'the controller sent no queue where one was due');
  }
  return decodeQueue(queue);
}

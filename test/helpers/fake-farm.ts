import { FarmError } from '../../controller/domain/errors.ts';
import { type JobRecord, untried } from '../../controller/domain/job.ts';
import type { JobDraft } from '../../controller/domain/job-draft.ts';
import type { LogReads } from '../../controller/domain/log-files.ts';
import type { Answer, PlanView } from '../../controller/engine/explanations.ts';
import type {
  AgentOutlet,
  AgentSession,
  AgentView,
  ControllerStatus,
  Farm,
  FarmSummary,
  JobChange,
  JobDetail,
  JobFilter,
  LogStanding,
  PageRequest,
  QueueView,
  StreamEnd,
  SubmitRequest,
  WatchRequest,
} from '../../controller/engine/farm.ts';
import type { AgentOrder, JobOrder, QueueOrder, ShareOrder } from '../../controller/engine/orders.ts';
import type { Verification } from '../../controller/engine/verification.ts';
import type { HistoryFilter } from '../../controller/history/port.ts';
import type {
  AgentMessage,
  ControllerGoodbye,
  ControllerMessage,
  Fence,
  Hello,
} from '../../proto/agent-link.ts';

/** A session as a fake farm sees it. */
export interface FakeSession {
  readonly hello: Hello;
  readonly outlet: AgentOutlet;
  readonly delivered: AgentMessage[];
  /** Resolves with how the stream ended. */
  readonly ended: Promise<StreamEnd>;
}

type Listener = (serving: boolean) => void;

/** A farm that remembers what it was asked, for tests of what stands before it. */
export class FakeFarm implements Farm {
  readonly submitted: SubmitRequest[] = [];
  readonly verified: JobDraft[] = [];
  verification: Verification = {
    ...{ accepted: true, renderable: true, existed: false, faults: [], items: [] },
    ...{ videoCount: 0, lengthMs: 0, lengthKnown: true },
  };
  /** What lists of jobs were asked for. */
  readonly listed: { readonly filter: JobFilter; readonly page: PageRequest }[] = [];
  /** The same of history. */
  readonly pastListed: { readonly filter: HistoryFilter; readonly page: PageRequest }[] = [];
  readonly orders: (JobOrder | AgentOrder | QueueOrder | ShareOrder)[] = [];
  agentViews: readonly AgentView[] = [];
  /** Whose attempts all are. */
  logOwner = 'pc1';
  logStanding: LogStanding = {
    place: { logDate: '2026-11-22', username: 'ann', channelName: 'Chan', jobId: oneJobId },
    hasEnded: false,
    attemptNumber: 1,
  };
  farmSummary: FarmSummary = {
    farmId: 'farm',
    jobs: new Map([['waiting', 2]]),
    jobsByQueue: [{ queue: 'gpu_queue', state: 'waiting', jobs: 2 }],
    agents: { attached: 1, suspect: 0, detached: 0, closed: 0, sick: 0, slots: 1, slotsBusy: 0 },
    alarms: [],
    outbox: [],
  };
  answer: Answer = {
    summary: 'It waits.',
    placeInOrder: 1,
    order: [],
    agents: [],
    overdue: false,
    basis: '',
  };
  planView: PlanView = { atMs: 1_000, agents: [], blocked: [], waiting: 0, placed: 0 };
  readonly sessions: FakeSession[] = [];
  readonly watches: { readonly request: WatchRequest; readonly signal: AbortSignal }[] = [];
  /** What a watch yields; it then waits for its end. */
  changes: (signal: AbortSignal) => AsyncIterable<JobChange> = endless;
  /** What any unary call throws, where set. */
  failure: Error | undefined;
  /** False: sessions take no message until `makeRoom`. */
  room = true;
  serving = true;
  role: ControllerStatus['role'] = 'leading';
  leaderAddresses: readonly string[] = ['127.0.0.1:7070'];
  readonly #listeners = new Set<Listener>();
  #roomMade = Promise.withResolvers<undefined>();
  #attached = Promise.withResolvers<FakeSession>();

  /** The next session that attaches. */
  nextSession(): Promise<FakeSession> {
    return this.#attached.promise;
  }

  get listenerCount(): number {
    return this.#listeners.size;
  }

  setServing(serving: boolean): void {
    this.serving = serving;
    for (const listener of this.#listeners) listener(serving);
  }

  makeRoom(): void {
    this.room = true;
    this.#roomMade.resolve(undefined);
    this.#roomMade = Promise.withResolvers();
  }

  submit(request: SubmitRequest) {
    this.submitted.push(request);
    const { jobId } = request.spec;
    return this.#answer({ jobId, queue: 'default_queue', routeRule: 'otherwise', existed: false });
  }

  verify(draft: JobDraft): Promise<Verification> {
    this.verified.push(draft);
    return this.#answer(this.verification);
  }

  orderJob(order: JobOrder) {
    this.orders.push(order);
    return this.#answer({ job: jobRecord(order.jobId, 'cancelled'), percent: 12.7 });
  }

  orderAgent(order: AgentOrder) {
    this.orders.push(order);
    return this.#answer(order.kind === 'forget' ? undefined : agentView(order.agentId));
  }

  async orderQueue(order: QueueOrder): Promise<QueueView> {
    this.orders.push(order);
    const [queue] = await this.queues();
    if (queue === undefined) throw new Error('there is no queue');
    const { reason, by } = order;
    return order.kind === 'pause' ? { ...queue, paused: { reason, by, sinceMs: 5_000 } } : queue;
  }

  orderShare(order: ShareOrder) {
    this.orders.push(order);
    return this.#answer(undefined);
  }

  summary() {
    return this.#answer(this.farmSummary);
  }

  job(jobId: string): Promise<JobDetail> {
    const { userId, channelName, enable4k, priority } = jobRecord(jobId);
    const spec = { jobId, userId, channelName, enable4k, priority, items: [] };
    return this.#answer({ job: jobRecord(jobId), percent: 12.7, spec });
  }

  jobs(filter: JobFilter, page: PageRequest) {
    this.listed.push({ filter, page });
    return this.#answer({ entries: [{ job: jobRecord(oneJobId), percent: 0 }], nextToken: 'next' });
  }

  attempts() {
    return this.#answer({ entries: [], nextToken: '' });
  }

  explain(jobId: string) {
    const job = jobRecord(jobId);
    return this.#answer({ job, percent: 0, ...this.answer });
  }

  plan() {
    return this.#answer(this.planView);
  }

  agents() {
    return this.#answer({ entries: this.agentViews, nextToken: '' });
  }

  queues() {
    const queue = {
      name: 'default_queue',
      waiting: 1,
      processing: 0,
      agentsSubscribed: 1,
      agentsAttached: 1,
    };
    return this.#answer([{ ...queue, softRunMs: 10_200_000, hardRunMs: 10_800_000, oldestWaitMs: 1_500 }]);
  }

  watch(request: WatchRequest, signal: AbortSignal): AsyncIterable<JobChange> {
    this.watches.push({ request, signal });
    return this.changes(signal);
  }

  async attach(hello: Hello, outlet: AgentOutlet): Promise<AgentSession> {
    await this.#answer(undefined);
    const end = Promise.withResolvers<StreamEnd>();
    const delivered: AgentMessage[] = [];
    const session: FakeSession = { hello, outlet, delivered, ended: end.promise };
    this.sessions.push(session);
    outlet.send(welcome(this.sessions.length));
    this.#attached.resolve(session);
    this.#attached = Promise.withResolvers();
    return {
      sessionId: String(this.sessions.length),
      deliver: (message) => {
        delivered.push(message);
        return this.room;
      },
      ready: () => this.#roomMade.promise,
      ended: (how) => end.resolve(how),
    };
  }

  logPlace(jobId: string, fence: Fence) {
    const place = {
      logDate: '2026-11-22',
      username: 'ann',
      channelName: 'Chan',
      attemptNumber: fence.counter,
      agentId: this.logOwner,
    };
    return this.#answer(jobId === oneJobId ? place : undefined);
  }

  history(filter: HistoryFilter, page: PageRequest) {
    this.pastListed.push({ filter, page });
    return this.#answer({ entries: [{ job: jobRecord(oneJobId, 'failed'), percent: 0 }], nextToken: 'next' });
  }

  logOf(jobId: string) {
    return this.#answer(jobId === oneJobId ? this.logStanding : undefined);
  }

  status(): ControllerStatus {
    return {
      role: this.role,
      sinceMs: 1_700_000_000_000,
      serving: this.serving,
      leaderId: 'leader',
      term: 1,
      leaderAddresses: this.leaderAddresses,
      durability: 'none: a fake farm',
    };
  }

  onServing(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #answer<T>(answer: T): Promise<T> {
    return this.failure === undefined ? Promise.resolve(answer) : Promise.reject(this.failure);
  }
}

/** No log is here of any job. */
export const noLogs: LogReads = {
  read: ({ jobId }) => {
    throw new FarmError('LOG_NOT_FOUND', `No log of job ${jobId} is here`);
  },
};

export const oneJobId = 'aaaaaaaa-0000-4000-8000-000000000001';

export function agentView(agentId: string, changes: Partial<AgentView> = {}): AgentView {
  return {
    agentId,
    instanceId: `${agentId}-1`,
    liveness: 'attached',
    softwareVersion: '0.1.0',
    slotsBusy: 0,
    held: [],
    announcedJobIds: [],
    silenceMs: 0,
    load1: 0,
    scratchFreeBytes: 100e9,
    roomBytes: 90e9,
    forecastErrors: [],
    mode: 'active',
    ...changes,
  };
}

export function jobRecord(jobId: string, state: JobRecord['state'] = 'waiting'): JobRecord {
  return {
    jobId,
    userId: 'u1',
    username: 'ann',
    channelName: 'Chan',
    enable4k: false,
    priority: 'normal',
    rateProfile: 'studio',
    queue: 'default_queue',
    routeRule: 'otherwise',
    itemCount: 1,
    videoCount: 1,
    estimateMs: 1_000,
    shares: [],
    submittedAtMs: 1_700_000_000_000,
    sequence: 1,
    ...untried,
    state,
    timeline: [{ atMs: 1_700_000_000_000, what: 'submitted', detail: 'to default_queue' }],
  };
}

function welcome(session: number): ControllerMessage {
  return {
    kind: 'welcome',
    farmId: 'farm',
    term: 1,
    leaderId: 'leader',
    sessionId: String(session),
    protocolVersion: 1,
    heartbeatMs: 5_000,
    progressMinMs: 1_000,
    progressMaxMs: 30_000,
    ackedEvent: 0,
    verdicts: [],
  };
}

/** One change, then silence until the watch is ended. */
async function* endless(signal: AbortSignal): AsyncGenerator<JobChange> {
  yield { view: { job: jobRecord(oneJobId), percent: 0 }, news: [], resumeToken: 'r1' };
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

export const restart: ControllerGoodbye = { kind: 'goodbye', reason: 'restart', comeBackAfterMs: 0 };

export function notFound(jobId: string): FarmError {
  return new FarmError('JOB_NOT_FOUND', `Job not found: ${jobId}`, {
    resource: { type: 'job', name: jobId },
    retryAfterMs: 1_500,
  });
}

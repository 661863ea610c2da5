import { createHash, randomUUID } from 'node:crypto';
import type { Fence, Hello } from '../../proto/agent-link.ts';
import type { AttemptRecord } from '../domain/attempt.ts';
import { FarmError } from '../domain/errors.ts';
import type { JobDraft } from '../domain/job-draft.ts';
import { grantWish } from '../domain/job-verbs.ts';
import type { FarmSettings } from '../domain/settings.ts';
import { violationsText } from '../domain/validate.ts';
import { checkTimesAt } from '../domain/validate-times.ts';
import type { HistoryFilter, HistoryPlace, PastJobDetail } from '../history/port.ts';
import type { Store } from '../store/port.ts';
import { Candidate, type CandidateOptions } from './candidate.ts';
import type { PlanView } from './explanations.ts';
import type {
  AgentOutlet,
  AgentSession,
  AgentView,
  ControllerStatus,
  Explanation,
  Farm,
  FarmSummary,
  JobChange,
  JobDetail,
  JobFilter,
  JobView,
  Page,
  PageRequest,
  QueueView,
  SubmitReply,
  SubmitRequest,
  WatchRequest,
} from './farm.ts';
import { historyPage } from './history-page.ts';
import { jsonBytes } from './inbox.ts';
import { stopping } from './leadership-errors.ts';
import type { AgentOrder, JobOrder, QueueOrder, ShareOrder } from './orders.ts';
import type { Clock, EngineLog, JobResolver } from './ports.ts';
import type { Reign } from './reign.ts';
import { Resolving } from './resolving.ts';
import { explanation } from './turn/explanation.ts';
import type { PastJobInput } from './turn/inputs.ts';
import { knownJobOrThrow } from './turn/known-job.ts';
import { attemptLogPlace, logStanding } from './turn/log-views.ts';
import { endedJobs } from './turn/past-jobs.ts';
import { planView } from './turn/plan-view.ts';
import { errorOf } from './turn/requests.ts';
import type { FarmState } from './turn/state.ts';
import { routeOf, unknownQueue } from './turn/submit.ts';
import { farmSummary } from './turn/summary.ts';
import { agentPage, agentView, attemptPage, jobDetail, jobPage, queueViews } from './turn/views.ts';
import type { Verification } from './verification.ts';

export interface EngineOptions extends Pick<CandidateOptions, 'decider' | 'deliver' | 'lookUp' | 'pathsOf'> {
  readonly store: Store;
  readonly settings: FarmSettings;
  readonly resolve: JobResolver;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: EngineLog;
  /** An assumption of ours is broken, or the store is not for this release: the process should end. */
  readonly onFatal: (error: unknown) => void;
}

/**
 * The farm of this store, for the servers: they may listen before it leads. `start` begins to lead as soon as nobody
 * else does. The store is the engine's from here on.
 */
export function createEngine(options: EngineOptions): Engine {
  return new Engine(options);
}

/** The farm, as the servers see it; the single writer behind it decides while we lead. */
export class Engine implements Farm {
  readonly #options: EngineOptions;
  readonly #candidate: Candidate;
  readonly #resolving: Resolving;
  readonly #listeners = new Set<(serving: boolean) => void>();
  #stopped: Promise<void> | undefined;
  serving = false;

  /** Use `createEngine`. */
  constructor(options: EngineOptions) {
    this.#options = options;
    this.#resolving = new Resolving(options);
    this.#candidate = new Candidate({
      ...options,
      leaderId: randomUUID(),
      onServing: (serving) => this.#serve(serving),
    });
  }

  /**
   * Begins to lead. Resolves when it leads for the first time, or is known to wait for another controller; an error
   * that ends it goes to `onFatal`.
   * @param addresses - Where others are told that this controller is reached, while it leads.
   */
  async start(addresses: readonly string[]): Promise<void> {
    const ended = this.#candidate.run(addresses).catch((error: unknown) => this.#options.onFatal(error));
    await Promise.race([ended, this.#candidate.settled]);
  }

  async submit(request: SubmitRequest): Promise<SubmitReply> {
    const { requestId, spec, validateOnly } = request;
    // Overload is refused before any work is done for it, and again behind that work.
    if (!validateOnly) this.#admit();
    const specBytes = jsonBytes(spec);
    if (validateOnly) {
      // Whether its ids are known is not known: a job that is only asked about cannot wait for that.
      await this.#resolving.resolve(spec, specBytes);
      return this.#validateOnly(request);
    }
    const resolved = await this.#resolving.resolveOrWait(spec, specBytes);
    const { writer, replies } = this.#admit();
    // Only a request id makes anybody ask whether it was the same request.
    const bodyHash = requestId === '' ? '' : hashOf(request.jobIdMade ? { ...spec, jobId: '' } : spec);
    const bytes = specBytes + jsonBytes(resolved);
    const reply = await replies.expect((replyId) =>
      writer.inbox.push({ kind: 'submit', replyId, requestId, bodyHash, spec, ...resolved }, bytes),
    );
    if (reply.kind !== 'submitted') throw new Error(`a submit was answered with ${reply.kind}`);
    return reply.reply;
  }

  /** A job that the store or a tombstone knows. @throws FarmError JOB_IN_SHADOW, and as every read */
  known(jobId: string): Promise<SubmitReply | undefined> {
    return this.#read((state) => knownJobOrThrow(state, this.#options.settings, jobId));
  }

  async verify(draft: JobDraft): Promise<Verification> {
    return await this.#candidate.reign().verifies.verify(draft);
  }

  async orderJob(order: JobOrder): Promise<JobView> {
    await this.#order(order);
    return this.job(order.jobId);
  }

  async orderAgent(order: AgentOrder): Promise<AgentView | undefined> {
    const { agentId } = order;
    await this.#order(order);
    return await this.#read((state) =>
      state.agents.has(agentId) ? agentView(state, agentId, this.#options.clock.nowMs()) : undefined,
    );
  }

  async orderQueue(order: QueueOrder): Promise<QueueView> {
    await this.#order(order);
    const view = (await this.queues()).find(({ name }) => name === order.queue);
    if (view === undefined) throw new Error(`queue ${order.queue} was ordered, and is not configured`);
    return view;
  }

  async orderShare(order: ShareOrder): Promise<void> {
    await this.#order(order);
  }

  async job(jobId: string): Promise<JobDetail> {
    return found(jobId, await this.#read((state) => jobDetail(state, jobId)));
  }

  jobs(filter: JobFilter, page: PageRequest): Promise<Page<JobView>> {
    return this.#read((state) => jobPage(state, filter, page));
  }

  /** Ended jobs that have not left the hot store. */
  async history(filter: HistoryFilter, page: PageRequest): Promise<Page<JobView>> {
    return await historyPage(page, (size, after) => this.endedJobs(filter, size, after));
  }

  /** The same, behind a place. */
  endedJobs(filter: HistoryFilter, size: number, after?: HistoryPlace): Promise<readonly JobView[]> {
    return this.#read((state) => endedJobs(state, filter, size, after));
  }

  /** Those of the jobs that have not left the hot store. */
  hotAmong(jobIds: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#read((state) => new Set(jobIds.filter((jobId) => state.jobs.has(jobId))));
  }

  /**
   * Retries a job that has left the hot store. Its items are resolved anew.
   * @throws what `orderJob` and `submit` do
   */
  async retryPast(order: JobOrder, past: PastJobDetail): Promise<JobView> {
    this.#admit();
    const { spec, job, attempts } = past;
    if (spec.items.length === 0) {
      throw new FarmError(
        'INVALID_JOB',
        `No items found for job ${job.jobId}: history has none that can be used`,
      );
    }
    // Nobody is asked about a job that cannot be retried.
    const answer = grantWish(job, { verb: 'retry', reason: order.reason }, this.#options.clock.nowMs());
    if (!answer.granted) {
      throw new FarmError(answer.code, answer.message, { resource: { type: 'job', name: job.jobId } });
    }
    const specBytes = jsonBytes(spec);
    const { resolved, resolution, username, ...rest } = await this.#resolving.resolveOrWait(spec, specBytes);
    const { jobId } = job;
    await this.#order(order, {
      // Its log goes on where it began.
      job: job.username === '' ? { ...job, username } : job,
      body: { jobId, spec, resolved, resolution },
      attempts,
      ...rest,
    });
    return await this.job(jobId);
  }

  async attempts(jobId: string, page: PageRequest): Promise<Page<AttemptRecord>> {
    return await this.#read((state) => {
      found(jobId, state.jobs.get(jobId));
      return attemptPage(state, jobId, page);
    });
  }

  async explain(jobId: string): Promise<Explanation> {
    const { settings, clock } = this.#options;
    return found(jobId, await this.#read((state) => explanation(state, settings, clock.nowMs(), jobId)));
  }

  plan(): Promise<PlanView> {
    return this.#read((state) => planView(state, this.#options.clock.nowMs()));
  }

  agents(page: PageRequest): Promise<Page<AgentView>> {
    return this.#read((state) => agentPage(state, this.#options.clock.nowMs(), page));
  }

  queues(): Promise<readonly QueueView[]> {
    return this.#read((state) => queueViews(state, this.#options.settings, this.#options.clock.nowMs()));
  }

  async summary(): Promise<FarmSummary> {
    const reign = this.#candidate.reign();
    return await reign.writer.read((state) => ({ ...farmSummary(state), outbox: reign.outbox() }));
  }

  watch(request: WatchRequest, signal: AbortSignal): AsyncGenerator<JobChange> {
    return this.#candidate.reign().watches.watch(request, signal);
  }

  async attach(hello: Hello, outlet: AgentOutlet): Promise<AgentSession> {
    return await this.#admit().attach(hello, outlet);
  }

  logPlace(jobId: string, fence: Fence): ReturnType<Farm['logPlace']> {
    return this.#read((state) => attemptLogPlace(state, jobId, fence));
  }

  logOf(jobId: string): ReturnType<Farm['logOf']> {
    return this.#read((state) => logStanding(state, jobId));
  }

  status(): ControllerStatus {
    const shadow = this.#options.settings.shadow === true ? { shadow: true as const } : {};
    return { ...this.#candidate.status(), serving: this.serving, ...shadow };
  }

  onServing(listener: (serving: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Ends watches, refuses what is new, decides what has come, resigns and closes the store, says Goodbye to agents.
   * Idempotent.
   */
  async stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    await this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#serve(false);
    this.#resolving.stop(stopping());
    await this.#candidate.stop();
  }

  #serve(serving: boolean): void {
    if (this.serving === serving || (serving && this.#stopped !== undefined)) return;
    this.serving = serving;
    for (const listener of this.#listeners) listener(serving);
  }

  async #validateOnly({ spec }: SubmitRequest): Promise<SubmitReply> {
    const { queue, rule } = routeOf(spec, this.#options.settings);
    if (!this.#options.settings.queues.some(({ name }) => name === queue)) {
      throw errorOf(unknownQueue(this.#options.settings, queue));
    }
    const existed = (await this.known(spec.jobId)) !== undefined;
    const violations = existed ? [] : checkTimesAt(spec, this.#options.clock.nowMs());
    if (violations.length > 0) throw new FarmError('INVALID_JOB', violationsText(violations), { violations });
    return { jobId: spec.jobId, queue, routeRule: rule, existed };
  }

  async #order(order: JobOrder | AgentOrder | QueueOrder | ShareOrder, past?: PastJobInput): Promise<void> {
    const { writer, replies } = this.#admit();
    // Of the order alone: it is the same one, wherever its job is.
    const bodyHash = hashOf({ ...order, requestId: '' });
    const input = { ...order, replyId: '', bodyHash, ...(past && { past }) };
    await replies.expect((replyId) => writer.inbox.push({ ...input, replyId }, past && jsonBytes(past)));
  }

  /** @throws NOT_LEADING, SHUTTING_DOWN */
  #read<T>(look: (state: FarmState) => T): Promise<T> {
    return this.#candidate.reign().writer.read(look);
  }

  /** What leads, where it takes something new. @throws NOT_LEADING, SHUTTING_DOWN, STORAGE_UNAVAILABLE, TOO_MANY_REQUESTS */
  #admit(): Reign {
    const reign = this.#candidate.reign();
    const { storeAway, inbox } = reign.writer;
    if (storeAway) {
      throw new FarmError('STORAGE_UNAVAILABLE', 'the store cannot be written just now', {
        retryAfterMs: 1_000,
      });
    }
    if (inbox.full) {
      throw new FarmError('TOO_MANY_REQUESTS', `${inbox.size} requests wait already`, { retryAfterMs: 500 });
    }
    return reign;
  }
}

function found<T>(jobId: string, value: T | undefined): T {
  if (value !== undefined) return value;
  throw new FarmError('JOB_NOT_FOUND', `Job not found: ${jobId}`, { resource: { type: 'job', name: jobId } });
}

/** Of a request without its id. */
function hashOf(body: object): string {
  return createHash('sha256').update(JSON.stringify(body)).digest('base64url');
}

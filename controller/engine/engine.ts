import { createHash, randomUUID } from 'node:crypto';
import type { Fence, Hello } from '../../proto/agent-link.ts';
import type { AttemptRecord } from '../domain/attempt.ts';
import { FarmError } from '../domain/errors.ts';
import type { FarmSettings } from '../domain/settings.ts';
import type { Leadership, Store } from '../store/port.ts';
import { attachAgent, Outlets } from './attachments.ts';
import type {
  AgentOutlet,
  AgentSession,
  AgentView,
  ControllerStatus,
  Explanation,
  Farm,
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
import { jsonBytes } from './inbox.ts';
import { performer } from './perform.ts';
import type { Clock, EngineLog, JobResolver } from './ports.ts';
import { Replies } from './replies.ts';
import { attemptKey } from './turn/state.ts';
import { routeOf } from './turn/submit.ts';
import {
  agentPage,
  attemptPage,
  explanation,
  jobDetail,
  jobPage,
  jobView,
  queueViews,
} from './turn/views.ts';
import { Watches } from './watches.ts';
import { Writer } from './writer.ts';

export interface EngineOptions {
  readonly store: Store;
  readonly settings: FarmSettings;
  readonly resolve: JobResolver;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: EngineLog;
  /** Leading has ended for good: the process should too. */
  readonly onFatal: (error: unknown) => void;
}

/** Whoever starts a second controller is told after this time why nothing happens. */
const waitToldMs = 1_000;

/**
 * Leads the farm in this store and serves it until `stop`. Waits for another leader to go, or for `signal`. The store
 * is the engine's from here on: it is closed where the start fails.
 */
export async function startEngine(options: EngineOptions, signal: AbortSignal): Promise<Engine> {
  const { store, clock, log } = options;
  const tell = () => log.warn({}, 'another controller leads on this store: waiting until it ends');
  const cancelTell = clock.after(waitToldMs, tell);
  try {
    const termAtLeast = Math.floor(clock.nowMs());
    const leadership = await store.lead({ leaderId: randomUUID(), termAtLeast, signal });
    return await Engine.open(options, leadership);
  } catch (error) {
    await store.close();
    throw error;
  } finally {
    cancelTell();
  }
}

/** The farm, as the servers see it; the single writer behind it decides. */
export class Engine implements Farm {
  readonly #options: EngineOptions;
  readonly #writer: Writer;
  readonly #outlets = new Outlets();
  readonly #replies = new Replies();
  readonly #watches: Watches;
  readonly #resolving = new AbortController();
  readonly #listeners = new Set<(serving: boolean) => void>();
  #stopping = false;
  serving = false;

  static async open(options: EngineOptions, leadership: Leadership): Promise<Engine> {
    const relay: { engine?: Engine } = {};
    const { store, settings, clock, random, log } = options;
    const writer = await Writer.open(
      {
        store,
        settings,
        clock,
        random,
        log,
        perform: (effects) => relay.engine?.perform(effects),
        onServing: (serving) => relay.engine?.serve(serving),
        onFatal: (error) => relay.engine?.fail(error),
      },
      leadership,
    );
    const engine = new Engine(options, writer);
    relay.engine = engine;
    writer.start();
    return engine;
  }

  private constructor(options: EngineOptions, writer: Writer) {
    this.#options = options;
    this.#writer = writer;
    this.#watches = new Watches(
      {
        view: (jobId) => {
          const job = writer.state.jobs.get(jobId);
          return job && jobView(writer.state, job);
        },
        jobIds: () => writer.state.jobs.keys(),
        committed: (look) => writer.read(look),
      },
      options.settings.limits,
      writer.state.epoch.leaderId,
    );
    this.perform = performer({
      outlets: this.#outlets,
      replies: this.#replies,
      watches: this.#watches,
      log: options.log,
    });
  }

  /** @internal Carries out what a committed turn caused. */
  readonly perform: ReturnType<typeof performer>;

  async submit(request: SubmitRequest): Promise<SubmitReply> {
    const resolved = await this.#options.resolve(request.spec, this.#resolving.signal);
    if (request.validateOnly) return this.#validateOnly(request);
    this.#admit();
    const { requestId, spec } = request;
    const bodyHash = hashOf(request.jobIdMade ? { ...spec, jobId: '' } : spec);
    const bytes = jsonBytes(spec) + jsonBytes(resolved);
    const reply = await this.#replies.expect((replyId) =>
      this.#writer.inbox.push({ kind: 'submit', replyId, requestId, bodyHash, spec, ...resolved }, bytes),
    );
    if (reply.kind !== 'submitted') throw new Error(`a submit was answered with ${reply.kind}`);
    return reply.reply;
  }

  async cancel(request: { requestId: string; jobId: string; reason: string }): Promise<JobView> {
    this.#admit();
    const { jobId, reason } = request;
    await this.#replies.expect((replyId) =>
      this.#writer.inbox.push({ kind: 'cancel', replyId, bodyHash: hashOf({ jobId, reason }), ...request }),
    );
    return this.job(jobId);
  }

  async job(jobId: string): Promise<JobDetail> {
    return found(jobId, await this.#writer.read((state) => jobDetail(state, jobId)));
  }

  jobs(filter: JobFilter, page: PageRequest): Promise<Page<JobView>> {
    return this.#writer.read((state) => jobPage(state, filter, page));
  }

  async attempts(jobId: string, page: PageRequest): Promise<Page<AttemptRecord>> {
    return await this.#writer.read((state) => {
      found(jobId, state.jobs.get(jobId));
      return attemptPage(state, jobId, page);
    });
  }

  async explain(jobId: string): Promise<Explanation> {
    const { settings, clock } = this.#options;
    return found(
      jobId,
      await this.#writer.read((state) => explanation(state, settings, clock.nowMs(), jobId)),
    );
  }

  agents(page: PageRequest): Promise<Page<AgentView>> {
    return this.#writer.read((state) => agentPage(state, this.#options.clock.nowMs(), page));
  }

  queues(): Promise<readonly QueueView[]> {
    return this.#writer.read((state) =>
      queueViews(state, this.#options.settings, this.#options.clock.nowMs()),
    );
  }

  watch(request: WatchRequest, signal: AbortSignal): AsyncGenerator<JobChange> {
    return this.#watches.watch(request, signal);
  }

  async attach(hello: Hello, outlet: AgentOutlet): Promise<AgentSession> {
    this.#admit();
    const { writer, outlets, replies } = {
      writer: this.#writer,
      outlets: this.#outlets,
      replies: this.#replies,
    };
    return await attachAgent({ writer, outlets, replies, clock: this.#options.clock }, hello, outlet);
  }

  logPlace(jobId: string, fence: Fence): ReturnType<Farm['logPlace']> {
    return this.#writer.read((state) => {
      const job = state.jobs.get(jobId);
      const attempt = state.attempts.get(attemptKey({ jobId, fence }));
      if (job?.logDate === undefined || attempt === undefined) return undefined;
      const { logDate, username, channelName } = job;
      return { logDate, username, channelName, attemptNumber: attempt.number };
    });
  }

  status(): ControllerStatus {
    const { epoch, recoveryUntilMs } = this.#writer.state;
    return {
      role: 'leading',
      sinceMs: 0,
      serving: this.serving,
      leaderId: epoch.leaderId,
      term: epoch.term,
      leaderAddresses: [],
      durability: '',
      ...(recoveryUntilMs !== undefined && { recoveryUntilMs }),
    };
  }

  onServing(listener: (serving: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends watches, refuses what is new, decides what has come, closes the store. */
  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.serve(false);
    this.#resolving.abort(
      new FarmError('SHUTTING_DOWN', 'the controller is stopping', { retryAfterMs: 1_000 }),
    );
    this.#watches.stop();
    await this.#writer.stop();
    this.#replies.failAll(
      new FarmError('SHUTTING_DOWN', 'the controller is stopping', { retryAfterMs: 1_000 }),
    );
    await this.#options.store.close();
  }

  /** @internal */
  serve(serving: boolean): void {
    if (this.serving === serving || (serving && this.#stopping)) return;
    this.serving = serving;
    for (const listener of this.#listeners) listener(serving);
  }

  /** @internal */
  fail(error: unknown): void {
    this.serve(false);
    this.#replies.failAll(
      new FarmError('NOT_LEADING', 'this controller no longer leads the farm', { cause: error }),
    );
    this.#options.onFatal(error);
  }

  async #validateOnly({ spec }: SubmitRequest): Promise<SubmitReply> {
    const { queue, rule } = routeOf(spec, this.#options.settings);
    if (!this.#options.settings.queues.some(({ name }) => name === queue)) {
      throw new FarmError('UNKNOWN_QUEUE', `queue ${queue} is not configured`, {
        resource: { type: 'queue', name: queue },
      });
    }
    const existed = await this.#writer.read(
      (state) => state.jobs.has(spec.jobId) || state.tombstones.has(spec.jobId),
    );
    return { jobId: spec.jobId, queue, routeRule: rule, existed };
  }

  #admit(): void {
    if (this.#stopping)
      throw new FarmError('SHUTTING_DOWN', 'the controller is stopping', { retryAfterMs: 1_000 });
    if (this.#writer.storeAway) {
      throw new FarmError('STORAGE_UNAVAILABLE', 'the store cannot be written just now', {
        retryAfterMs: 1_000,
      });
    }
    if (this.#writer.inbox.full) {
      throw new FarmError('TOO_MANY_REQUESTS', `${this.#writer.inbox.size} requests wait already`, {
        retryAfterMs: 500,
      });
    }
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

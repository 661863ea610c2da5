import { randomUUID } from 'node:crypto';
import { type farmWire, jobStateNames, jobWire, priorityClasses } from '../proto/index.ts';
import type { CallControl } from './call-control.ts';
import { Connection } from './connection.ts';
import { decodeExplanation } from './decode-explanation.ts';
import { decodeAgent, decodeQueue } from './decode-farm.ts';
import { decodeAttempt, decodeDetails, decodeJob, decodeSubmission } from './decode-job.ts';
import { decodePlan } from './decode-plan.ts';
import { decodeVerification } from './decode-verification.ts';
import { RenderfarmError } from './errors.ts';
import type { Explanation } from './explanation-views.ts';
import { FarmOperator } from './farm-operator.ts';
import { followLog, type LogOptions, type LogPiece } from './follow-log.ts';
import type { JobInput, Priority } from './job-input.ts';
import { jobRequest } from './job-request.ts';
import { type ClientSettings, type ConnectOptions, resolveOptions } from './options.ts';
import { allPages } from './pages.ts';
import { Past } from './past.ts';
import type { PlanView } from './plan-views.ts';
import type { Start } from './try-once.ts';
import { callUnary } from './unary.ts';
import type { Verification } from './verify-views.ts';
import type {
  AgentView,
  AttemptView,
  JobChange,
  JobDetails,
  JobState,
  JobView,
  QueueView,
  Submission,
} from './views.ts';
import { type WatchOptions, watchJobs } from './watch.ts';

export interface SubmitOptions extends CallControl {
  /** Makes a repeated submit the same job, for 24 h; at most 128 characters. @default A new UUID for each call. */
  readonly requestId?: string;
  /** Checks and routes the job, and stores nothing. @default false */
  readonly validateOnly?: boolean;
}

/** For every verb of a job. */
export interface JobOrderOptions extends CallControl {
  /** Makes a repeated call the same one, for 24 h. @default A new UUID for each call. */
  readonly requestId?: string;
  /** For the job's history. */
  readonly reason?: string;
}

export interface ListOptions extends CallControl {
  readonly userId?: string;
  readonly queue?: string;
  /** @default All states. */
  readonly states?: readonly JobState[];
  /** Jobs asked for at a time, 1-1000. @default 50 */
  readonly pageSize?: number;
  /** Ends the iteration. @default No limit. */
  readonly limit?: number;
}

/** Makes a client of a farm. Nothing is sent before its first call. @throws RenderfarmError `INVALID_OPTIONS` */
export function connect(options: ConnectOptions): RenderfarmClient {
  return new RenderfarmClient(resolveOptions(options));
}

/**
 * A farm, for a program that submits and follows jobs. Every call has a time limit, is repeated at the next address
 * while no controller answers, and has its effect once: requests carry an id. Errors are `RenderfarmError`.
 */
export class RenderfarmClient {
  readonly #settings: ClientSettings;
  readonly #connection: Connection;
  readonly #closing = new AbortController();
  /** Orders to agents, and how the farm stands. */
  readonly operator: FarmOperator;
  /** What has ended. */
  readonly past: Past;

  /** Use `connect`. */
  constructor(settings: ClientSettings) {
    this.#settings = settings;
    this.#connection = new Connection(settings);
    const call = <Reply, View>(start: Start<Reply>, decode: (reply: Reply) => View, control: CallControl) =>
      this.#call(start, decode, control);
    this.operator = new FarmOperator(call, settings.addresses.length);
    this.past = new Past(call);
  }

  /** Hands in a job. When it returns, the job is stored durably and will not be lost. */
  submit(job: JobInput, options: SubmitOptions = {}): Promise<Submission> {
    return this.#submit(job, options);
  }

  /**
   * Hands in a job whose row, and items, are in the studio's tables already.
   *
   * @throws RenderfarmError `JOB_NOT_FOUND`, `ROW_NOT_QUEUED`, `ROW_CLAIMED`, `NO_STORED_JOBS`, `DIRECTORY_UNAVAILABLE`
   */
  submitStored(jobId: string, options: SubmitOptions = {}): Promise<Submission> {
    const { requestId = randomUUID(), validateOnly = false } = options;
    const request = { requestId, jobId, validateOnly };
    return this.#call<jobWire.SubmitStoredJobResponse, Submission>(
      ({ jobs }, ...rest) => jobs.submitStoredJob(request, ...rest),
      decodeSubmission,
      options,
    );
  }

  /**
   * What would become of a job, without handing it in: all that is wrong with it, whether its files are there, and when it
   * would start. Agents look at the files, so that it may take 30 s, whatever the limits of other calls are.
   */
  async verify(job: JobInput, control: CallControl = {}): Promise<Verification> {
    const request = { job: jobRequest(job) };
    const start: Start<jobWire.VerifyJobResponse> = ({ jobs }, ...rest) => jobs.verifyJob(request, ...rest);
    const { callTimeoutMs, tryTimeoutMs } = this.#settings;
    const patient = {
      ...this.#settings,
      callTimeoutMs: Math.max(callTimeoutMs, verifyCallMs),
      tryTimeoutMs: Math.max(tryTimeoutMs, verifyCallMs),
    };
    return await callUnary(
      this.#connection,
      patient,
      { start, decode: decodeVerification },
      this.#signal(control),
    );
  }

  /** A job, its items and what happened to it. @throws RenderfarmError `JOB_NOT_FOUND` */
  get(jobId: string, control: CallControl = {}): Promise<JobDetails> {
    const start: Start<jobWire.GetJobResponse> = ({ jobs }, ...rest) => jobs.getJob({ jobId }, ...rest);
    return this.#call(start, decodeDetails, control);
  }

  /** Jobs, newest first. */
  list(options: ListOptions = {}): AsyncGenerator<JobView, void, undefined> {
    const { userId = '', queue = '', pageSize = 50, limit } = options;
    const states = (options.states ?? []).map((state) => jobStateNames.toWire(state));
    return allPages((pageToken) => {
      const request = { pageSize: Math.min(pageSize, limit ?? pageSize), pageToken, userId, queue, states };
      return this.#call<jobWire.ListJobsResponse, { entries: JobView[]; nextPageToken: string }>(
        ({ jobs }, ...rest) => jobs.listJobs(request, ...rest),
        (reply) => ({ entries: reply.jobs.map(decodeJob), nextPageToken: reply.nextPageToken }),
        options,
      );
    }, limit);
  }

  /** Follows jobs; survives restarts of the controller. Leaving the loop closes its connection. */
  watch(options: WatchOptions = {}): AsyncGenerator<JobChange, void, undefined> {
    return watchJobs(this.#settings, options, this.#signal(options));
  }

  /**
   * Wishes a job's end; durable at once, what runs is stopped in its own time.
   *
   * @throws RenderfarmError `JOB_PUBLISHING`, `JOB_ENDED`, `JOB_NOT_FOUND`
   */
  cancel(jobId: string, options: JobOrderOptions = {}): Promise<JobView> {
    const request = orderOf(jobId, options);
    return this.#call(({ jobs }, ...rest) => jobs.cancelJob(request, ...rest), decodeOrdered, options);
  }

  /**
   * A fresh start for a job that failed, was quarantined or cancelled, however long ago: what was counted against it
   * is forgotten.
   *
   * @throws RenderfarmError `JOB_NOT_ENDED`, `JOB_ENDED` (published), `JOB_ARCHIVED`, `TOO_MANY_JOBS`, `JOB_NOT_FOUND`
   */
  retry(jobId: string, options: JobOrderOptions = {}): Promise<JobView> {
    const request = orderOf(jobId, options);
    return this.#call(({ jobs }, ...rest) => jobs.retryJob(request, ...rest), decodeOrdered, options);
  }

  /** Keeps a waiting job from every agent. @throws RenderfarmError `JOB_PROCESSING`, `JOB_ENDED`, `JOB_NOT_FOUND` */
  hold(jobId: string, options: JobOrderOptions = {}): Promise<JobView> {
    const request = orderOf(jobId, options);
    return this.#call(({ jobs }, ...rest) => jobs.holdJob(request, ...rest), decodeOrdered, options);
  }

  /**
   * Lets a held job wait again (until its time, where that has not come), a delayed one start at once, or a quarantined one
   * go on with its history.
   *
   * @throws RenderfarmError `JOB_NOT_HELD`, `JOB_NOT_FOUND`
   */
  release(jobId: string, options: JobOrderOptions = {}): Promise<JobView> {
    const request = orderOf(jobId, options);
    return this.#call(({ jobs }, ...rest) => jobs.releaseJob(request, ...rest), decodeOrdered, options);
  }

  /** While the job has not ended. @throws RenderfarmError `JOB_ENDED`, `JOB_NOT_FOUND` */
  setPriority(jobId: string, priority: Priority, options: JobOrderOptions = {}): Promise<JobView> {
    const request = { ...orderOf(jobId, options), priority: priorityClasses.toWire(priority) };
    return this.#call(
      ({ jobs }, ...rest) => jobs.changeJobPriority(request, ...rest),
      decodeOrdered,
      options,
    );
  }

  /** Why a job is where it is, what every agent's answer to it is, and when and where it is expected to start. */
  explain(jobId: string, control: CallControl = {}): Promise<Explanation> {
    return this.#call<jobWire.ExplainJobResponse, Explanation>(
      ({ jobs }, ...rest) => jobs.explainJob({ jobId }, ...rest),
      decodeExplanation,
      control,
    );
  }

  /**
   * The bytes of a job's log; survives restarts of the controller. Leaving the loop closes its connection.
   *
   * @throws RenderfarmError `JOB_NOT_FOUND`, `LOG_NOT_FOUND`, `TOO_MANY_WATCHERS`
   */
  log(jobId: string, options: LogOptions = {}): AsyncGenerator<LogPiece, void, undefined> {
    return followLog(this.#settings, jobId, options, this.#signal(options));
  }

  /** Every attempt of a job, oldest first. */
  attempts(jobId: string, control: CallControl = {}): AsyncGenerator<AttemptView, void, undefined> {
    return allPages((pageToken) =>
      this.#call<jobWire.ListAttemptsResponse, { entries: AttemptView[]; nextPageToken: string }>(
        ({ jobs }, ...rest) => jobs.listAttempts({ jobId, pageSize: 50, pageToken }, ...rest),
        (reply) => ({ entries: reply.attempts.map(decodeAttempt), nextPageToken: reply.nextPageToken }),
        control,
      ),
    );
  }

  /** The render PCs that the farm knows. */
  agents(control: CallControl = {}): AsyncGenerator<AgentView, void, undefined> {
    return allPages((pageToken) =>
      this.#call<farmWire.ListAgentsResponse, { entries: AgentView[]; nextPageToken: string }>(
        ({ farm }, ...rest) => farm.listAgents({ pageSize: 50, pageToken }, ...rest),
        (reply) => ({ entries: reply.agents.map(decodeAgent), nextPageToken: reply.nextPageToken }),
        control,
      ),
    );
  }

  /** What each render PC does now, and will do next as far as is planned now. */
  plan(control: CallControl = {}): Promise<PlanView> {
    return this.#call<farmWire.GetPlanResponse, PlanView>(
      ({ farm }, ...rest) => farm.getPlan({}, ...rest),
      decodePlan,
      control,
    );
  }

  queues(control: CallControl = {}): Promise<readonly QueueView[]> {
    return this.#call<farmWire.ListQueuesResponse, readonly QueueView[]>(
      ({ farm }, ...rest) => farm.listQueues({}, ...rest),
      (reply) => reply.queues.map(decodeQueue),
      control,
    );
  }

  /** Ends calls and watches with `CLIENT_CLOSED`, and closes the connections. Idempotent. */
  close(): void {
    this.#closing.abort(new RenderfarmError('CLIENT_CLOSED', 'the client was closed'));
    this.#connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #submit(job: JobInput, options: SubmitOptions): Promise<Submission> {
    // Made once: every try of this call is the same request.
    const requestId = options.requestId ?? randomUUID();
    const request = { requestId, job: jobRequest(job), validateOnly: options.validateOnly ?? false };
    refuseTooLarge(request);
    return await this.#call<jobWire.SubmitJobResponse, Submission>(
      ({ jobs }, ...rest) => jobs.submitJob(request, ...rest),
      decodeSubmission,
      options,
    );
  }

  #call<Reply, View>(
    start: Start<Reply>,
    decode: (reply: Reply) => View,
    control: CallControl,
  ): Promise<View> {
    return callUnary(this.#connection, this.#settings, { start, decode }, this.#signal(control));
  }

  #signal({ signal }: CallControl): AbortSignal {
    return signal === undefined ? this.#closing.signal : AbortSignal.any([this.#closing.signal, signal]);
  }
}

/** What the controller takes at most, and the way there and back. */
const verifyCallMs = 45_000;

/** Made once: every try of a call is the same request. */
function orderOf(jobId: string, { requestId, reason }: JobOrderOptions): jobWire.CancelJobRequest {
  return { jobId, requestId: requestId ?? randomUUID(), reason: reason ?? '' };
}

function decodeOrdered({ job }: jobWire.CancelJobResponse): JobView {
  return decodeJob(job);
}

/** protocol.md, rule 10: the controller would refuse it without reading it. */
const jobBytesMax = 768 * 1024;

function refuseTooLarge(request: jobWire.SubmitJobRequest): void {
  const bytes = jobWire.SubmitJobRequest.encode(request).finish().length;
  if (bytes <= jobBytesMax) return;
  throw new RenderfarmError('JOB_TOO_LARGE', `the job takes ${bytes} bytes, at most ${jobBytesMax}`);
}

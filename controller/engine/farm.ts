import type {
  AgentMessage,
  AgentMode,
  ControllerGoodbye,
  ControllerMessage,
  Fence,
  Hello,
  Inventory,
} from '../../proto/agent-link.ts';
import type { OrderedMode } from '../domain/agent-mode.ts';
import type { AttemptRecord, AttemptState } from '../domain/attempt.ts';
import type { Sickness } from '../domain/host-health.ts';
import type { JobRecord, JobSpec, JobState, TimelineEntry } from '../domain/job.ts';
import type { JobDraft } from '../domain/job-draft.ts';
import type { LogPlace } from '../domain/names.ts';
import type { DestinationName } from '../domain/outbox.ts';
import type { HistoryFilter } from '../history/port.ts';
import type { Answer, ForecastErrorView, PlanView } from './explanations.ts';
import type { AgentOrder, JobOrder, QueueOrder, ShareOrder } from './orders.ts';
import type { Verification } from './verification.ts';

/** A job with what lives in memory only. */
export interface JobView {
  readonly job: JobRecord;
  /** 0-99 until published, then 100. */
  readonly percent: number;
  readonly etaMs?: number;
}

export interface JobDetail extends JobView {
  readonly spec: JobSpec;
}

export interface SubmitRequest {
  /** Idempotency for 24 h; empty: none. */
  readonly requestId: string;
  readonly spec: JobSpec;
  readonly validateOnly: boolean;
  /** The spec's job id was made for a caller that gave none: it is no part of what the request id stands for. */
  readonly jobIdMade: boolean;
}

export interface SubmitReply {
  readonly jobId: string;
  readonly queue: string;
  readonly routeRule: string;
  readonly existed: boolean;
}

export interface JobFilter {
  readonly userId?: string;
  readonly queue?: string;
  readonly states?: readonly JobState[];
}

export interface Page<T> {
  readonly entries: readonly T[];
  /** Empty: this was the last page. */
  readonly nextToken: string;
}

export interface PageRequest {
  readonly size: number;
  readonly token: string;
}

/** Why a job is where it is, with the job. */
export interface Explanation extends JobView, Answer {}

export type Liveness = 'attached' | 'suspect' | 'detached';

export interface AgentView {
  readonly agentId: string;
  readonly instanceId: string;
  readonly liveness: Liveness;
  readonly softwareVersion: string;
  readonly inventory?: Inventory;
  readonly slotsBusy: number;
  readonly held: readonly {
    readonly jobId: string;
    readonly fence: Fence;
    readonly state: AttemptState;
    readonly percent: number;
    readonly etaMs?: number;
  }[];
  readonly announcedJobIds: readonly string[];
  readonly attachedAtMs?: number;
  readonly silenceMs: number;
  readonly load1: number;
  readonly scratchFreeBytes: number;
  /** Room for new jobs: less than is free by what runs may still need, more by what can be dropped. */
  readonly roomBytes: number;
  /** By class of work, where forecasts were compared with what became of them. */
  readonly forecastErrors: readonly ForecastErrorView[];
  /** What holds for it now; `cordoned` also while it is sick. */
  readonly mode: AgentMode;
  readonly ordered?: OrderedMode;
  readonly sick?: Sickness;
}

/** The farm in numbers. */
export interface FarmSummary {
  readonly farmId: string;
  /** States with at least one job. */
  readonly jobs: ReadonlyMap<JobState, number>;
  /** The same by queue. */
  readonly jobsByQueue: readonly {
    readonly queue: string;
    readonly state: JobState;
    readonly jobs: number;
  }[];
  readonly agents: {
    readonly attached: number;
    readonly suspect: number;
    readonly detached: number;
    /** Of all these: by a person's order nothing new starts there. */
    readonly closed: number;
    readonly sick: number;
    readonly slots: number;
    readonly slotsBusy: number;
  };
  /** Newest first. */
  readonly alarms: readonly AlarmView[];
  /** What destinations outside have not been told. */
  readonly outbox: readonly OutboxView[];
}

/** A destination outside: what it is owed, and how it stands. */
export interface OutboxView {
  readonly destination: DestinationName;
  /** Changes of jobs that it has not taken; those that it refused with them. */
  readonly rows: number;
  /** Since when (Unix ms) the oldest of them waits. */
  readonly oldestSinceMs?: number;
  /** It has not answered since (Unix ms); absent: it answers, or was not asked yet. */
  readonly awaySinceMs?: number;
  /** Why, the last time. */
  readonly lastError?: string;
  /** Rows that it will not take as they are. */
  readonly refused: number;
  /** The first few of them. */
  readonly refusals: readonly {
    readonly jobId: string;
    readonly reason: string;
    readonly sinceMs: number;
    readonly nextTryAtMs: number;
  }[];
}

/** The alarm of a controller whose disk takes no logs; it stands while that is so. */
export const logsUnwritable = 'logs-unwritable';

/** Something that a person should look at. */
export interface AlarmView {
  readonly atMs: number;
  /** The stable word under which it is in the log. */
  readonly event: string;
  readonly fields: Readonly<Record<string, string | number>>;
}

export interface QueueView {
  readonly name: string;
  readonly waiting: number;
  readonly processing: number;
  readonly agentsSubscribed: number;
  readonly agentsAttached: number;
  readonly softRunMs: number;
  readonly hardRunMs: number;
  readonly oldestWaitMs: number;
  /** Its share beside others. */
  readonly weight?: number;
  /** Jobs of it at a time on agents. */
  readonly runningMax?: number;
  /** Jobs of it that have not ended. */
  readonly jobsMax?: number;
  /** A person wants none of its jobs to start. */
  readonly paused?: { readonly reason: string; readonly by: string; readonly sinceMs: number };
}

export interface JobChange {
  readonly view: JobView;
  /** Timeline entries since the last change that this watch was told of; all of them in a first message. */
  readonly news: readonly TimelineEntry[];
  readonly resumeToken: string;
}

export interface WatchRequest {
  /** All jobs when empty. */
  readonly jobIds: readonly string[];
  readonly userId?: string;
  readonly resumeToken?: string;
  readonly untilEnded: boolean;
}

/**
 * What this controller is to its farm: `standby` waits to lead, `leading` leads, `lost` led until just now and has
 * not yet heard who leads.
 */
export type ControllerRole = 'standby' | 'leading' | 'lost';

/** How things stand at this controller; always answered, whoever leads. */
export interface ControllerStatus {
  readonly role: ControllerRole;
  /** Since when (Unix ms) it has this role. */
  readonly sinceMs: number;
  /** Leads and can commit. */
  readonly serving: boolean;
  /** Jobs are copies of another farm's: they are rendered and published nowhere. */
  readonly shadow?: true;
  /** Of the leader as far as it is known: our own while we lead. */
  readonly leaderId?: string;
  readonly term?: number;
  /** Where clients and agents reach the leader; empty: not known. */
  readonly leaderAddresses: readonly string[];
  /** What is known of how durable a commit is. */
  readonly durability: string;
  /** Until then (Unix ms) nobody's silence counts; absent outside a recovery window. */
  readonly recoveryUntilMs?: number;
  /** Since the last batch that became durable; absent before the first of this leadership. */
  readonly lastCommitAgeMs?: number;
}

/** The stream end of an agent, as the engine uses it. Neither method throws; both are idempotent after the end. */
export interface AgentOutlet {
  send(message: ControllerMessage): void;
  /** Says Goodbye where one is given, then ends the stream. */
  end(goodbye?: ControllerGoodbye): void;
}

/** How a stream ended: `goodbye` is a clean leave, `closed` FIN or RST from the agent's side, `ours` ended by us. */
export type StreamEnd = 'goodbye' | 'closed' | 'ours';

/** An attached agent's stream: messages in arrival order, then its end, once. */
export interface AgentSession {
  readonly sessionId: string;
  /** False: the inbox is full; stop reading until `ready` resolves. */
  deliver(message: Exclude<AgentMessage, Hello>): boolean;
  ready(): Promise<void>;
  ended(how: StreamEnd): void;
}

/** Where an attempt's log belongs, and whose attempt it is. */
export interface AttemptLogPlace extends Omit<LogPlace, 'jobId'> {
  readonly attemptNumber: number;
  readonly agentId: string;
}

/** How a job's log stands, as far as the farm knows. */
export interface LogStanding {
  /** Absent: the job has not started. */
  readonly place?: LogPlace;
  readonly hasEnded: boolean;
  /** Of the newest attempt; 0: none. */
  readonly attemptNumber: number;
}

/**
 * What the rest of the controller may ask of the engine. Every promise resolves after the change that it reports is
 * durable, and rejects with a FarmError. Reads see committed state only.
 */
export interface Farm {
  submit(request: SubmitRequest): Promise<SubmitReply>;
  /**
   * All that is known of a job that is not submitted: it is neither stored nor remembered.
   * @throws TOO_MANY_REQUESTS
   */
  verify(draft: JobDraft): Promise<Verification>;
  /**
   * The job as it is then.
   * @throws JOB_NOT_FOUND, JOB_ARCHIVED, REQUEST_ID_REUSED, TOO_MANY_JOBS, and what says that its state forbids it:
   *   JOB_ENDED, JOB_NOT_ENDED, JOB_PUBLISHING, JOB_NOT_PUBLISHING, JOB_PROCESSING, JOB_NOT_HELD
   */
  orderJob(order: JobOrder): Promise<JobView>;
  /** The agent as it is then; undefined: forgotten. @throws AGENT_NOT_FOUND, AGENT_IN_USE, REQUEST_ID_REUSED */
  orderAgent(order: AgentOrder): Promise<AgentView | undefined>;
  /** @throws UNKNOWN_SHARE, REQUEST_ID_REUSED */
  orderShare(order: ShareOrder): Promise<void>;
  /** The queue as it is then. @throws QUEUE_NOT_FOUND, REQUEST_ID_REUSED */
  orderQueue(order: QueueOrder): Promise<QueueView>;
  job(jobId: string): Promise<JobDetail>;
  jobs(filter: JobFilter, page: PageRequest): Promise<Page<JobView>>;
  /**
   * Jobs that have ended, newest end first, wherever they are kept. A page is the same however many end meanwhile.
   * @throws HISTORY_UNAVAILABLE
   */
  history(filter: HistoryFilter, page: PageRequest): Promise<Page<JobView>>;
  attempts(jobId: string, page: PageRequest): Promise<Page<AttemptRecord>>;
  explain(jobId: string): Promise<Explanation>;
  plan(): Promise<PlanView>;
  agents(page: PageRequest): Promise<Page<AgentView>>;
  queues(): Promise<readonly QueueView[]>;
  /** How many of what there are, and what a person should look at. */
  summary(): Promise<FarmSummary>;
  /**
   * The present state of all jobs that are meant, then each change; ends by itself with `untilEnded`.
   * @throws RESUME_TOKEN_EXPIRED, TOO_MANY_WATCHERS; WATCHER_TOO_SLOW when 1,000 changes wait to be read.
   */
  watch(request: WatchRequest, signal: AbortSignal): AsyncIterable<JobChange>;
  /**
   * Takes an agent's Hello; the Welcome has been sent when it resolves.
   * @throws PROTOCOL_VERSION, AGENT_CLONED, TERM_TOO_HIGH
   */
  attach(hello: Hello, outlet: AgentOutlet): Promise<AgentSession>;
  /** Where a job's log belongs, and whose attempt it is; undefined for an unknown or stale fence. */
  logPlace(jobId: string, fence: Fence): Promise<AttemptLogPlace | undefined>;
  /** Where the log of a job of the hot store is, and whether more can come; undefined: it is not there (any more). */
  logOf(jobId: string): Promise<LogStanding | undefined>;
  /** Never fails: a standby answers too. */
  status(): ControllerStatus;
  /** Leads and can commit; false makes health say NOT_SERVING. */
  readonly serving: boolean;
  /** Calls back at each change of `serving`; returns what removes the listener. */
  onServing(listener: (serving: boolean) => void): () => void;
}

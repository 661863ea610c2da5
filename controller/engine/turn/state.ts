import type { Fence, HeldState, Hello, Inventory, JobRef } from '../../../proto/agent-link.ts';
import { fenceText } from '../../../proto/agent-link.ts';
import type { AgentRecord, AttemptRecord } from '../../domain/attempt.ts';
import type { JobBody, JobRecord } from '../../domain/job.ts';
import type { JobWish } from '../../domain/job-verbs.ts';
import type { DestinationName, OutboxRow } from '../../domain/outbox.ts';
import type { Charges } from '../../scheduling/fair-share.ts';
import type { Planning } from '../../scheduling/plan.ts';
import type { CompletePlan } from '../../scheduling/replay.ts';
import type { PresentSources, StartPromise } from '../../scheduling/snapshot.ts';
import { WaitingLines } from '../../scheduling/waiting-lines.ts';
import type { Epoch } from '../../store/port.ts';
import { type AssistState, noAssist } from './assist-state.ts';
import { type CatalogState, nothingAsked } from './catalog-state.ts';
import type { OutboxLanes, OutboxMove } from './outbox-lanes.ts';

/** Remembers what a request id was used for. */
export interface RequestRecord {
  readonly requestId: string;
  readonly verb:
    | 'submit'
    | JobWish['verb']
    | 'cordon'
    | 'uncordon'
    | 'drain'
    | 'evict'
    | 'forget'
    | 'annul'
    | 'share-replaced'
    | 'pause'
    | 'resume';
  /** Of the request without its id: the same id with another body is refused. */
  readonly bodyHash: string;
  /** Id of the job, agent, share or queue that it was about. */
  readonly subject: string;
  readonly atMs: number;
}

/** What is left of a job that has left the hot store. */
export interface TombstoneRecord {
  readonly jobId: string;
  readonly state: JobRecord['state'];
  readonly queue: string;
  readonly routeRule: string;
  readonly fence?: Fence;
  readonly outputPath?: string;
  /** It was rendered in shadow mode, and published nowhere. */
  readonly shadow?: true;
  readonly endedAtMs: number;
}

/** What the store remembers of the farm as a whole. */
export interface FarmRecord {
  /** The highest fence whose tombstone was dropped: nothing at or below it is recreated (protocol.md rule 4). */
  readonly horizon?: Fence;
  /** The first of a row of restarts, and the last one. */
  readonly rowStartedAtMs: number;
  readonly lastStartedAtMs: number;
  /** Who was told of jobs: those that come later have to catch up. */
  readonly destinations?: readonly DestinationName[];
}

/** Which share a name stands for: the id that its `.renderfarm/share-id` was first seen with. */
export interface ShareRecord {
  readonly share: string;
  readonly id: string;
  readonly sinceMs: number;
}

/** A queue that a person has paused; there is no record of one that is not. */
export interface QueueRecord {
  readonly name: string;
  readonly pausedSinceMs: number;
  readonly reason: string;
  /** Who ordered it: the name of a certificate, else what the caller said. */
  readonly by: string;
}

/** Something that a person should look at. */
export interface Alarm {
  readonly atMs: number;
  /** The stable word under which it is in the log. */
  readonly event: string;
  readonly fields: Readonly<Record<string, string | number>>;
}

/** An agent that fell silent and lost what it held; kept for a while, to see whether it was alone. */
export interface Silence {
  readonly agentId: string;
  readonly lastHeardAtMs: number;
  /** Keys of the attempts that were lost with it. */
  readonly lost: readonly string[];
}

/** An open stream of an agent. */
export interface Session {
  readonly sessionId: string;
  readonly instanceId: string;
  readonly attachedAtMs: number;
}

/** A Hello of another instance that waits for the open stream to prove that it is alive (protocol.md rule 2). */
export interface Newcomer {
  readonly probeId: string;
  readonly deadlineMs: number;
  readonly replyId: string;
  readonly sessionId: string;
  readonly hello: Hello;
}

/** What the controller knows of an agent just now; lives in memory only. */
export interface Presence {
  readonly agentId: string;
  session?: Session;
  instanceId: string;
  softwareVersion: string;
  inventory: Inventory | undefined;
  lastHeardAtMs: number;
  suspect: boolean;
  /** It has said Goodbye, or gives back what it holds: it takes nothing new on this stream. */
  leaving: boolean;
  /** When its side ended the stream; absent while it is open, or when we ended it. */
  closedAtMs: number | undefined;
  load1: number;
  scratchFreeBytes: number;
  newcomer: Newcomer | undefined;
  /** It holds leases and was not heard since the recovery window was opened. */
  expected: boolean;
  /** Attempts that it was asked to tell about; its events wait until it has (protocol.md rule 4). */
  recalls: { readonly keys: Set<string>; readonly deadlineMs: number } | undefined;
  /** What its Hello says that it knows beside the protocol's version. */
  readonly features: readonly string[];
  /** Room for new jobs; undefined: it does not tell. */
  scratchAvailableBytes: number | undefined;
  /** The job whose sources it was asked about, until it answers. */
  asked: { readonly jobId: string; readonly atMs: number } | undefined;
}

/** What is known of a job's sources; lives in memory, while the job is open. */
export interface KnownSources {
  /** Of all of them together; undefined: no agent has told yet. */
  totalBytes: number | undefined;
  readonly byAgent: Map<string, PresentSources>;
  /** Agents that were asked or have told, and need not be asked again. */
  readonly asked: Set<string>;
}

/** Open jobs of one user in one queue. */
export interface OpenFlow {
  readonly userId: string;
  readonly queue: string;
  readonly jobs: number;
}

/** What the last Progress of an attempt said; never stored. */
export interface Runtime {
  readonly state: HeldState;
  readonly percent: number;
  readonly etaMs?: number;
  readonly waiting?: string;
  /** Longest waiting for shares that was reported; it does not count as run time. */
  readonly waitedMs: number;
}

/** A job that an agent was told to prefetch. */
export interface Announcement {
  readonly announcementId: string;
  readonly jobId: string;
  readonly agentId: string;
  readonly sinceMs: number;
}

/** An agent that is not asked for a job for a while: it declined it, or gave it back. */
export interface Refusal {
  readonly untilMs: number;
  readonly reason: string;
  /** How long it was given for. */
  readonly forMs: number;
  /** It is over when a slot of the agent is free again. */
  readonly momentary: boolean;
}

/**
 * The whole farm in memory. The turn changes it in place and says what changed: between two turns it equals what is
 * committed, and it is dropped and loaded anew when the leadership is lost.
 */
export interface FarmState {
  readonly farmId: string;
  epoch: Epoch;
  readonly jobs: Map<string, JobRecord>;
  readonly bodies: Map<string, JobBody>;
  readonly attempts: Map<string, AttemptRecord>;
  readonly agents: Map<string, AgentRecord>;
  readonly requests: Map<string, RequestRecord>;
  readonly tombstones: Map<string, TombstoneRecord>;
  readonly shares: Map<string, ShareRecord>;
  /** Those that are paused, by name. */
  readonly queues: Map<string, QueueRecord>;
  /** One record, `farm`. */
  readonly farm: Map<string, FarmRecord>;
  /** What destinations outside have not been told, by destination and job. */
  readonly rows: Map<string, OutboxRow>;

  /** Derived: jobs that have not ended. */
  readonly openJobs: Set<string>;
  /** Derived: those of them that wait for an agent, as the planner takes them. */
  readonly waiting: WaitingLines;
  /** Derived: those of them that wait for a point in time. */
  readonly delayed: Set<string>;
  /** Derived: open jobs for which the catalogue has to be asked before they can be planned. */
  readonly awaitingCatalog: Set<string>;
  /** What is known of the catalogue, and asked of it. */
  readonly catalog: CatalogState;
  /** Derived: jobs that have ended, in the order in which they did. */
  readonly endedJobs: Set<string>;
  /** Derived: how many of them each user has. */
  readonly openPerUser: Map<string, number>;
  /** Derived: how many of them each queue has. */
  readonly openPerQueue: Map<string, number>;
  /** Derived: users and queues with open jobs, for fair share. */
  readonly openFlows: Map<string, OpenFlow>;
  /** Derived: rows by destination, in the order in which they are told. */
  readonly lanes: OutboxLanes;
  /** Derived: attempts that have not ended, by agent. */
  readonly liveAttempts: Map<string, Set<string>>;
  /** Derived: keys of a job's attempts, oldest first. */
  readonly attemptsOfJob: Map<string, readonly string[]>;

  readonly presences: Map<string, Presence>;
  readonly sessionOwners: Map<string, string>;
  readonly runtimes: Map<string, Runtime>;
  readonly announcements: Map<string, Announcement>;
  /** By job, then agent. */
  readonly refusals: Map<string, Map<string, Refusal>>;
  /** What is known of the sources of open jobs. */
  readonly sources: Map<string, KnownSources>;
  /** Starts that were promised to jobs that wait (scheduling.md, Deciding 3). */
  promises: ReadonlyMap<string, StartPromise>;
  /** What each flow of jobs has had; undefined: nothing was planned yet. */
  charges: Charges | undefined;
  readonly waitReasons: Map<string, string>;
  /** Why the jobs of a line that no agent can take a job of wait, by the line's key. */
  readonly lineReasons: Map<string, string>;
  /** Next try of a granted publication whose owner is gone, by attempt. */
  readonly publishRetries: Map<string, { readonly atMs: number; readonly tries: number }>;
  /** When an attempt was last spoken of by its agent, by attempt. */
  readonly lastWords: Map<string, { readonly atMs: number; readonly probedAtMs?: number }>;
  /** Who helps whom. */
  readonly assist: AssistState;
  readonly silences: Silence[];
  /** Attempts that nobody could tell about: they are not asked for again. */
  readonly untold: Set<string>;
  /** The newest, oldest first. */
  readonly alarms: Alarm[];
  /** No lease ends before; undefined outside a recovery window. */
  recoveryUntilMs: number | undefined;
  /** Destinations have come or gone since the leader before. */
  outboxMove: OutboxMove | undefined;
  nextSequence: number;
  nextMark: number;
  nextFenceCounter: number;
  nextAnnouncement: number;
  /** Something changed that the plan depends on. */
  planStale: boolean;
  /** A plan that was not finished within a turn's budget: it goes on in the next. */
  planning: Planning | undefined;
  /** The last complete plan, for people who ask; undefined: nothing waits. */
  lastPlan: CompletePlan | undefined;
  readonly counters: { staleEvents: number; eventGaps: number };
}

export function emptyState(farmId: string, epoch: Epoch): FarmState {
  return {
    farmId,
    epoch,
    jobs: new Map(),
    bodies: new Map(),
    attempts: new Map(),
    agents: new Map(),
    requests: new Map(),
    tombstones: new Map(),
    shares: new Map(),
    queues: new Map(),
    farm: new Map(),
    rows: new Map(),
    openJobs: new Set(),
    waiting: new WaitingLines(),
    delayed: new Set(),
    awaitingCatalog: new Set(),
    catalog: nothingAsked(),
    endedJobs: new Set(),
    openPerUser: new Map(),
    openPerQueue: new Map(),
    openFlows: new Map(),
    lanes: new Map(),
    liveAttempts: new Map(),
    attemptsOfJob: new Map(),
    presences: new Map(),
    sessionOwners: new Map(),
    runtimes: new Map(),
    announcements: new Map(),
    refusals: new Map(),
    sources: new Map(),
    promises: new Map(),
    charges: undefined,
    waitReasons: new Map(),
    lineReasons: new Map(),
    publishRetries: new Map(),
    lastWords: new Map(),
    assist: noAssist(),
    silences: [],
    untold: new Set(),
    alarms: [],
    recoveryUntilMs: undefined,
    outboxMove: undefined,
    nextSequence: 1,
    nextMark: 1,
    nextFenceCounter: 1,
    nextAnnouncement: 1,
    planStale: true,
    planning: undefined,
    lastPlan: undefined,
    counters: { staleEvents: 0, eventGaps: 0 },
  };
}

/** The key of an attempt, in memory and in the store. */
export function attemptKey(ref: JobRef): string {
  return `${ref.jobId}/${fenceText(ref.fence)}`;
}

/**
 * The agent protocol as plain TypeScript: every message that crosses the stream between an agent and the
 * controller, in the words of GLOSSARY.md. The wire form is renderfarm/v1/agent.proto; proto/codec converts,
 * and stops compiling when one side grows without the other.
 *
 * Units are in the names: `Ms` milliseconds, `Bytes` bytes. Times that end in `AtMs` are milliseconds since
 * the Unix epoch by the *sender's* clock: they are shown to people, never compared to decide anything.
 */

import type { AssignedJob } from './assigned-job.ts';
import type { FilesSeen, LookAtFiles } from './file-link.ts';
import type { AgentItemMessage, ControllerItemMessage, ItemRef, JoinClass } from './item-link.ts';
import type { Fence, JobRef, RateProfile, ResolvedItem } from './job-link.ts';
import type { Loudness } from './render-options.ts';

export type { AssignedJob, Wishes } from './assigned-job.ts';
export type { Fence, ItemType, JobRef, PriorityClass, RateProfile, ResolvedItem } from './job-link.ts';

/** What the controller's catalogue did to resolve a job's `video_id`s: Step 1a of the job's log. */
export interface Resolution {
  readonly queryMs: number;
  readonly found: number;
  readonly missing: readonly string[];
  readonly resolvedAtMs: number;
}

/** Where a result goes. UNC paths; each agent maps them to its own mounts. */
export interface OutputTarget {
  /** UNC folder of the output share, e.g. `\\192.168.1.6\Share\Output`. */
  readonly folder: string;
  /** UNC path of this attempt's staging folder: `<folder>\.renderfarm\<job>-<term>.<counter>`. */
  readonly stagingFolder: string;
  /** File name of the published result: `{channel_name}_{job_id}.mp4`. */
  readonly finalName: string;
  /** What the share's `.renderfarm/share-id` must say before anything is put there; absent: not known yet. */
  readonly shareId?: string;
}

/** Limits of one attempt (mission.md section 2; scheduling.md, Time). */
export interface AttemptLimits {
  readonly softRunMs: number;
  readonly hardRunMs: number;
  /** No frame and no bytes from FFmpeg for this long ends its process tree. */
  readonly stallMs: number;
  /** The same, before the first frame. */
  readonly startStallMs: number;
}

export interface Assign {
  readonly kind: 'assign';
  readonly ref: JobRef;
  /** 1 for the job's first attempt. */
  readonly attemptNumber: number;
  readonly job: AssignedJob;
  readonly resolution: Resolution;
  readonly output: OutputTarget;
  readonly limits: AttemptLimits;
}

/** A hint that this job will probably be next here: fetch its files. It gives no right to run. */
export interface Announce {
  readonly kind: 'announce';
  readonly announcementId: string;
  readonly jobId: string;
  readonly channelName: string;
  readonly items: readonly ResolvedItem[];
}

/** What the agent has of a waiting job is wanted, for the plan. Only for agents whose Hello names `sources`. */
export interface AskSources {
  readonly kind: 'ask-sources';
  readonly jobId: string;
  readonly enable4k: boolean;
  readonly rateProfile: RateProfile;
  readonly items: readonly ResolvedItem[];
}

export interface Withdraw {
  readonly kind: 'withdraw';
  readonly announcementId: string;
  readonly jobId: string;
}

export interface Cancel {
  readonly kind: 'cancel';
  readonly ref: JobRef;
  readonly mode: 'graceful' | 'kill';
  readonly graceMs: number;
  readonly reason: string;
  /** What the attempt's outcome will be. */
  readonly outcome: 'cancelled' | 'superseded' | 'evicted' | 'lost' | 'timed-out';
}

export interface PublishGrant {
  readonly kind: 'publish-grant';
  readonly ref: JobRef;
  readonly finalName: string;
}

export interface PublishRefused {
  readonly kind: 'publish-refused';
  readonly ref: JobRef;
  readonly reason: string;
}

/** The size, length and checksum of a finished file in its staging folder. */
export interface Manifest {
  /** File name inside the staging folder. */
  readonly fileName: string;
  readonly sizeBytes: number;
  readonly durationMs: number;
  readonly frames: number;
  readonly sha256: string;
  readonly features: readonly Feature[];
  /** What `.renderfarm/share-id` of the share says that it is staged on; absent: there is none. */
  readonly shareId?: string;
  /** Staged beside it, and published before it; absent: not asked for, or it could not be made. */
  readonly contactSheetName?: string;
  readonly previewName?: string;
  /** Absent: not measured. */
  readonly loudness?: Loudness;
}

export type Feature = 'logo_overlay' | 'text_animation' | 'image_slides' | '4k_output';

/** Finish a granted publication whose owner is gone (protocol.md 8c). */
export interface FinishPublish {
  readonly kind: 'finish-publish';
  readonly ref: JobRef;
  readonly output: OutputTarget;
  readonly manifest: Manifest;
  /** What `.renderfarm/share-id` of the output share must say; absent: not known yet. */
  readonly shareId?: string;
}

/** Take a grant back (protocol.md 8d): set the staging folder aside, then look whether the target is there. */
export interface AnnulPublish {
  readonly kind: 'annul-publish';
  readonly ref: JobRef;
  readonly output: OutputTarget;
  readonly manifest: Manifest;
  readonly shareId?: string;
}

/** The store does not know this attempt: its Assign is asked for, so that the job can be recreated. */
export interface Recall {
  readonly kind: 'recall';
  readonly ref: JobRef;
}

/** `cordoned` and `draining` take nothing new; `evict` also stops what is held when the deadline is over. */
export type AgentMode = 'active' | 'cordoned' | 'draining' | 'evict';

export interface SetMode {
  readonly kind: 'set-mode';
  readonly mode: AgentMode;
  /** From now; absent: none. */
  readonly deadlineMs?: number;
  readonly reason: string;
}

/** Probe what failed on this host: heals a sick one. */
export interface CheckHost {
  readonly kind: 'check-host';
  readonly checkId: string;
  /** Codes of the problems that made it sick. */
  readonly causes: readonly string[];
  /** Names of the shares that the failed jobs need. */
  readonly shares: readonly string[];
}

/** Remove the staging folder of an attempt that has ended. */
export interface Discard {
  readonly kind: 'discard';
  readonly ref: JobRef;
  readonly stagingFolder: string;
}

export interface EventAck {
  readonly kind: 'event-ack';
  /** The highest contiguous event number of the agent's journal that is committed. */
  readonly number: number;
}

export interface HeartbeatAck {
  readonly kind: 'heartbeat-ack';
  readonly sequence: number;
  readonly term: number;
}

export interface Probe {
  readonly kind: 'probe';
  readonly probeId: string;
}

export interface ControllerGoodbye {
  readonly kind: 'goodbye';
  readonly reason: 'restart' | 'superseded' | 'redirect' | 'refused';
  readonly comeBackAfterMs: number;
  /** Address of the leader, where the reason is `redirect`. */
  readonly address?: string;
}

export type Verdict =
  | { readonly verdict: 'keep' }
  | { readonly verdict: 'stop'; readonly reason: string; readonly outcome: Cancel['outcome'] }
  | { readonly verdict: 'forget' }
  | { readonly verdict: 'publish'; readonly finalName: string }
  | { readonly verdict: 'refused'; readonly reason: string }
  /** Goes on under the new fence; its staging path and work folder stay those of the first. */
  | { readonly verdict: 'adopt'; readonly fence: Fence };

export interface HeldVerdict {
  readonly ref: JobRef;
  readonly decision: Verdict;
}

export interface Welcome {
  readonly kind: 'welcome';
  readonly farmId: string;
  readonly term: number;
  readonly leaderId: string;
  readonly sessionId: string;
  readonly protocolVersion: number;
  readonly heartbeatMs: number;
  readonly progressMinMs: number;
  readonly progressMaxMs: number;
  /** The highest contiguous event number of this journal that is committed; 0 for an unknown journal. */
  readonly ackedEvent: number;
  readonly verdicts: readonly HeldVerdict[];
}

export type ControllerMessage =
  | Welcome
  | Assign
  | Announce
  | Withdraw
  | AskSources
  | Cancel
  | PublishGrant
  | PublishRefused
  | FinishPublish
  | AnnulPublish
  | Recall
  | SetMode
  | CheckHost
  | Discard
  | EventAck
  | HeartbeatAck
  | Probe
  | ControllerItemMessage
  | LookAtFiles
  | ControllerGoodbye;

/** Where an attempt is, as its agent sees it. */
export type HeldState = 'preparing' | 'running' | 'finishing' | 'ready' | 'publishing' | 'finished';

export type Outcome =
  | 'published'
  | 'failed'
  | 'timed-out'
  | 'lost'
  | 'cancelled'
  | 'superseded'
  | 'evicted'
  | 'returned'
  | 'declined';

/** Whose fault a failure is: `input` fails the job at once, `job` uses a retry, `environment` none. */
export type FailureClass = 'input' | 'job' | 'environment';

/** One thing that is wrong with one item (or with the job, where there is no position). */
export interface Problem {
  readonly position?: number;
  /** Field, UNC path or file that is meant. */
  readonly subject?: string;
  /** A stable code of docs/errors.md. */
  readonly code: string;
  readonly message: string;
}

/** What an attempt used, counted by its agent. */
export interface Usage {
  readonly copiedFiles: number;
  readonly copiedBytes: number;
  /** Files that were already here, thanks to an announcement or an earlier job. */
  readonly reusedFiles: number;
  readonly reusedBytes: number;
  readonly segmentsRendered: number;
  readonly segmentsReused: number;
  /** Of these: what other agents rendered for this attempt; absent: none. */
  readonly segmentsHelped?: number;
  readonly framesEncoded: number;
  /** From accepting the assignment to the last encoded frame. */
  readonly runMs: number;
  readonly waitedForSharesMs: number;
  /** From accepting the assignment to the first encoded frame; absent when no frame was encoded. */
  readonly firstFrameMs?: number;
}

export interface FinishedOutcome {
  readonly outcome: Outcome;
  readonly failureClass?: FailureClass;
  /** One sentence for people; begins with the old wording where there is one. */
  readonly message?: string;
  readonly problems: readonly Problem[];
  readonly exitCode?: number;
  /** The last lines of FFmpeg's stderr, at most 50. */
  readonly stderrTail: readonly string[];
  readonly publishedPath?: string;
  readonly usage: Usage;
}

/** One attempt that an agent holds, as Hello lists it. */
export interface HeldAttempt {
  readonly ref: JobRef;
  readonly state: HeldState;
  readonly percent: number;
  readonly manifest?: Manifest;
  readonly finished?: FinishedOutcome;
}

export interface AttemptTombstone {
  readonly ref: JobRef;
  readonly outcome: Outcome;
  readonly publishedPath?: string;
}

export interface EncoderCapability {
  /** The rung of the ladder that passed a real test encode, e.g. `h264_nvenc`, `libx264`. */
  readonly encoder: string;
  readonly rung: string;
  readonly hardware: boolean;
  readonly max: '1080p' | '2160p';
  /** Frames a second of the test encode at 1080p. */
  readonly framesPerSecond: number;
  readonly sessionsProbed: number;
}

export interface GpuFacts {
  readonly index: number;
  readonly name: string;
  readonly driver: string;
  readonly memoryBytes: number;
  /** Renders at a time on this card. */
  readonly slots: number;
  /** Encodes at a time that it was seen to do; 0: not probed. */
  readonly sessions: number;
}

/** How fast a PC is at one class of work, alone: by its own last renders, before the first by its test encodes. */
export interface ClassSpeed {
  readonly workClass: WorkClass;
  /** Seconds of output in a second. */
  readonly speed: number;
  /** Renders that it is the median of; 0: by test encodes. */
  readonly runs: number;
}

/** A kind of work that PCs do at speeds of their own: `hd` or `4k`. Open, so that others can be added. */
export type WorkClass = string;

/** The class of a job's work. */
export function workClassOf({ enable4k }: { readonly enable4k: boolean }): WorkClass {
  return enable4k ? '4k' : 'hd';
}

/** What a PC is and can do. */
export interface Inventory {
  readonly hostname: string;
  readonly os: string;
  readonly cpuModel: string;
  readonly cpuCores: number;
  readonly memoryBytes: number;
  readonly gpus: readonly GpuFacts[];
  readonly encoders: readonly EncoderCapability[];
  readonly ffmpegVersion: string;
  readonly scratchFreeBytes: number;
  readonly queues: readonly string[];
  readonly slots: number;
  readonly labels: readonly string[];
  /** Names of the shares that this agent has mounted and could read. */
  readonly shares: readonly string[];
  /** Which share each of them really is: what its `.renderfarm/share-id` says, where there is one. */
  readonly shareIds: readonly { readonly share: string; readonly id: string }[];
  /** A class that is not here cannot be rendered here. Empty from agents of release 0.1: by their encoders, then. */
  readonly speeds: readonly ClassSpeed[];
  /** Speed of each of k renders at a time, relative to one alone: the k-th. Empty: not measured. */
  readonly concurrentSpeeds: readonly number[];
  /** Copying from the shares, by the last copies; 0: not measured yet. */
  readonly copyBytesPerSecond: number;
  /** Room for a new job: what is free and what the cache can give up, less what the jobs here may still need. */
  readonly scratchAvailableBytes?: number;
  /** Which shared segment cache it reaches; absent: none. */
  readonly segmentCacheId?: string;
  /** Of the kinds of jobs whose segments others can render for it, and it for others; absent: none. */
  readonly joinClasses?: readonly JoinClass[];
}

export interface Hello {
  readonly kind: 'hello';
  readonly agentId: string;
  readonly instanceId: string;
  readonly softwareVersion: string;
  readonly protocolMin: number;
  readonly protocolMax: number;
  readonly features: readonly string[];
  /** The farm that this agent last belonged to; absent at its first attachment. */
  readonly farmId?: string;
  readonly highestTerm: number;
  readonly journalId: string;
  readonly firstUnackedEvent: number;
  readonly lastEvent: number;
  readonly inventory: Inventory;
  readonly held: readonly HeldAttempt[];
  /** Items of others' jobs that it renders; absent: none. */
  readonly heldItems?: readonly ItemRef[];
  readonly tombstones: readonly AttemptTombstone[];
}

export interface Heartbeat {
  readonly kind: 'heartbeat';
  readonly sequence: number;
  readonly load1: number;
  readonly scratchFreeBytes: number;
  readonly worstLoopStallMs: number;
  readonly oldestShareOperationMs: number;
  /** Answers a Probe. */
  readonly probeId?: string;
  /** As in the inventory. */
  readonly scratchAvailableBytes?: number;
}

export type AssignmentReply =
  | {
      readonly kind: 'assignment-reply';
      readonly ref: JobRef;
      readonly accepted: true;
      readonly presentBytes: number;
      readonly presentSegments: number;
    }
  | {
      readonly kind: 'assignment-reply';
      readonly ref: JobRef;
      readonly accepted: false;
      readonly code: string;
      readonly reason: string;
    };

export type AttemptEvent =
  | {
      readonly type: 'started';
      readonly copiedBytes: number;
      readonly reusedBytes: number;
      readonly totalFrames: number;
    }
  | {
      readonly type: 'segment-done';
      readonly position: number;
      readonly reused: boolean;
      readonly frames: number;
    }
  | { readonly type: 'encoded' }
  | { readonly type: 'ready'; readonly manifest: Manifest }
  | { readonly type: 'finished'; readonly finished: FinishedOutcome };

export interface JournalEvent {
  readonly kind: 'event';
  readonly number: number;
  readonly ref: JobRef;
  readonly atMs: number;
  readonly event: AttemptEvent;
}

export interface Progress {
  readonly kind: 'progress';
  readonly ref: JobRef;
  readonly state: HeldState;
  readonly percent: number;
  readonly framesDone: number;
  readonly framesTotal: number;
  readonly etaMs?: number;
  /** What the attempt is waiting for, and for how long. */
  readonly waiting?: { readonly reason: string; readonly waitedMs: number };
}

/** How far the files of an announced job are: shown to people, and the planner's missing bytes. */
export interface PrefetchReport {
  readonly kind: 'prefetch-report';
  readonly announcementId: string;
  readonly jobId: string;
  readonly state: 'fetching' | 'done' | 'failed' | 'withdrawn';
  readonly files: number;
  readonly bytes: number;
  /** Of all files of the job, as far as it is known. */
  readonly totalBytes?: number;
  readonly message?: string;
}

/** What this PC has of a job's sources and segments; answers AskSources. */
export interface SourcesReport {
  readonly kind: 'sources-report';
  readonly jobId: string;
  /** Of all its sources together; 0: not known, the message says why. */
  readonly totalBytes: number;
  readonly presentBytes: number;
  /** Length of the output whose segments are here already. */
  readonly presentOutputMs: number;
  readonly message?: string;
}

export interface InventoryChanged {
  readonly kind: 'inventory';
  readonly inventory: Inventory;
}

export interface FinishPublishReply {
  readonly kind: 'finish-publish-reply';
  readonly ref: JobRef;
  /** `absent`: neither staged nor target there; `mismatch`: the target is another file; `unreachable`: the share is. */
  readonly result: 'published' | 'absent' | 'mismatch' | 'unreachable';
  readonly publishedPath?: string;
  readonly detail?: string;
}

export interface AnnulPublishReply {
  readonly kind: 'annul-publish-reply';
  readonly ref: JobRef;
  /** `annulled`: the staging folder is set aside and the target is absent. */
  readonly result: 'annulled' | 'published' | 'mismatch' | 'unreachable';
  readonly publishedPath?: string;
  readonly detail?: string;
}

/** What the agent holds of an attempt that a Recall asked for; neither: it is not held any more. */
export interface Recalled {
  readonly kind: 'recalled';
  readonly ref: JobRef;
  readonly assign?: Assign;
  readonly held?: HeldAttempt;
}

export interface HostChecked {
  readonly kind: 'host-checked';
  readonly checkId: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface AgentGoodbye {
  readonly kind: 'goodbye';
  readonly reason: 'shutdown' | 'upgrade' | 'sleep';
  /** Attempts that are given back: requeued uncharged. */
  readonly givesBack: readonly JobRef[];
}

export type AgentMessage =
  | Hello
  | Heartbeat
  | AssignmentReply
  | JournalEvent
  | Progress
  | PrefetchReport
  | SourcesReport
  | InventoryChanged
  | FinishPublishReply
  | AnnulPublishReply
  | Recalled
  | HostChecked
  | AgentItemMessage
  | FilesSeen
  | AgentGoodbye;

/** One end of an open agent stream: the gRPC client and the controller's session both implement it. */
export interface AgentLink<Sent, Received> {
  /**
   * Queues a message. False: there is no room just now, wait for `drained` before sending anything that may be
   * dropped. Throws `LINK_OVERFLOW` beyond the queue's limit, after which the link is closed.
   */
  send(message: Sent): boolean;
  /** Resolves when the queue is empty again, or the link is closed. */
  drained(): Promise<void>;
  /** What the other end sends, in order; ends when the link does. */
  readonly received: AsyncIterable<Received>;
  /** Ends the link. Idempotent. */
  close(error?: Error): void;
}

export type AgentSideLink = AgentLink<AgentMessage, ControllerMessage>;
export type ControllerSideLink = AgentLink<ControllerMessage, AgentMessage>;

/** A fence as text, in file names and logs: `<term>.<counter>`. */
export function fenceText(fence: Fence): string {
  return `${fence.term}.${fence.counter}`;
}

/** Negative, zero or positive: `a` is older than, the same as, or newer than `b`. */
export function compareFences(a: Fence, b: Fence): number {
  return a.term - b.term || a.counter - b.counter;
}

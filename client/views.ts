import type { AgentMode, AgentOrderView, SicknessView } from './agent-order-views.ts';
import type { ItemInput, OptionsInput, Priority } from './job-input.ts';

/** The farm's own state of a job. */
export type JobState =
  /** Waits for a person to release it. */
  | 'held'
  /** Waits for an agent; the reason says for which. */
  | 'waiting'
  /** Waits for a point in time. */
  | 'delayed'
  /** Given to an agent that has not answered yet. */
  | 'assigned'
  /** Its agent fetches and probes the files. */
  | 'preparing'
  /** Its agent encodes. */
  | 'running'
  /** Every frame is encoded: join, verification, upload. */
  | 'finishing'
  /** Its file is staged, the right to publish is asked for. */
  | 'ready'
  /** The right is given; it can no longer be cancelled. */
  | 'publishing'
  /** Ended: the file has its final name. */
  | 'published'
  /** Ended with an error. */
  | 'failed'
  /** Ended: it lost too many agents, or failed too often for reasons of PCs; a person decides. */
  | 'quarantined'
  /** Ended by a person's wish. */
  | 'cancelled';

/** What users of the web application see. */
export type JobStatus = 'queued' | 'processing' | 'completed' | 'failed' | 'cancelled';

/** One thing that is wrong with a job that failed. */
export interface ProblemView {
  /** The item's position; absent where the whole job is meant. */
  readonly position?: number;
  /** The field, path or file that is meant. */
  readonly subject?: string;
  readonly code: string;
  readonly message: string;
}

/** Which agents a job may go to: all that is given must hold; an empty list says nothing. */
export interface WishesView {
  readonly onlyOn: readonly string[];
  readonly notOn: readonly string[];
  readonly labels: readonly string[];
}

/** Loudness of a result by EBU R128; every figure absent where it is silent, or too short to be measured. */
export interface LoudnessView {
  /** LUFS. */
  readonly integrated?: number;
  /** LU. */
  readonly range?: number;
  /** dBTP. */
  readonly truePeak?: number;
}

/** A job, without its items. */
export interface JobView {
  readonly jobId: string;
  readonly userId: string;
  readonly channelName: string;
  readonly enable4k: boolean;
  readonly queue: string;
  readonly priority: Priority;
  readonly state: JobState;
  readonly status: JobStatus;
  /** Whole percent: 0-99 until the result is published, then 100. */
  readonly progressPercent: number;
  /** Until the job's end, by what is known now. */
  readonly etaMs?: number;
  /** Why the job is where it is. */
  readonly reason?: string;
  readonly errorMessage?: string;
  readonly problems: readonly ProblemView[];
  /** The agent that has it, or had it last. */
  readonly agentId?: string;
  /** UNC path of the published result. */
  readonly outputPath?: string;
  readonly finalDurationMs?: number;
  readonly featuresUsed: readonly string[];
  readonly submittedAt: Date;
  readonly startedAt?: Date;
  readonly endedAt?: Date;
  readonly itemCount: number;
  readonly videoCount: number;
  readonly attemptCount: number;
  /** The routing rule that chose the queue. */
  readonly routeRule?: string;
  readonly wishes?: WishesView;
  /** When it should have ended. */
  readonly deadline?: Date;
  /** A delayed job waits until then; a held one will, when it is released. */
  readonly notBefore?: Date;
  /** What was asked for; absent: all off. */
  readonly options?: OptionsInput;
  /** UNC paths of what was published beside the result. */
  readonly contactSheetPath?: string;
  readonly previewPath?: string;
  readonly loudness?: LoudnessView;
}

/** One end of a job, as the table of results has it. */
export interface ResultView {
  readonly jobId: string;
  readonly username: string;
  readonly channelName: string;
  /** When it ended. */
  readonly timestamp: Date;
  /** Items of type video only. */
  readonly videoCount: number;
  /** Seconds of output. */
  readonly totalDurationS?: number;
  /** UNC path of the published result. */
  readonly outputPath?: string;
  /** The agent that published, else the last one. */
  readonly workerId?: string;
  readonly featuresUsed: readonly string[];
  /** Seconds of that attempt. */
  readonly processingTimeS?: number;
  readonly status: JobStatus;
}

/** Something that happened to a job. */
export interface TimelineView {
  readonly at: Date;
  /** A stable word: `submitted`, `assigned`, `started`, `encoded`, `published`, ... */
  readonly what: string;
  readonly detail?: string;
  readonly agentId?: string;
}

/** One message of a watch: the job as it is now. The same state may come more than once. */
export interface JobChange {
  readonly job: JobView;
  /** What is new in its timeline since the last message about it. */
  readonly news: readonly TimelineView[];
}

/** What the controller made of a submitted job. */
export interface Submission {
  readonly jobId: string;
  readonly status: JobStatus;
  /** `Job submitted successfully to {queue}`. */
  readonly message: string;
  readonly queue: string;
  readonly routeRule: string;
  /** The job was there already. */
  readonly existed: boolean;
}

/** A job with what was submitted and all that happened to it. */
export interface JobDetails {
  readonly job: JobView;
  readonly items: readonly ItemInput[];
  readonly timeline: readonly TimelineView[];
}

export type AttemptState =
  | 'assigned'
  | 'preparing'
  | 'running'
  | 'finishing'
  | 'ready'
  | 'publishing'
  | 'ended';

/** Why an attempt ended. */
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

/** Whose fault a failure was: the job's files, the job as such, or the PC's surroundings. */
export type FailureClass = 'input' | 'job' | 'environment';

/** What an attempt used. */
export interface UsageView {
  readonly copiedFiles: number;
  readonly copiedBytes: number;
  /** Files that were on the PC already. */
  readonly reusedFiles: number;
  readonly reusedBytes: number;
  readonly segmentsRendered: number;
  readonly segmentsReused: number;
  /** Of these, what other agents rendered for this attempt. */
  readonly segmentsHelped: number;
  readonly framesEncoded: number;
  /** From accepting the job to the last encoded frame. */
  readonly runMs: number;
  readonly waitedForSharesMs: number;
  /** From accepting the job to the first encoded frame. */
  readonly firstFrameMs?: number;
}

/** One try of a job on one agent. */
export interface AttemptView {
  readonly jobId: string;
  /** 1 for the job's first. */
  readonly number: number;
  /** `term.counter`: what proves this attempt's right to the job. */
  readonly fence: string;
  readonly agentId: string;
  readonly state: AttemptState;
  /** Absent while the attempt goes on. */
  readonly outcome?: Outcome;
  readonly failureClass?: FailureClass;
  readonly message?: string;
  readonly exitCode?: number;
  /** The last lines of FFmpeg's stderr. */
  readonly stderrTail: readonly string[];
  readonly assignedAt?: Date;
  readonly startedAt?: Date;
  readonly encodedAt?: Date;
  readonly endedAt?: Date;
  readonly usage?: UsageView;
  readonly timeline: readonly TimelineView[];
}

/** `suspect`: quiet, gets no new work; `detached`: not connected. */
export type AgentLiveness = 'attached' | 'suspect' | 'detached';

export interface HeldJobView {
  readonly jobId: string;
  readonly state: AttemptState;
  readonly progressPercent: number;
  readonly etaMs?: number;
}

export interface EncoderView {
  readonly encoder: string;
  readonly hardware: boolean;
  readonly maxFrame: '1080p' | '2160p';
  /** Frames a second of the test encode. */
  readonly framesPerSecond: number;
}

/** How fast a PC is at one class of work, alone. */
export interface SpeedView {
  /** `hd`, `4k`. */
  readonly workClass: string;
  /** Seconds of output in a second. */
  readonly speed: number;
  /** Renders that it is the median of; 0: by test encodes only. */
  readonly runs: number;
}

/** How good forecasts of a class of work were there: time that renders took, relative to what was predicted. */
export interface ForecastErrorView {
  readonly workClass: string;
  /** Renders that were compared. */
  readonly runs: number;
  readonly median: number;
  readonly p90: number;
}

/** One render PC. */
export interface AgentView {
  readonly agentId: string;
  readonly liveness: AgentLiveness;
  readonly softwareVersion: string;
  readonly hostname: string;
  readonly os: string;
  readonly gpus: readonly string[];
  readonly encoders: readonly EncoderView[];
  readonly ffmpegVersion: string;
  readonly queues: readonly string[];
  readonly labels: readonly string[];
  readonly shares: readonly string[];
  readonly slots: number;
  readonly slotsBusy: number;
  readonly held: readonly HeldJobView[];
  /** Jobs that it was told to prefetch. */
  readonly announcedJobIds: readonly string[];
  readonly attachedAt?: Date;
  /** Since it was last heard. */
  readonly silenceMs?: number;
  readonly loadAverage1m: number;
  readonly scratchFreeBytes: number;
  /** Room for new jobs: what is free, less what runs may still need, and what can be dropped. Absent: not told. */
  readonly roomBytes?: number;
  readonly speeds: readonly SpeedView[];
  readonly forecastErrors: readonly ForecastErrorView[];
  /** What holds for it now; `cordoned` also while it is sick. */
  readonly mode: AgentMode;
  /** Absent: nobody ordered anything. */
  readonly order?: AgentOrderView;
  /** Absent: it is well. */
  readonly sickness?: SicknessView;
}

/** A person wants no job of a queue to start. */
export interface QueuePauseView {
  readonly reason?: string;
  readonly by?: string;
  readonly since?: Date;
}

export interface QueueView {
  readonly name: string;
  readonly waiting: number;
  readonly processing: number;
  readonly agentsSubscribed: number;
  readonly agentsAttached: number;
  readonly softRunLimitMs?: number;
  readonly hardRunLimitMs?: number;
  readonly oldestWaitMs?: number;
  /** Its share of the farm beside other queues; absent: its jobs count for their users only. */
  readonly weight?: number;
  /** Jobs of it at a time on agents. */
  readonly runningMax?: number;
  /** Jobs of it that have not ended. */
  readonly jobsMax?: number;
  /** Absent: it is not paused. */
  readonly pause?: QueuePauseView;
}

/** Nothing more happens to the job by itself. */
export function hasEnded(state: JobState): boolean {
  return state === 'published' || state === 'failed' || state === 'quarantined' || state === 'cancelled';
}

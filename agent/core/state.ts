import type { AgentMode, AskSources, HeldState, Inventory, JobRef, Outcome } from '../../proto/agent-link.ts';
import type { LookAtFiles } from '../../proto/file-link.ts';
import type { ItemFinished, ItemRef } from '../../proto/item-link.ts';
import type { GpuLane } from './gpu-choice.ts';
import type { JournalState } from './journal-fold.ts';

/** Every figure that the core goes by. Times in ms. */
export interface CoreSettings {
  readonly agentId: string;
  readonly instanceId: string;
  readonly softwareVersion: string;
  readonly slots: number;
  /** Attempts that may be held at once, in all states but finished. */
  readonly heldMax: number;
  /** Events on the wire that are not acknowledged (protocol.md rule 7). */
  readonly windowEvents: number;
  /** Unacknowledged events above which `segment-done` is no longer written: the cache proves it. */
  readonly segmentEventsMax: number;
  /** From the opened stream to Welcome. */
  readonly welcomeMs: number;
  /** Unanswered heartbeats after which the link counts as dead. */
  readonly silentHeartbeats: number;
  readonly publishRetryMinMs: number;
  readonly publishRetryMaxMs: number;
  /** From the request to shut down to the end of the process. */
  readonly shutdownMs: number;
  /** How long the process waits for the acknowledgement of its last events after Goodbye. */
  readonly goodbyeAckMs: number;
  /** From an encoder that had no session left to the next try whether there is one. */
  readonly slotProbeMs: number;
  /** Scratch space that a job needs at all. */
  readonly scratchBytesMin: number;
  /** Scratch space of a second of film: its segments and its result. */
  readonly scratchBytesPerSecond: { readonly fullHd: number; readonly ultraHd: number };
}

/** @default the figures of protocol.md and scheduling.md */
export const defaultCoreFigures = {
  heldMax: 64,
  windowEvents: 64,
  segmentEventsMax: 4_096,
  welcomeMs: 10_000,
  silentHeartbeats: 3,
  publishRetryMinMs: 1_000,
  publishRetryMaxMs: 60_000,
  shutdownMs: 20_000,
  goodbyeAckMs: 2_000,
  slotProbeMs: 600_000,
  scratchBytesMin: 256 * 1024 ** 2,
  // Twice the maximum rate of mission.md section 5, and PCM: 2 x 20 or 50 Mbit/s + 1.5.
  scratchBytesPerSecond: { fullHd: 5_300_000, ultraHd: 12_800_000 },
} satisfies Partial<CoreSettings>;

/** The stream, as the core sees it. */
export interface LinkState {
  readonly id: number;
  readonly openedMs: number;
  /** Absent until Welcome: nothing but Hello is sent before it. */
  readonly session?: Session;
}

export interface Session {
  readonly sessionId: string;
  readonly term: number;
  readonly heartbeatMs: number;
  readonly progressMinMs: number;
  readonly progressMaxMs: number;
  readonly sequence: number;
  readonly nextHeartbeatMs: number;
  /** When an acknowledgement of a heartbeat was last heard, or the session began. */
  readonly lastAckMs: number;
  /** The highest event number that was sent on this stream. */
  readonly sentEvent: number;
}

/** What is known of a held attempt while this process lives; its durable half is in the journal. */
export interface LiveAttempt {
  readonly ref: JobRef;
  readonly state: HeldState;
  /** The GPU that it renders on, where there are several. */
  readonly gpuIndex?: number;
  readonly acceptedMs: number;
  readonly percent: number;
  readonly framesDone: number;
  readonly framesTotal: number;
  readonly etaMs?: number;
  readonly waiting?: { readonly reason: string; readonly waitedMs: number };
  readonly waitedForSharesMs: number;
  /** The first reason to stop wins. */
  readonly stopping?: { readonly outcome: Outcome; readonly reason: string; readonly killed: boolean };
  readonly progressSentMs: number;
  readonly progressChanged: boolean;
  /** While publishing: when to try again, and how often it was tried. Absent while a try is under way. */
  readonly publishRetry?: { readonly atMs: number; readonly detail: string };
  readonly publishTries: number;
  /** Scratch space that it was accepted for, in bytes. */
  readonly scratchBytes: number;
  /** A new fence was written down, and the shell has not followed yet: no progress goes out meanwhile. */
  readonly isBeingAdopted?: true;
}

export interface HeldAnnouncement {
  readonly announcementId: string;
  readonly jobId: string;
  readonly presentBytes: number;
  /** The stream that it came on: when that is over, nobody withdraws it any more. */
  readonly linkId: number;
}

/** What is known of a job's sources and segments here. */
export interface KnownSources {
  readonly totalBytes: number;
  readonly presentBytes: number;
  readonly presentSegments: number;
}

/** The disk as the shell saw it last, in bytes. */
export interface ScratchState {
  readonly freeBytes: number;
  /** What is free and what the caches can give up. */
  readonly availableBytes: number;
  /** Of these, what the attempts may still write that the shell has measured; by job. */
  readonly reserved: ReadonlyMap<string, number>;
}

export interface ShutdownState {
  readonly reason: 'shutdown' | 'upgrade' | 'sleep';
  readonly deadlineMs: number;
  readonly givesBack: readonly JobRef[];
  readonly goodbyeMs?: number;
  readonly exited: boolean;
}

/** What an operator has set (SetMode). It holds until the next Welcome, behind which it is sent again. */
export interface ModeState {
  readonly mode: AgentMode;
  readonly reason: string;
  /** When what is at work is stopped. Absent: not, or it was. */
  readonly evictAtMs?: number;
}

/** An item of another agent's job that is rendered here. It is in no journal: nothing of it outlives this process. */
export interface HeldItem {
  readonly item: ItemRef;
  /** The GPU that it renders on, where there are several. */
  readonly gpuIndex?: number;
  /** When its right is over. */
  readonly endMs: number;
  /** Scratch space that it was accepted for, in bytes. */
  readonly scratchBytes: number;
  /** The first reason to stop wins. */
  readonly stopping?: { readonly code: string; readonly message: string };
}

/** What became of a right, remembered for a controller that asks again. */
export interface EndedItem {
  readonly message: ItemFinished;
  readonly isSent: boolean;
}

/** Where slots are counted: one GPU of several, by its index, or the whole PC. */
export type SlotScope = number | 'host';

/** Fewer slots than are configured, because the encoder had no session left. */
export interface SlotLimit {
  readonly slots: number;
  readonly probeAtMs: number;
  readonly isProbing: boolean;
}

/** All that the agent knows. Replaced, never changed. */
export interface CoreState {
  readonly settings: CoreSettings;
  /** As the shell found it; `inventoryOf` says what is reported. */
  readonly inventory: Inventory;
  readonly scratch: ScratchState;
  /** Copying from the shares, as it was last told; 0: not measured yet. */
  readonly copyBytesPerSecond: number;
  readonly journal: JournalState;
  readonly journalHasRoom: boolean;
  readonly link?: LinkState;
  readonly attempts: ReadonlyMap<string, LiveAttempt>;
  readonly announcements: ReadonlyMap<string, HeldAnnouncement>;
  /** By `itemKey`, the oldest first. */
  readonly items: ReadonlyMap<string, HeldItem>;
  /** By `itemKey`, the oldest first. */
  readonly endedItems: ReadonlyMap<string, EndedItem>;
  /** Jobs whose sources are asked for: the first is looked at, the others wait. */
  readonly asks: readonly AskSources[];
  /** By job, the oldest first; of jobs that are not here yet. */
  readonly sources: ReadonlyMap<string, KnownSources>;
  /** Looks at files that are under way, by their ids. */
  readonly looks: ReadonlyMap<string, LookAtFiles>;
  /** Publications of other agents' attempts that are being finished here. */
  readonly finishing: ReadonlySet<string>;
  /** Grants that are being annulled here. */
  readonly annulling: ReadonlySet<string>;
  /** Host checks that are under way. */
  readonly checks: ReadonlySet<string>;
  readonly mode: ModeState;
  /** The GPUs that renders are shared out to; empty on a PC where nothing needs to be told apart. */
  readonly gpuLanes: readonly GpuLane[];
  readonly slotLimits: ReadonlyMap<SlotScope, SlotLimit>;
  /** What adopted attempts were called before, by key: the shell and late messages may still say it. */
  readonly formerRefs: ReadonlyMap<string, JobRef>;
  readonly shutdown?: ShutdownState;
}

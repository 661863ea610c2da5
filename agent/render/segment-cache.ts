import type { CheckedSegment } from './checked-segment.ts';

/** Finished segments (and whole jobs' sounds) by content key and join class, as one job sees them. */
export interface SegmentCache {
  /**
   * Puts a segment of that key at `target`: of the class that is asked for, else of the one that this PC makes, else of
   * the one that was used last. Undefined when there is none; what is wrong with a cache is never the job's trouble.
   */
  take(wanted: WantedSegment, target: string): Promise<TakenSegment | undefined>;
  /** Keeps a checked segment; `file` stays where it is. Resolves when the tier on this PC has it, or cannot. */
  keep(key: string, file: string, segment: CheckedSegment, origin?: SegmentOrigin): Promise<void>;
}

export interface TakenSegment extends CheckedSegment {
  readonly from: 'local' | 'shared';
}

export interface WantedSegment {
  readonly key: string;
  /** Left out while the job's class is not known. */
  readonly joinClass?: string;
}

/** By what people name a segment when they want it gone. */
export interface SegmentOrigin {
  /** UNC path of the item's source. */
  readonly source: string;
  readonly videoId?: string;
}

/** Whose cache it is. */
export interface SegmentUser {
  readonly jobId: string;
  /** It takes only what was made for this very job: so it can go on after a crash, and nothing older is believed. */
  readonly noCache?: boolean;
}

/** What it takes and keeps stays until it is closed, whatever room others need. */
export interface JobSegmentCache extends SegmentCache {
  /** Idempotent. */
  close(): void;
}

/** All segments of this PC. One process owns the folder. */
export interface SegmentStore {
  open(user: SegmentUser): JobSegmentCache;
  /** Whether the tier on this PC has a segment of that key, of any class; nothing is used by it. */
  has(key: string): Promise<boolean>;
  /** Whether the shared tier has one, of any class. False also where it does not answer. */
  hasShared(key: string): Promise<boolean>;
  /** Which shared tier this PC reaches: the same for all agents that reach it. Undefined when it does not answer, or there is none. */
  sharedId(): Promise<string | undefined>;
  /** Resolves when the shared tier has it (true), or will not get it from here (false). */
  offered(key: string, joinClass: string): Promise<boolean>;
  /** `resting` after a failure: it is left alone for a while. */
  sharedState(): SharedState;
  /** Bytes that no job uses: they are given up for one. */
  spareBytes(): number;
  /** Gives up those that were used longest ago, half a GiB at a time; false when there are none. */
  giveUp(): Promise<boolean>;
  statistics(): SegmentStatistics;
  /** Ends what is offered, and waits for what is being written. Idempotent. */
  close(): Promise<void>;
}

export type SharedState = 'none' | 'ready' | 'resting';

export interface SegmentStatistics {
  readonly local: TierStatistics;
  /** Absent without a shared tier. Entries and bytes are those of its last cleaning. */
  readonly shared?: TierStatistics;
}

/** Since the agent started, but entries and bytes: those are what is there. */
export interface TierStatistics {
  readonly entries: number;
  readonly bytes: number;
  readonly hits: number;
  readonly misses: number;
  readonly kept: number;
  readonly evicted: number;
  /** Found broken, and dropped. */
  readonly corrupt: number;
  /** What could not be done: the job goes on without. */
  readonly failed: number;
}

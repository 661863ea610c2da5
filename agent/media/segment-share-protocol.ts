/** What the agent asks a share child about the segment tier on a share, and its answers. */

import type { SegmentRecord } from './segment-files.ts';

/** Makes `incoming` and the folder's identity, and removes what earlier processes of this owner have left there. */
export interface PrepareSegmentsRequest {
  readonly op: 'prepare-segments';
  readonly root: string;
  /** Begins the names of its parts. */
  readonly owner: string;
}

export interface FindSegmentRequest {
  readonly op: 'find-segment';
  readonly root: string;
  readonly key: string;
  readonly joinClass?: string;
  /** What is found counts as used now. */
  readonly isUse: boolean;
}

/** Puts `incoming/<part>` in its place. */
export interface PlaceSegmentRequest {
  readonly op: 'place-segment';
  readonly root: string;
  readonly part: string;
  readonly record: SegmentRecord;
}

export interface DropSegmentRequest {
  readonly op: 'drop-segment';
  readonly root: string;
  readonly key: string;
  readonly joinClass: string;
}

/** Removes the least recently used until the rest fits, and what nobody will finish. One cleaner at a time. */
export interface CleanSegmentsRequest {
  readonly op: 'clean-segments';
  readonly root: string;
  readonly owner: string;
  readonly bytesMax: number;
  /** What was used a shorter time ago is in use, and stays. */
  readonly idleMs: number;
  /** Parts, and media without a record, that are older belong to nobody; so does another cleaner's lock. */
  readonly abandonedMs: number;
}

export type SegmentShareRequest =
  | PrepareSegmentsRequest
  | FindSegmentRequest
  | PlaceSegmentRequest
  | DropSegmentRequest
  | CleanSegmentsRequest;

export interface SegmentsFound {
  readonly records: readonly SegmentRecord[];
}

export interface SegmentsCleaned {
  /** Another agent cleans just now: nothing was done, and nothing is known. */
  readonly isOther: boolean;
  readonly entries: number;
  readonly bytes: number;
  readonly evicted: number;
}

/** Which shared tier it is: the same for all agents that reach this folder, whatever they call it. */
export interface SegmentsPrepared {
  readonly id: string;
}

/** Nothing more to say than that it is done. */
export type Done = Readonly<Record<string, never>>;

export interface SegmentShareResults {
  readonly 'prepare-segments': SegmentsPrepared;
  readonly 'find-segment': SegmentsFound;
  readonly 'place-segment': Done;
  readonly 'drop-segment': Done;
  readonly 'clean-segments': SegmentsCleaned;
}

export type SegmentShareOp = SegmentShareRequest['op'];

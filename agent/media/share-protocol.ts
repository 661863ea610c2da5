/**
 * What the agent and its share child say to each other: one JSON object a line, requests on the child's stdin,
 * replies on its stdout. One operation at a time per child, so nothing needs a number.
 */

import type { Speed } from './pace.ts';
import type { SegmentShareRequest, SegmentShareResults } from './segment-share-protocol.ts';

/** Facts of a file that decide whether a copy of it is still good. */
export interface SourceVersion {
  readonly sizeBytes: number;
  /** Time of change in nanoseconds, as text: a double cannot hold it. */
  readonly changedAtNs: string;
}

export interface ExamineRequest {
  readonly op: 'examine';
  readonly path: string;
  /** The file must lie below this folder, links followed. */
  readonly mountPath: string;
  /** Files below this many bytes are read and hashed too; 0 hashes none. */
  readonly hashBelowBytes: number;
}

/** Whether a file ends in the middle of its own structure. */
export interface EndsEarlyRequest {
  readonly op: 'ends-early';
  readonly path: string;
  /** The file must lie below this folder, links followed. */
  readonly mountPath: string;
  /** ffprobe's `format_name`. */
  readonly formatName: string;
}

export interface CopyRequest {
  readonly op: 'copy';
  readonly path: string;
  /** Left out when the source is a file of ours (an upload to the share). */
  readonly mountPath?: string;
  /** Written, fsynced and closed before `done`. Must not exist, unless it is replaced. */
  readonly target: string;
  /** What lies at the target is removed first, and its folder is synced afterwards. */
  readonly replace?: boolean;
}

export interface CheckMountRequest {
  readonly op: 'check-mount';
  readonly mountPath: string;
}

/** Makes a staging folder, and beside it the share's identity unless it is there. */
export interface MakeStagingRequest {
  readonly op: 'make-staging';
  readonly path: string;
  /** Never made: a mount point without its mount would fill the local disk. */
  readonly mountPath: string;
  readonly shareIdFile: string;
  readonly shareId: string;
}

export interface LookRequest {
  readonly op: 'look';
  readonly path: string;
}

/** Reads the identity of a share, a word of our own in a file. */
export interface ReadIdentityRequest {
  readonly op: 'read-identity';
  readonly path: string;
}

/** Removes the oldest folders of that prefix, by their own times, until `keep` are left. */
export interface ThinRequest {
  readonly op: 'thin';
  readonly folder: string;
  readonly prefix: string;
  readonly keep: number;
}

/** Within one volume; replaces what has that name. */
export interface RenameRequest {
  readonly op: 'rename';
  readonly from: string;
  readonly to: string;
}

/** Removes a folder with all that is in it, when the folder that it lies in is really called `parentName`. */
export interface RemoveRequest {
  readonly op: 'remove';
  readonly path: string;
  readonly parentName: string;
}

/** About the operation under way, and never answered: how fast it may go. Each operation begins at full speed. */
export interface SetSpeed {
  readonly op: 'set-speed';
  readonly speed: Speed;
}

export type ShareRequest =
  | ExamineRequest
  | EndsEarlyRequest
  | CopyRequest
  | CheckMountRequest
  | MakeStagingRequest
  | LookRequest
  | ReadIdentityRequest
  | ThinRequest
  | RenameRequest
  | RemoveRequest
  | SegmentShareRequest;

export interface Examined extends SourceVersion {
  /** Set when the file was smaller than `hashBelowBytes`. */
  readonly sha256?: string;
}

export interface EndFound {
  readonly endsEarly: boolean;
}

export interface Copied extends SourceVersion {
  readonly sha256: string;
}

export interface MountChecked {
  readonly readable: boolean;
  readonly writable: boolean;
  readonly empty: boolean;
  /** What an ordinary user may still write there; 0 when it cannot be read. */
  readonly freeBytes: number;
  /** The system's code of what failed first: `ENOENT`, `EIO`, `EROFS`, ... */
  readonly reason?: string;
}

export interface Looked {
  readonly isThere: boolean;
}

export interface Identified {
  /** Absent: there is none, or it is not written yet. */
  readonly identity?: string;
}

/** Nothing more to say than that it is done. */
export type Done = Readonly<Record<string, never>>;

/** The answer that each request gets. */
export interface ShareResults extends SegmentShareResults {
  readonly examine: Examined;
  readonly 'ends-early': EndFound;
  readonly copy: Copied;
  readonly 'check-mount': MountChecked;
  readonly 'make-staging': Done;
  readonly look: Looked;
  readonly 'read-identity': Identified;
  readonly thin: Done;
  readonly rename: Done;
  readonly remove: Done;
}

export type ShareReply =
  /** A sign of life: bytes read so far. */
  | { readonly type: 'bytes'; readonly bytes: number }
  | { readonly type: 'done'; readonly result: ShareResults[keyof ShareResults] }
  /** `code` is the system's (`ENOENT`), `SOURCE_CHANGED`, `SOURCE_GROWS`, `NOT_A_FILE` or `PATH_ESCAPES_SHARE`; `path` whose it is. */
  | {
      readonly type: 'failed';
      readonly code: string;
      readonly message: string;
      readonly side: 'source' | 'target';
    };

/** One read of a share. Small requests are slow over SMB: Node's own 64 KiB took 39 times as long on Windows. */
export const readBytes = 4 * 1024 * 1024;

/** Reads that are on their way at once for one file, by its speed; the fourth of Node's four file threads writes. */
export const readsInFlight: Readonly<Record<Speed, number>> = { full: 3, slow: 2, paused: 1 };

import type { Problem } from '../../proto/agent-link.ts';
import type { CommandLog } from './command-log.ts';
import type { RenderClock, RenderProgress } from './progress-meter.ts';

/** Who hears what happens during a render. Every listener returns at once. */
export interface RenderHooks {
  /** Aborting ends every FFmpeg and removes what is half-done. */
  readonly signal: AbortSignal;
  /** Aborting kills every FFmpeg at once. @default they get the request's grace time */
  readonly force?: AbortSignal;
  /** @default hears nothing */
  readonly log?: CommandLog;
  /** A segment begins, where none was under way. */
  readonly onBegin?: () => void;
  /** No segment is under way any more, or for now: the items that are left have no files yet. */
  readonly onIdle?: () => void;
  /** How long files of the job will still be copied, in ms; undefined when that cannot be said. @default all are here */
  readonly copyLeftMs?: () => number | undefined;
  /** Something that only rendering showed; the plan has its own warnings. */
  readonly onWarning?: (warning: Problem) => void;
  /** Counts this render's time among others on the PC. @default it is alone */
  readonly clock?: RenderClock;
  readonly onProgress?: (progress: RenderProgress) => void;
  /** The first frame of the job is encoded; not called when every segment was there already. */
  readonly onFirstFrame?: () => void;
  readonly onSegment?: (segment: SegmentDone) => void;
  /** The last frame is encoded: what follows (sound, join, verification) needs no slot. */
  readonly onEncoded?: () => void;
}

export interface SegmentDone {
  readonly position: number;
  readonly frames: number;
  /** It came out of the segment cache. */
  readonly isReused: boolean;
}

import type { ItemType, RateProfile } from '../../proto/agent-link.ts';
import type { Loudness } from '../../proto/render-options.ts';
import type { ProcessBook } from '../process/process-book.ts';
import type { EncoderRungName } from './encoder.ts';
import type { ExpectedRate } from './eta.ts';
import type { MediaFacts } from './facts.ts';
import type { SegmentCache } from './segment-cache.ts';

/** A job whose files are all in its work folder, ready to become one MP4. */
export interface RenderRequest {
  readonly jobId: string;
  readonly enable4k: boolean;
  /** In the order in which they are shown. */
  readonly items: readonly RenderItem[];
  /** Holds the items' files, and everything made on the way. Its owner removes it. */
  readonly workFolder: string;
  /** Where the verified MP4 goes. Until then only `<outputFile>.part` exists. */
  readonly outputFile: string;
  readonly encoder: EncoderChoice;
  readonly ffmpeg: FfmpegInstall;
  /** Segments at a time; asked again whenever one may begin, where it is a function. @default 1 */
  readonly concurrency?: number | (() => number);
  /** What this PC is known to do. @default nothing: there is no estimate before the render has shown one */
  readonly expected?: ExpectedRate;
  /** No frame and no bytes for this long ends FFmpeg. */
  readonly stallMs: number;
  /** The same, before the first frame. */
  readonly startStallMs: number;
  /** Between the polite end of an FFmpeg and its SIGKILL. @default 5000 */
  readonly graceMs?: number;
  /** Every frame of the result is decoded before it is called good. @default its key frames and new joints */
  readonly fullDecode?: boolean;
  /** Its loudness is measured. @default it is not */
  readonly loudnessReport?: boolean;
  /** What is made beside the result, of names of its own in the work folder. @default nothing */
  readonly contactSheet?: boolean;
  readonly preview?: boolean;
  /** An attempt before this one may have left segments in the cache whose joints nobody has decoded. @default none has */
  readonly hadAttempts?: boolean;
  /** Finished segments of all jobs. @default none: every segment is rendered */
  readonly segmentCache?: SegmentCache;
}

export interface EncoderChoice {
  readonly rung: EncoderRungName;
  readonly profile: RateProfile;
  readonly gpuIndex?: number;
  /** Threads of each FFmpeg (decoder, filters, software encoder). @default FFmpeg's choice */
  readonly threads?: number;
}

export interface FfmpegInstall {
  /** Name or path of the executables. */
  readonly ffmpeg: string;
  readonly ffprobe: string;
  /** The whole text of `ffmpeg -version`: part of every segment's key. */
  readonly versionText: string;
  /** Where running ones are written down. @default nowhere */
  readonly book?: ProcessBook;
}

/** A file of an item, in the work folder. */
export interface SourceFile {
  /** Plain name in the work folder: `video_3.mp4`, `logo_3.png`. */
  readonly fileName: string;
  /** Where it came from (UNC), for messages. */
  readonly sourcePath: string;
  /** SHA-256 of its content, in hex. */
  readonly sha256: string;
  /** Absent when it could not be probed; then `probeError` says why. */
  readonly facts?: MediaFacts;
  readonly probeError?: string;
}

export interface RenderItem extends SourceFile {
  readonly position: number;
  readonly itemType: ItemType;
  readonly title?: string;
  /** In the catalogue. */
  readonly videoId?: string;
  /** How long an image is shown; for anything else an estimate that never trims. */
  readonly durationMs?: number;
  /** Drawn on `video` items only. */
  readonly logo?: SourceFile;
  /** Typed over `video` items only. */
  readonly text?: string;
  /** What was measured of its sound, where it is to be brought to the farm's loudness. @default left as it is */
  readonly loudness?: Loudness;
}

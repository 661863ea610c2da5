/**
 * What the render plan needs to know of a probed file. agent/media fills it in: ffprobe's answers plus a packet scan of
 * the chosen streams. Times are seconds, as the container counts them. An absent field is one that the file does not tell.
 */
export interface MediaFacts {
  readonly sizeBytes: number;
  /** ffprobe's `format_name`, e.g. `mov,mp4,m4a,3gp,3g2,mj2`, `matroska,webm`, `mpegts`, `png_pipe`. */
  readonly formatName: string;
  /** A still picture (png_pipe, image2, webp_pipe, ...): shown for its item's duration. */
  readonly isImage: boolean;
  /** The duration that the container declares. */
  readonly containerDurationSeconds?: number;
  /** The container's own start time; stream times count from the same zero. */
  readonly containerStartSeconds: number;
  /** Every picture stream, attached pictures (cover art) included and marked. */
  readonly video: readonly VideoStreamFacts[];
  readonly audio: readonly AudioStreamFacts[];
  /** Set when the file's bytes end in the middle of a packet or box (a TS whose size is no multiple of 188). */
  readonly hasPartialEnd: boolean;
  /** Complaints of ffprobe while it scanned the packets, or decoded a still; at most 10 lines. */
  readonly scanWarnings: readonly string[];
}

export interface VideoStreamFacts {
  /** ffprobe's `index`: what `-map 0:index` takes. */
  readonly index: number;
  readonly codec: string;
  /** Coded size in pixels, before rotation and sample aspect ratio. */
  readonly width: number;
  readonly height: number;
  /** Width over height of one pixel; 1 when the file does not tell. */
  readonly sampleAspectRatio: number;
  /** Degrees that a player turns the picture: 0, 90, 180 or 270. */
  readonly rotation: number;
  /** ffprobe's `avg_frame_rate` and `r_frame_rate` as numbers; absent for `0/0`. */
  readonly averageFrameRate?: number;
  readonly baseFrameRate?: number;
  /** The stream's own `duration` field, where the container declares one. */
  readonly declaredDurationSeconds?: number;
  readonly startSeconds: number;
  /** From the packet scan. Absent where no scan was made (images, attached pictures). */
  readonly scan?: StreamScan;
  readonly pixelFormat: string;
  /** ffprobe's `color_primaries`, `color_transfer`, `color_space` and `color_range`; absent when `unknown`. */
  readonly colorPrimaries?: string;
  readonly colorTransfer?: string;
  readonly colorMatrix?: string;
  readonly colorRange?: string;
  /** ffprobe's `chroma_location`: `left` (what H.264 means when it says nothing), `center` (JPEG), `topleft` (HDR). */
  readonly chromaLocation?: string;
  /** ffprobe's `field_order`: `progressive`, `tt`, `bb`, `tb`, `bt`; absent when `unknown`. */
  readonly fieldOrder?: string;
  /** Cover art: never the picture of an item. */
  readonly isAttachedPicture: boolean;
  /** The file says that players show this one of several. */
  readonly isDefault?: boolean;
}

export interface AudioStreamFacts {
  readonly index: number;
  readonly codec: string;
  readonly sampleRate: number;
  readonly channels: number;
  readonly isDefault?: boolean;
  readonly declaredDurationSeconds?: number;
  readonly startSeconds: number;
  readonly scan?: StreamScan;
}

/** What reading every packet of a stream found. */
export interface StreamScan {
  readonly packets: number;
  /** The lowest presentation time of a packet, and the highest end (time plus duration) of one. */
  readonly firstSeconds: number;
  readonly endSeconds: number;
  /** The longest time without a packet between the first and the last. Absent where it is no longer than 0.7 s. */
  readonly gapSeconds?: number;
}

/** What an item of a compilation is. */
export type ItemType = 'intro' | 'video' | 'transition' | 'outro' | 'image';

/** How urgent a job is against others of its queue. */
export type Priority = 'low' | 'normal' | 'high' | 'urgent';

/** One entry of a job's sequence. It names its source by `videoId`, by `path`, or by both: then `videoId` wins. */
export interface ItemInput {
  /**
   * Where the item stands. Only the order counts, gaps are allowed; file names use the value.
   *
   * @default The item's index, provided that no item of the job has a position.
   */
  readonly position?: number;
  readonly itemType: ItemType;
  /** The catalogue's id of the source. An unknown id fails even where a path is given. */
  readonly videoId?: string;
  /** UNC path of the source: `\\host\Share\folder\clip.mp4`. */
  readonly path?: string;
  /** Becomes the title of the item's chapter. */
  readonly title?: string;
  /** UNC path of a logo, drawn at the top right of `video` items. */
  readonly logoPath?: string;
  /**
   * How long an image is shown; for anything else an estimate, which never trims. 100 to 3,600,000.
   *
   * @default 5000, for images
   */
  readonly durationMs?: number;
  /** Typed over `video` items; at most 200 characters as people count them. */
  readonly text?: string;
  /** What the caller knows of the source. Carried along, never trusted. */
  readonly resolution?: string;
  readonly is4k?: boolean;
  readonly pathAvailable?: boolean;
  /** Its sound is brought to the farm's loudness; of an item without sound it is ignored. @default false */
  readonly normalizeLoudness?: boolean;
}

/** Which agents a job may go to: all that is given must hold. At most 64 names in a list. */
export interface WishesInput {
  /** Only one of these agents. @default Any. */
  readonly onlyOn?: readonly string[];
  /** None of these agents. @default Any. */
  readonly notOn?: readonly string[];
  /** The agent must have every one. @default None. */
  readonly labels?: readonly string[];
}

/** Bit rates of a result. */
export type RateProfile = 'studio' | 'quality';

/** How a job is rendered, and what is made beside its result. */
export interface OptionsInput {
  /** @default The queue's. */
  readonly rateProfile?: RateProfile;
  /** Every segment is rendered anew. @default false */
  readonly noCache?: boolean;
  /** The work folder of a failed attempt stays on its PC. @default false */
  readonly keepFailed?: boolean;
  /** Every frame and all sound is decoded before the result is published. @default false */
  readonly fullDecode?: boolean;
  /** The result's loudness is measured. @default false */
  readonly loudnessReport?: boolean;
  /** A JPEG of frames is published beside the result. @default false */
  readonly contactSheet?: boolean;
  /** A small MP4 is published beside the result. @default false */
  readonly preview?: boolean;
}

/** A job as a caller writes it. */
export interface JobInput {
  /**
   * A UUID that the caller chose: submitting it twice is one job.
   *
   * @default Chosen by the controller, and returned.
   */
  readonly jobId?: string;
  /** 1-128 printable characters. */
  readonly userId: string;
  /** Part of the result's file name. */
  readonly channelName: string;
  /** 3840x2160 instead of 1920x1080. @default false */
  readonly enable4k?: boolean;
  /** 1-2,000 items. */
  readonly items: readonly ItemInput[];
  /** @default 'normal' */
  readonly priority?: Priority;
  /** Overrides the farm's routing rules. @default Chosen by the routing rules. */
  readonly queue?: string;
  /** An agent that meets them need not be there yet. @default Any agent. */
  readonly wishes?: WishesInput;
  /** It waits at least until then; at most 366 days ahead. @default It may start at once. */
  readonly notBefore?: Date;
  /** When it should have ended: it goes first in its class when time gets short. It is never stopped for it. */
  readonly deadline?: Date;
  /** @default All off. */
  readonly options?: OptionsInput;
}

import type { ItemType, PriorityClass, RateProfile, Wishes } from '../../proto/agent-link.ts';
import type { RenderOptions } from '../../proto/render-options.ts';

/** A job as a caller wrote it: nothing about it is believed yet. Empty texts mean absent. */
export interface JobDraft {
  readonly jobId: string;
  readonly userId: string;
  readonly channelName: string;
  readonly enable4k: boolean;
  readonly items: readonly ItemDraft[];
  /** Undefined: a value that we do not know. */
  readonly priority: PriorityClass | undefined;
  readonly queue: string;
  readonly wishes: Wishes | undefined;
  /** NaN: given, and no time. */
  readonly notBeforeMs: number | undefined;
  readonly deadlineMs: number | undefined;
  readonly options: OptionsDraft | undefined;
  /** Size of the whole job as it was encoded. */
  readonly encodedBytes: number;
}

export interface OptionsDraft extends Omit<RenderOptions, 'rateProfile'> {
  readonly rateProfile: RateProfile | 'unknown' | undefined;
}

export interface ItemDraft {
  readonly position: number;
  /** Undefined: none, or a type that we do not know. */
  readonly itemType: ItemType | undefined;
  readonly videoId: string;
  readonly path: string;
  readonly title: string;
  readonly logoPath: string;
  readonly durationMs: number | undefined;
  readonly text: string;
  /** Joined by spaces where `text` is empty: our reading of the old API's list. */
  readonly words: readonly string[];
  readonly resolution: string;
  readonly is4k: boolean | undefined;
  readonly pathAvailable: boolean | undefined;
  readonly normalizeLoudness: boolean;
  readonly encodedBytes: number;
}

/** The words that everything of the agent protocol is made of: rights to jobs, and items. */

/** The growing pair that proves who may act for a job: compare `term` first, then `counter`. */
export interface Fence {
  readonly term: number;
  readonly counter: number;
}

/** Everything about work is keyed by the job and the fence of one attempt. */
export interface JobRef {
  readonly jobId: string;
  readonly fence: Fence;
}

export type ItemType = 'intro' | 'video' | 'transition' | 'outro' | 'image';
export type PriorityClass = 'low' | 'normal' | 'high' | 'urgent';

/** An item as an agent gets it: its path is decided, ids are resolved. */
export interface ResolvedItem {
  readonly position: number;
  readonly itemType: ItemType;
  /** The catalogue's id, for messages only: `path` is what counts. */
  readonly videoId?: string;
  /** UNC path (`\\host\Share\...`) of the source, inside one of the farm's source shares. */
  readonly path: string;
  readonly title?: string;
  /** UNC path of the logo that is drawn on this item (`video` items only). */
  readonly logoPath?: string;
  /** How long an image is shown; for anything else an estimate that never trims. */
  readonly durationMs?: number;
  /** The text that is typed over this item (`video` items only). */
  readonly text?: string;
  /** Its sound is brought to the farm's loudness. Absent: it is left as it is. */
  readonly normalizeLoudness?: true;
}

export type RateProfile = 'studio' | 'quality';

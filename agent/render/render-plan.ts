import type { Feature, ItemType, Problem } from '../../proto/agent-link.ts';

/** Frames a second of every result: mission.md section 5. */
export const framesPerSecond = 30;

export const sampleRate = 48_000;

/** Samples of sound under one frame: 48,000 / 30. */
export const samplesPerFrame = sampleRate / framesPerSecond;

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What will be rendered, to the frame, before anything is. */
export interface RenderPlan {
  readonly frameSize: Size;
  readonly segments: readonly SegmentPlan[];
  readonly frames: number;
  readonly samples: number;
  readonly features: readonly Feature[];
  /** Things that people should know, but that do not stop the job. */
  readonly warnings: readonly Problem[];
}

/** One item, on its way to the job's final parameters. */
export interface SegmentPlan {
  readonly position: number;
  readonly itemType: ItemType;
  /** `{item_type}_{position}`: how logs and messages call it. */
  readonly name: string;
  readonly title: string | undefined;
  readonly videoId?: string;
  readonly fileName: string;
  readonly sourcePath: string;
  readonly sha256: string;
  readonly frames: number;
  readonly samples: number;
  readonly picture: PicturePlan;
  readonly sound: SoundPlan;
  readonly logo: LogoPlan | undefined;
  /** As it will be drawn: sanitised, at most 200 graphemes. */
  readonly text: string | undefined;
}

export interface PicturePlan {
  readonly kind: 'video' | 'still';
  readonly streamIndex: number;
  /** `possible`: some frames may be, whatever its first ones are. */
  readonly interlacing: 'none' | 'possible' | 'declared';
  /** Set once a render has found out that size, shape or pixel format change in the middle. */
  readonly isChanging?: true;
  readonly alpha: 'none' | 'rgb' | 'yuv';
  /** Pixels of the source are not square. */
  readonly isAnamorphic: boolean;
  /** Where colours are sampled: as in H.264, elsewhere but only by name (4:4:4, 4:2:2), or really elsewhere. */
  readonly chroma: 'left' | 'named' | 'moved';
  /** The rectangle that the source fills in the frame. */
  readonly fitted: Size;
  readonly color: ColorPlan;
}

/** How the source's numbers become bt709 in the tv range. */
export type ColorPlan =
  | { readonly kind: 'sdr'; readonly matrix: string; readonly range: 'tv' | 'pc' }
  | {
      readonly kind: 'hdr';
      readonly transfer: 'smpte2084' | 'arib-std-b67';
      readonly primaries: string;
      readonly matrix: string;
      readonly range: 'tv' | 'pc';
    };

export type SoundPlan =
  | {
      readonly kind: 'stream';
      readonly streamIndex: number;
      /** Brings it to the farm's loudness. @default it is left as it is */
      readonly gainDb?: number;
    }
  | { readonly kind: 'silence' };

export interface LogoPlan {
  readonly fileName: string;
  readonly sha256: string;
  /** Set when it is larger than the frame allows. */
  readonly reducedTo: Size | undefined;
  readonly color: ColorPlan;
}

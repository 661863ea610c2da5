import type { Feature, Problem } from '../../proto/agent-link.ts';
import type { Loudness } from '../../proto/render-options.ts';
import type { ExtraFiles } from './extras.ts';
import type { RenderFailure } from './failure.ts';

/** How a render ended. */
export type RenderResult =
  | { readonly status: 'rendered'; readonly output: RenderedOutput }
  /** Nothing was rendered: the items themselves are wrong, all of them named. */
  | { readonly status: 'rejected'; readonly problems: readonly Problem[] }
  | { readonly status: 'failed'; readonly failure: RenderFailure; readonly used: RenderUsage }
  | { readonly status: 'aborted'; readonly used: RenderUsage };

export interface RenderedOutput {
  readonly file: string;
  readonly sizeBytes: number;
  readonly frames: number;
  readonly durationMs: number;
  readonly features: readonly Feature[];
  readonly warnings: readonly Problem[];
  /** Absent: not asked for. */
  readonly loudness?: Loudness;
  /** What was made beside it: names in the work folder. */
  readonly extras: ExtraFiles;
  readonly used: RenderUsage;
  readonly timings: RenderTimings;
}

export interface RenderUsage {
  readonly segmentsRendered: number;
  readonly segmentsReused: number;
  readonly framesEncoded: number;
}

/** How long the parts took. */
export interface RenderTimings {
  readonly segmentsMs: number;
  readonly soundMs: number;
  readonly joinMs: number;
  readonly verifyMs: number;
}

import type { Usage } from '../../proto/index.ts';
import type { FetchedFile } from '../media/fetch.ts';

/** Counts what an attempt uses. Times come from one steady clock. */
export interface UsageCount {
  /** A file is here. */
  fetched(file: FetchedFile): void;
  firstFrame(): void;
  /** A segment is there. One that had to be made anew is told again: what was told last counts, and all that was encoded. */
  segment(segment: {
    readonly position: number;
    readonly frames: number;
    readonly isReused: boolean;
    /** The agent that rendered it for this attempt. */
    readonly helper?: string | undefined;
  }): void;
  /** The last frame is encoded: the run clock stops. Only the first call counts. */
  encoded(): void;
  /** All the time that was waited for source shares so far. */
  waitedForSources(totalMs: number): void;
  /** All the time that was waited for the output share so far. */
  waitedForOutput(totalMs: number): void;
  waitedForSharesMs(): number;
  total(): Usage;
}

export function createUsageCount(nowMs: () => number): UsageCount {
  const startedMs = nowMs();
  /** Where it came from, by position. */
  const segments = new Map<number, 'rendered' | 'cached' | 'helped'>();
  const files = { copiedFiles: 0, copiedBytes: 0, reusedFiles: 0, reusedBytes: 0 };
  const waitedMs = { sources: 0, output: 0 };
  const waitedForSharesMs = (): number => Math.round(waitedMs.sources + waitedMs.output);
  let framesEncoded = 0;
  let firstFrameMs: number | undefined;
  let runMs: number | undefined;
  const count = (wanted: 'rendered' | 'cached' | 'helped'): number =>
    [...segments.values()].filter((from) => from === wanted).length;
  const sinceStartMs = (): number => Math.round(nowMs() - startedMs);

  return {
    fetched({ reused, sizeBytes }) {
      if (reused) {
        files.reusedFiles += 1;
        files.reusedBytes += sizeBytes;
      } else {
        files.copiedFiles += 1;
        files.copiedBytes += sizeBytes;
      }
    },
    firstFrame() {
      firstFrameMs ??= sinceStartMs();
    },
    segment({ position, frames, isReused, helper }) {
      const reusedFrom = helper === undefined ? 'cached' : 'helped';
      segments.set(position, isReused ? reusedFrom : 'rendered');
      framesEncoded += isReused ? 0 : frames;
    },
    encoded() {
      runMs ??= sinceStartMs();
    },
    waitedForSources(totalMs) {
      waitedMs.sources = totalMs;
    },
    waitedForOutput(totalMs) {
      waitedMs.output = totalMs;
    },
    waitedForSharesMs,
    total: () => ({
      ...files,
      segmentsRendered: count('rendered'),
      segmentsReused: count('cached') + count('helped'),
      ...(count('helped') === 0 ? {} : { segmentsHelped: count('helped') }),
      framesEncoded,
      runMs: runMs ?? sinceStartMs(),
      waitedForSharesMs: waitedForSharesMs(),
      ...(firstFrameMs === undefined ? {} : { firstFrameMs }),
    }),
  };
}

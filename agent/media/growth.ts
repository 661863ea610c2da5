import { setTimeout as delay } from 'node:timers/promises';
import type { UnderwayOperation } from './share-operations.ts';
import { ShareOperationError } from './share-process.ts';
import type { SourceVersion } from './share-protocol.ts';
import { changeOf } from './source-change.ts';

/** How long a source that is still being written is waited for. */
export interface GrowthLimits {
  /**
   * A source that was written less than `freshMs` ago is looked at again so long after its copy began: a slow writer
   * between two writes looks like none. @default 2,000
   */
  readonly settleMs: number;
  /** One that grew is copied when it has not changed for this long. @default 20,000 */
  readonly quietMs: number;
  /** One that still grows so long after it was first seen to is an error. @default 600,000 */
  readonly limitMs: number;
  /** Between the first two looks at one that grows; each pause is twice the one before. @default 1,000 */
  readonly lookMs: number;
}

export const growthLimitsDefault: GrowthLimits = {
  settleMs: 2_000,
  quietMs: 20_000,
  limitMs: 600_000,
  lookMs: 1_000,
};

/** By this PC's clock. A file server whose clock is slower by more has its growth seen only while it is copied. */
const freshMs = 60_000;
/** The longest pause between two looks is this part of the quiet that is waited for. */
const looksPerQuiet = 4;

export function isFresh({ changedAtNs }: SourceVersion, nowMs: number): boolean {
  return Number(BigInt(changedAtNs) / 1_000_000n) > nowMs - freshMs;
}

/** Sources that are waited for because they still grow. */
export interface GrowthWaits {
  /**
   * Resolves with what a source is when it has been quiet for long enough. Rejects with ShareOperationError SOURCE_GROWS
   * at the limit, or as soon as `isWanted` says no; with the look's error; with the signal's reason.
   */
  untilQuiet(source: GrowingSource, signal: AbortSignal): Promise<SourceVersion>;
  /** Calls the listener as soon as that source is waited for, at once where it is; returns how to stop listening. */
  onWait(path: string, listener: () => void): () => void;
  /** What is waited for now, as share operations tell it. */
  underway(): readonly UnderwayOperation[];
}

export interface GrowingSource {
  readonly path: string;
  /** When it was first seen to grow, and how large it was; steady, in ms. */
  readonly sinceMs: number;
  readonly firstBytes: number;
  readonly look: () => Promise<SourceVersion>;
  /** Nobody waits minutes for a file that is only fetched ahead. */
  readonly isWanted: () => boolean;
}

/** Looks at each source again and again, holding no share child in between. */
export function createGrowthWaits(limits: GrowthLimits): GrowthWaits {
  const waits = new Set<{ readonly path: string; readonly sinceMs: number; sizeBytes: number }>();
  const listeners = new Set<{ readonly path: string; readonly listener: () => void }>();

  return {
    async untilQuiet({ path, sinceMs, firstBytes, look, isWanted }, signal) {
      const wait = { path, sinceMs, sizeBytes: firstBytes };
      waits.add(wait);
      for (const waiting of listeners) if (waiting.path === path) waiting.listener();
      try {
        let seen = await look();
        let quietSinceMs = performance.now();
        let pauseMs = limits.lookMs;
        while (performance.now() - quietSinceMs < limits.quietMs) {
          wait.sizeBytes = seen.sizeBytes;
          const grownMs = performance.now() - sinceMs;
          if (grownMs >= limits.limitMs || !isWanted()) {
            const sizes = `${firstBytes} bytes at first, ${seen.sizeBytes} after ${Math.round(grownMs / 1_000)} s`;
            throw new ShareOperationError('SOURCE_GROWS', `${path} still grows (${sizes})`);
          }
          await delay(pauseMs, undefined, { signal });
          pauseMs = Math.min(pauseMs * 2, limits.quietMs / looksPerQuiet);
          const now = await look();
          if (changeOf(seen, now) !== 'none') quietSinceMs = performance.now();
          seen = now;
        }
        return seen;
      } finally {
        waits.delete(wait);
      }
    },
    onWait(path, listener) {
      const waiting = { path, listener };
      listeners.add(waiting);
      if ([...waits].some((wait) => wait.path === path)) listener();
      return () => void listeners.delete(waiting);
    },
    underway: () => {
      const now = performance.now();
      return [...waits].map(({ path, sinceMs, sizeBytes }) => ({
        path,
        silentMs: now - sinceMs,
        why: `still grows, ${sizeBytes} bytes now`,
      }));
    },
  };
}

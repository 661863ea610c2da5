import type { ChaosFarm } from './farm.ts';
import type { Moments } from './moments.ts';
import type { MountedFolders } from './mounts.ts';

/** A fault that has begun. */
export interface Injection {
  /** What was really done, for the history. */
  readonly did: string;
  /** Puts everything back. Called once. */
  undo(): Promise<void> | void;
}

/** What faults act on. */
export interface Injected {
  readonly farm: ChaosFarm;
  readonly moments: Moments;
  readonly mounted: MountedFolders;
  /** Where what was seen in a folder that stood in for another is kept. */
  readonly keep: string;
  readonly signal: AbortSignal;
}

/** Nothing was done, and why. */
export function skipped(why: string): Injection {
  return { did: `skipped: ${why}`, undo: () => undefined };
}

/** One of them; the same number means the same one. */
export function victimOf<T>(from: readonly T[], victim: number): T | undefined {
  return from[victim % Math.max(1, from.length)];
}

import type { UnderwayOperation } from '../media/share-operations.ts';

export interface ShareWaitOptions {
  /** All share operations of this PC that are under way. */
  readonly underway: () => readonly UnderwayOperation[];
  /** The files of this attempt, on the shares as they are mounted here. */
  readonly paths: ReadonlySet<string>;
  /** Steady, in ms. */
  readonly nowMs: () => number;
  /** Told at every look while it waits, and once with no reason when it goes on; `totalMs` is all the waiting so far. */
  readonly onWait: (totalMs: number, reason: string | undefined) => void;
  /** While true, the attempt gets on without its shares. @default never */
  readonly isBusy?: () => boolean;
  /** @default 1,000 */
  readonly everyMs?: number;
}

/** A share that gives nothing for this long is waited for; less is how shares are. */
const quietMs = 2_000;

/**
 * Counts the time that an attempt waits for its shares: none of its operations has given a byte for a while. That time
 * is no run time of the job (mission.md section 2). Returns how to stop counting.
 */
export function watchShareWait(options: ShareWaitOptions): () => void {
  const look = countShareWait(options);
  const timer = setInterval(look, options.everyMs ?? 1_000);
  return () => {
    clearInterval(timer);
    look();
  };
}

/** The count alone: returns how to look once. */
export function countShareWait(options: Omit<ShareWaitOptions, 'everyMs'>): () => void {
  const { nowMs, onWait, isBusy = () => false } = options;
  let countedUpToMs: number | undefined;
  let totalMs = 0;
  return () => {
    const silent = isBusy() ? undefined : longestLife(options);
    if (silent === undefined || silent.silentMs < quietMs) {
      if (countedUpToMs !== undefined) onWait(totalMs, undefined);
      countedUpToMs = undefined;
      return;
    }
    const now = nowMs();
    totalMs += Math.round(countedUpToMs === undefined ? silent.silentMs : now - countedUpToMs);
    countedUpToMs = now;
    const why = silent.why ?? `no byte for ${Math.round(silent.silentMs / 1_000)} s`;
    onWait(totalMs, `${silent.path}: ${why}`);
  };
}

/** The operation of ours that gave a byte last: as long as one moves, the attempt gets on. */
function longestLife({
  underway,
  paths,
}: Pick<ShareWaitOptions, 'underway' | 'paths'>): UnderwayOperation | undefined {
  return underway()
    .filter(({ path }) => paths.has(path))
    .reduce<UnderwayOperation | undefined>(
      (best, one) => (best === undefined || one.silentMs < best.silentMs ? one : best),
      undefined,
    );
}

import type { Clock } from '../engine/ports.ts';
import type { PastRows } from '../store/past-rows.ts';

export interface CleanUpOptions {
  readonly tables: readonly PastRows[];
  readonly keepMs: number;
  readonly rowsMax: number;
  readonly clock: Clock;
  /** Only who leads deletes. */
  readonly isLeading: () => boolean;
  readonly log: { warn(fields: object, message: string): void };
}

/** Rows that go in one step: whoever reads the table waits no longer than that takes. */
const sliceMax = 500;
/** Between two looks, and between two slices. */
const lookEveryMs = 10 * 60_000;
const sliceEveryMs = 200;

/** Deletes what is too old or too much, a slice at a time, until the returned function is called. */
export function cleanUp(options: CleanUpOptions): () => void {
  const { tables, keepMs, rowsMax, clock, isLeading, log } = options;
  let stop = (): void => undefined;
  let isStopped = false;
  const later = (ms: number): void => {
    if (!isStopped) stop = clock.after(ms, () => void look());
  };
  const look = async (): Promise<void> => {
    if (!isLeading()) {
      later(lookEveryMs);
      return;
    }
    try {
      const limits = { endedBeforeMs: clock.nowMs() - keepMs, rowsMax, sliceMax };
      const gone = await Promise.all(tables.map((rows) => rows.expire(limits)));
      later(gone.some((count) => count >= sliceMax) ? sliceEveryMs : lookEveryMs);
    } catch (error) {
      if (!isStopped) log.warn({ err: error }, 'old history could not be deleted; trying again later');
      later(lookEveryMs);
    }
  };
  later(sliceEveryMs);
  return () => {
    isStopped = true;
    stop();
  };
}

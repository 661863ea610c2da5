/** How long a job's files will still be copied, by what it has copied itself, else by what this PC's shares are known to give. */
export interface CopyLeft {
  readonly measured: (missingBytes: number) => void;
  readonly copied: (bytes: number) => void;
  /** All is here, or will not come. */
  readonly end: () => void;
  /** In ms; undefined before the files are measured, or while no speed is known. */
  readonly leftMs: () => number | undefined;
}

export interface CopyLeftOptions {
  /** Steady. */
  readonly nowMs: () => number;
  /** 0 or undefined: not known. */
  readonly bytesPerSecond: () => number | undefined;
}

export function createCopyLeft({ nowMs, bytesPerSecond }: CopyLeftOptions): CopyLeft {
  let missing: number | undefined;
  let done = 0;
  let sinceMs = nowMs();
  let lastMs = sinceMs;
  return {
    measured(missingBytes) {
      missing = missingBytes;
      sinceMs = nowMs();
      lastMs = sinceMs;
    },
    copied(bytes) {
      done += bytes;
      lastMs = nowMs();
    },
    end: () => void (missing = 0),
    leftMs() {
      if (missing === undefined) return undefined;
      const left = Math.max(0, missing - done);
      if (left === 0) return 0;
      const known = bytesPerSecond() ?? 0;
      const elapsedMs = lastMs - sinceMs;
      const perMs = done > 0 && elapsedMs > 0 ? done / elapsedMs : known / 1_000;
      if (!(perMs > 0)) return undefined;
      // What has come of the files under way is not known: the time since the last one that came whole is.
      return Math.max(0, left / perMs - (nowMs() - lastMs));
    },
  };
}

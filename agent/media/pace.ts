/** How fast a copy may go: copies for hints make way for the job that runs. */
export type Speed = 'full' | 'slow' | 'paused';

/** A speed that changes while a copy is under way. */
export interface Pace {
  now(): Speed;
  /** Told after each change; returns how to stop listening. */
  onChange(listener: () => void): () => void;
}

/** One file that is fetched ahead, from before its copy begins. */
export interface PacedCopy {
  readonly pace: Pace;
  /** It is here, or given up: others may go. Idempotent. */
  end(): void;
}

/** Who listens, and how they are told. */
export function createListeners(): { readonly add: Pace['onChange']; tell(): void } {
  const listeners = new Set<() => void>();
  return {
    add(listener) {
      const mine = (): void => listener();
      listeners.add(mine);
      return () => void listeners.delete(mine);
    },
    tell() {
      for (const listener of [...listeners]) listener();
    },
  };
}

/** A pace that its owner sets; full at first. */
export function createSettablePace(): Pace & { set(speed: Speed): void } {
  const listeners = createListeners();
  let now: Speed = 'full';
  return {
    now: () => now,
    onChange: (listener) => listeners.add(listener),
    set(speed) {
      if (speed === now) return;
      now = speed;
      listeners.tell();
    },
  };
}

/** Resolves when the copy may go on; rejects with the signal's reason. */
export async function mayGo(pace: Pace, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (pace.now() !== 'paused') return;
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const abort = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  const stop = pace.onChange(() => {
    if (pace.now() !== 'paused') resolve(undefined);
  });
  try {
    await promise;
  } finally {
    stop();
    signal.removeEventListener('abort', abort);
  }
}

/** The pace of a copy that several wait for. */
export interface SharedPace extends Pace {
  /** A job waits for it, or a hint with its own pace; returns how to leave, once. */
  join(hint: Pace | undefined): () => void;
  /** A job waits for it, not only hints. */
  isForJob(): boolean;
  /** Nobody waits any more. */
  isLeft(): boolean;
}

/** Full as soon as a job waits for the copy, else that of the quickest hint. */
export function createSharedPace(): SharedPace {
  const hints = new Set<Pace>();
  const listeners = createListeners();
  let jobs = 0;
  const now = (): Speed => {
    if (jobs > 0 || hints.size === 0) return 'full';
    const speeds = [...hints].map((hint) => hint.now());
    return speeds.find((speed) => speed === 'full') ?? speeds.find((speed) => speed === 'slow') ?? 'paused';
  };
  return {
    now,
    onChange: (listener) => listeners.add(listener),
    isForJob: () => jobs > 0,
    isLeft: () => jobs + hints.size === 0,
    join(hint) {
      if (hint === undefined) jobs += 1;
      else hints.add(hint);
      const stop = hint?.onChange(() => listeners.tell());
      listeners.tell();
      return () => {
        if (hint === undefined) jobs -= 1;
        else hints.delete(hint);
        stop?.();
        listeners.tell();
      };
    },
  };
}

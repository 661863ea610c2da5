import { startFairTimer } from './fair-timer.ts';
import type { ResolvedProcessOptions } from './process-options.ts';
import type { ProcessCause } from './process-result.ts';

/** Ends a process tree once, and remembers what for: the first cause wins. */
export interface Ending {
  begin(cause: ProcessCause): void;
  cause(): ProcessCause | undefined;
  /** Somebody would not wait for the grace time. */
  isForced(): boolean;
  /** Stops listening to the abort signals and to the clock. */
  release(): void;
}

/** The two ways to end a process tree. */
export interface Ends {
  /** Politely, and by force after the grace time. */
  readonly terminate: () => void;
  readonly kill: () => void;
}

/** Ends it when a signal aborts or the time is over, or when somebody calls `begin`. */
export function endOnSignalOrTimeout(
  { signal, force, timeoutMs }: Pick<ResolvedProcessOptions, 'signal' | 'force' | 'timeoutMs'>,
  { terminate, kill }: Ends,
): Ending {
  let first: ProcessCause | undefined;
  let isForced = false;
  const begin = (cause: ProcessCause): void => {
    if (first !== undefined) return;
    first = cause;
    terminate();
  };
  const onAbort = (): void => begin('aborted');
  const onForce = (): void => {
    first ??= 'aborted';
    isForced = true;
    kill();
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  force?.addEventListener('abort', onForce, { once: true });
  const timer = timeoutMs === undefined ? undefined : startFairTimer(timeoutMs, () => begin('timed-out'));

  return {
    begin,
    cause: () => first,
    isForced: () => isForced,
    release: () => {
      signal?.removeEventListener('abort', onAbort);
      force?.removeEventListener('abort', onForce);
      timer?.stop();
    },
  };
}

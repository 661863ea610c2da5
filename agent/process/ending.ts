import type { ResolvedProcessOptions } from './process-options.ts';
import type { ProcessCause } from './process-result.ts';

/** Ends a process tree once, and remembers what for: the first cause wins. */
export interface Ending {
  begin(cause: ProcessCause): void;
  cause(): ProcessCause | undefined;
  /** Stops listening to the abort signal and to the clock. */
  release(): void;
}

/** Ends it when the signal aborts or the time is over, or when somebody calls `begin`. */
export function endOnSignalOrTimeout(
  { signal, timeoutMs }: Pick<ResolvedProcessOptions, 'signal' | 'timeoutMs'>,
  terminate: () => void,
): Ending {
  let first: ProcessCause | undefined;
  const begin = (cause: ProcessCause): void => {
    if (first !== undefined) return;
    first = cause;
    terminate();
  };
  const onAbort = (): void => begin('aborted');
  signal?.addEventListener('abort', onAbort, { once: true });
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => begin('timed-out'), timeoutMs);

  return {
    begin,
    cause: () => first,
    release: () => {
      signal?.removeEventListener('abort', onAbort);
      clearTimeout(timer);
    },
  };
}

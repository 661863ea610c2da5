import type { Writable } from 'node:stream';
import type { ProcessBook } from './process-book.ts';

/** A program to run, the limits that it runs under, and who listens to it. */
export interface ProcessOptions {
  /** Name or path of the executable; never a shell line. */
  readonly file: string;
  readonly args: readonly string[];
  /** @default the agent's own working directory */
  readonly cwd?: string;
  /** Added to the environment that the agent itself runs in. */
  readonly env?: Readonly<Record<string, string>>;
  /** Aborting ends the whole process tree: gracefully first, by force after `graceMs`. */
  readonly signal?: AbortSignal;
  /** Aborting ends the whole process tree by SIGKILL at once, also one that is being ended gracefully. */
  readonly force?: AbortSignal;
  /** Between the polite signal and SIGKILL. @default 5000 */
  readonly graceMs?: number;
  /** Ends the tree after this long, however busy it is. @default no limit */
  readonly timeoutMs?: number;
  /** No sign of life for this long ends the tree. @default no limit */
  readonly stallMs?: number;
  /** The same, before the first sign of life. @default stallMs */
  readonly startStallMs?: number;
  /** What counts as a sign of life: any output, or only what a listener `touch`es. @default 'output' */
  readonly aliveBy?: 'output' | 'touch';
  /** @default 'below-normal' */
  readonly priority?: 'normal' | 'below-normal';
  /** Characters of a line that are kept; the rest of it is dropped. @default 8192 */
  readonly lineCharsMax?: number;
  /** Last lines of stderr that the result carries. @default 50 */
  readonly stderrTailLines?: number;
  /** Characters of stdout that the result carries; more sets `stdoutCut`. @default 0 */
  readonly stdoutCharsMax?: number;
  readonly onSpawn?: (pid: number) => void;
  /** Where it is written down while it runs, so that it is found when the agent is killed. @default nowhere */
  readonly book?: ProcessBook;
  /** Gets the program's standard input, which it must end; `touch` is a sign of life. @default nothing is written */
  readonly onStdin?: (stdin: Writable, touch: () => void) => void;
  readonly onStdoutLine?: LineListener;
  readonly onStderrLine?: LineListener;
}

/**
 * Gets each line without its ending, in order. `touch` is a sign of life for the watchdog. An error thrown here
 * ends the process tree and rejects the run: a listener that throws is a broken assumption.
 */
export type LineListener = (line: string, touch: () => void) => void;

/** What `runProcess` works with: every default is decided. */
export type ResolvedProcessOptions = Required<Omit<ProcessOptions, OptionsWithoutDefault>> &
  Pick<ProcessOptions, OptionsWithoutDefault>;

type OptionsWithoutDefault =
  | 'onStdin'
  | 'book'
  | 'cwd'
  | 'signal'
  | 'force'
  | 'timeoutMs'
  | 'stallMs'
  | 'startStallMs';

const nothing = (): void => undefined;

/** The one place of the defaults. */
export function resolveProcessOptions(options: ProcessOptions): ResolvedProcessOptions {
  return {
    env: {},
    graceMs: 5000,
    aliveBy: 'output',
    priority: 'below-normal',
    lineCharsMax: 8192,
    stderrTailLines: 50,
    stdoutCharsMax: 0,
    onSpawn: nothing,
    onStdoutLine: nothing,
    onStderrLine: nothing,
    ...options,
  };
}

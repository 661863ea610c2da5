/**
 * What a run leaves behind for its judgement, line by line. Everything in it was written down by agents, seen on the
 * output share, or told to a client; nothing comes from the controller's store.
 */
import type { JobState } from '../client/views.ts';

/** A line of `told.jsonl`: what a client did and was told. */
export type ToldLine = { readonly atMs: number } & (
  | { readonly what: 'submitting'; readonly jobId: string; readonly expect: Expectation }
  /** From here on the job may not be lost. */
  | { readonly what: 'acknowledged'; readonly jobId: string }
  /** The farm refused it: it never was. */
  | { readonly what: 'refused'; readonly jobId: string; readonly code: string }
  | { readonly what: 'cancel-acknowledged'; readonly jobId: string }
  | { readonly what: 'cancel-refused'; readonly jobId: string; readonly code: string }
  /** A watch said that the job has ended. */
  | { readonly what: 'ended'; readonly jobId: string; readonly state: JobState; readonly message?: string }
  /** Asked when the farm had come to rest. `unknown`: the farm knows no such job. */
  | { readonly what: 'at-rest'; readonly jobId: string; readonly state: JobState | 'unknown' }
);

/** What is wrong with a job's files on purpose. */
export type Expectation = 'publishable' | 'broken';

/** A line of `share.jsonl`: a file that appeared under a final name in the output folder. */
export interface SightingLine {
  readonly atMs: number;
  readonly name: string;
  /** Another inode under the same name is another file. */
  readonly inode: number;
  /** `<job>-<term>.<counter>` of the attempt that made it, as its content says; absent: it does not say. */
  readonly attempt?: string;
}

/** A line of `faults.jsonl`. */
export interface FaultLine {
  readonly atMs: number;
  readonly fault: string;
  /** `begins`, `ends`, or what came of it. */
  readonly what: string;
}

/** Files of a history folder. */
export const historyFiles = {
  told: 'told.jsonl',
  share: 'share.jsonl',
  faults: 'faults.jsonl',
  journals: 'journals',
  ticks: 'ticks',
  logs: 'logs',
  farm: 'farm',
  verdict: 'verdict.json',
} as const;

/** The attempt that a finished file says it comes from; undefined when it says nothing. */
export function attemptInContent(content: Buffer): string | undefined {
  return /attempt=([0-9a-f-]{36}-\d+\.\d+)/u.exec(content.toString('latin1'))?.[1];
}

/** The job in `<channel>_<job>.mp4`. */
export function jobOfResult(name: string): string | undefined {
  return /_([0-9a-f-]{36})\.mp4$/u.exec(name)?.[1];
}

import type { FailureClass } from '../../proto/agent-link.ts';

/** What a job is like, whoever renders it. */
export interface JobPlan {
  /** Alone on an agent of speed 1. */
  readonly workMs: number;
  readonly fetchMs: number;
  readonly tailMs: number;
  readonly segments: number;
  /**
   * `failsOnce` and `fails` name the class that an attempt fails with; `hangs` until somebody stops it, `mute` without
   * a word of progress; `poison` kills the agent that renders it.
   */
  readonly fate: Fate;
}

export type Fate =
  | 'good'
  | 'hangs'
  | 'mute'
  | 'poison'
  | { readonly fails: FailureClass }
  | { readonly failsOnce: FailureClass };

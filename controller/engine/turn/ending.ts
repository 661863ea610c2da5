import type { FailureClass, FinishedOutcome, Outcome, Problem } from '../../../proto/agent-link.ts';

/** How an attempt ended. */
export interface Ending {
  readonly outcome: Outcome;
  readonly message: string;
  readonly failureClass?: FailureClass;
  readonly problems?: readonly Problem[];
  /** What the agent reported; absent where the controller decided by itself. */
  readonly finished?: FinishedOutcome;
  /** Of a loss: it is held against the job. @default true */
  readonly counted?: boolean;
  /** Its work is what was wanted: its user has had it, and people need not look. @default only where it published */
  readonly used?: true;
}

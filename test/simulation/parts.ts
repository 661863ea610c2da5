import type { OutputShare } from '../../agent/attempt/output-share.ts';
import { finishPublish, publish } from '../../agent/attempt/publish.ts';
import { recover } from '../../agent/core/recover.ts';
import { step } from '../../agent/core/step.ts';
import { beginRecovery, turn } from '../../controller/engine/turn/turn.ts';

/** The real code under test. A deliberate bug is one of these functions, wrapped. */
export interface Parts {
  readonly turn: typeof turn;
  readonly beginRecovery: typeof beginRecovery;
  readonly step: typeof step;
  readonly recover: typeof recover;
  readonly publish: typeof publish;
  readonly finishPublish: typeof finishPublish;
  /** The controller's order: effects leave when the batch is durable. */
  readonly afterCommit: Ordering;
  /** The agent's order: effects leave when the step's records are durable. */
  readonly afterFsync: Ordering;
  /** What an agent sees of the output share. */
  readonly shareSeen: (share: OutputShare) => OutputShare;
}

/** Starts a write, and lets `leave` happen at the right time. */
export type Ordering = (write: (durable: () => void) => void, leave: () => void) => void;

const writeFirst: Ordering = (write, leave) => write(leave);

export const realParts: Parts = {
  turn,
  beginRecovery,
  step,
  recover,
  publish,
  finishPublish,
  afterCommit: writeFirst,
  afterFsync: writeFirst,
  shareSeen: (share) => share,
};

import { annulPublish } from '../../agent/attempt/annul.ts';
import type { OutputShare } from '../../agent/attempt/output-share.ts';
import { finishPublish, publish } from '../../agent/attempt/publish.ts';
import { recover } from '../../agent/core/recover.ts';
import { step } from '../../agent/core/step.ts';
import { beginRecovery, turn } from '../../controller/engine/turn/turn.ts';
import type { Batch, CommitResult, Epoch } from '../../controller/store/port.ts';

/** The real code under test. A deliberate bug is one of these functions, wrapped. */
export interface Parts {
  readonly turn: typeof turn;
  readonly beginRecovery: typeof beginRecovery;
  readonly step: typeof step;
  readonly recover: typeof recover;
  readonly publish: typeof publish;
  readonly finishPublish: typeof finishPublish;
  readonly annulPublish: typeof annulPublish;
  /** A commit, as the store of one controller does it. */
  readonly storeCommit: (write: () => Promise<CommitResult>, asked: AskedCommit) => Promise<CommitResult>;
  /** What a leader believes of its own leadership. */
  readonly isHeld: (held: boolean) => boolean;
  /** The term of the next leader. */
  readonly newTerm: (stored: number, atLeast: number) => number;
  /** The agent's order: effects leave when the step's records are durable. */
  readonly afterFsync: Ordering;
  /** What an agent sees of the output share. */
  readonly shareSeen: (share: OutputShare) => OutputShare;
}

export interface AskedCommit {
  /** The store's own pen, behind every check. */
  readonly disk: { write(batch: Batch, epoch: Epoch): void };
  readonly batch: Batch;
  readonly epoch: Epoch;
}

/** Starts a write, and lets `leave` happen at the right time. */
export type Ordering = (write: (durable: () => void) => void, leave: () => void) => void;

export const realParts: Parts = {
  turn,
  beginRecovery,
  step,
  recover,
  publish,
  finishPublish,
  annulPublish,
  storeCommit: (write) => write(),
  isHeld: (held) => held,
  newTerm: (stored, atLeast) => Math.max(stored, atLeast, 0) + 1,
  afterFsync: (write, leave) => write(leave),
  shareSeen: (share) => share,
};

import type { EncodedBatch, EncodedRecord } from '../encode-batch.ts';
import type { CommitResult, Durability, Epoch, LeaderInfo, RewriteResult } from '../port.ts';

/** What the thread is started with. */
export interface ThreadOptions {
  readonly file: string;
  readonly fileBytesMax: number;
}

export interface Candidate {
  readonly leaderId: string;
  readonly termAtLeast: number;
  readonly addresses: readonly string[];
}

/** A leadership as the file knows it. */
export interface Led {
  readonly epoch: Epoch;
  readonly otherEpoch: Epoch;
  readonly lastBatch: number;
}

/** What the thread can be asked, and what it answers. */
export interface ThreadCalls {
  /** Undefined while somebody else leads. */
  readonly tryLead: (candidate: Candidate) => Led | undefined;
  readonly leader: () => LeaderInfo | undefined;
  readonly load: () => {
    readonly farmId: string;
    readonly lastBatch: number;
    readonly records: readonly EncodedRecord[];
  };
  readonly commit: (batch: EncodedBatch, epoch: Epoch) => CommitResult;
  /** One piece of a rewrite; the first one drops what an earlier rewrite left. */
  readonly stage: (piece: readonly EncodedRecord[], first: boolean) => void;
  /** Puts what was staged in the place of all records. */
  readonly takeStaged: (
    whole: { readonly farmId: string; readonly number: number },
    epoch: Epoch,
  ) => RewriteResult;
  readonly durability: () => Durability;
  readonly close: () => void;
}

export type CallName<Calls extends object> = Extract<keyof Calls, string>;
export type ArgumentsOf<Call> = Call extends (...args: infer Arguments) => unknown ? Arguments : never;
export type ResultOf<Call> = Call extends (...args: never[]) => infer Result ? Result : never;

/** One call on its way to the thread; answers come in the order of the calls. */
export interface ThreadRequest {
  readonly name: string;
  readonly args: readonly unknown[];
}

export type ThreadReply =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly incompatible: boolean; readonly message: string; readonly cause: unknown };

import type { EncodedBatch, EncodedRecord } from '../encode-batch.ts';
import type { CommitResult, Epoch } from '../port.ts';

/** What the thread is started with. */
export interface ThreadOptions {
  readonly file: string;
  readonly fileBytesMax: number;
}

/** What the thread can be asked, and what it answers. */
export interface ThreadCalls {
  /** Undefined while somebody else leads. */
  readonly tryLead: (leaderId: string, termAtLeast: number) => Epoch | undefined;
  readonly load: () => {
    readonly farmId: string;
    readonly lastBatch: number;
    readonly records: readonly EncodedRecord[];
  };
  readonly commit: (batch: EncodedBatch, epoch: Epoch) => CommitResult;
  readonly durability: () => string;
  readonly close: () => void;
}

export type CallName = keyof ThreadCalls;

/** One call on its way to the thread; answers come in the order of the calls. */
export interface ThreadRequest {
  readonly name: CallName;
  readonly args: readonly unknown[];
}

export type ThreadReply =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly incompatible: boolean; readonly message: string; readonly cause: unknown };

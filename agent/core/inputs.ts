import type {
  AnnulPublishReply,
  ControllerMessage,
  FinishedOutcome,
  FinishPublishReply,
  Inventory,
  JobRef,
  Manifest,
  PrefetchReport,
  Usage,
} from '../../proto/agent-link.ts';
import type { FileSeen } from '../../proto/file-link.ts';
import type { ItemFinished, ItemRef, ItemsReclaimed, ReleasedItem } from '../../proto/item-link.ts';
import type { GpuLane } from './gpu-choice.ts';
import type { FoundSources } from './sources.ts';

/** What the shell says about an attempt that it works on. Exactly one of `staged` and `ended` comes last. */
export type AttemptReport =
  /**
   * The first segment may start. Said a second time where that was before all files were here and measured; then the
   * first one has no frames, and its bytes are those so far.
   */
  | {
      readonly type: 'prepared';
      readonly copiedBytes: number;
      readonly reusedBytes: number;
      readonly totalFrames: number;
    }
  | { readonly type: 'segment'; readonly position: number; readonly reused: boolean; readonly frames: number }
  | {
      readonly type: 'progress';
      readonly percent: number;
      readonly framesDone: number;
      readonly framesTotal: number;
      readonly etaMs?: number;
      readonly waiting?: { readonly reason: string; readonly waitedMs: number };
      /** All the time that this attempt has waited for shares: excluded from its run time. */
      readonly waitedForSharesMs: number;
    }
  /** The last frame is encoded: the slot is free and the run clock stops. */
  | { readonly type: 'encoded' }
  /** The file is in the staging folder, fsynced and closed. */
  | {
      readonly type: 'staged';
      readonly manifest: Manifest;
      readonly usage: Usage;
      /** What `.renderfarm/share-id` says there. */
      readonly shareId?: string;
    }
  /** It failed or was stopped; its process tree is gone. */
  | { readonly type: 'ended'; readonly finished: FinishedOutcome };

/** What became of another agent's item here; its process tree is gone. */
export type ItemReport = Omit<ItemFinished, 'kind' | 'item'>;

/** What came of looking and renaming (protocol.md rule 8c). */
export type PublishResult =
  | { readonly type: 'published'; readonly publishedPath: string }
  /** Both were there: the target is an earlier result of the job; our staging folder is now `.dead-`. */
  | { readonly type: 'earlier-result'; readonly publishedPath: string; readonly detail: string }
  /** Neither the staged file nor a target that matches. */
  | { readonly type: 'staging-gone'; readonly detail: string }
  /** The share is not reachable, or somebody holds the file open: try again. */
  | { readonly type: 'retry'; readonly detail: string };

export type Input =
  | { readonly type: 'link-opened'; readonly linkId: number }
  | { readonly type: 'link-closed'; readonly linkId: number; readonly reason: string }
  | { readonly type: 'received'; readonly linkId: number; readonly message: ControllerMessage }
  | { readonly type: 'attempt'; readonly ref: JobRef; readonly report: AttemptReport }
  | { readonly type: 'item'; readonly item: ItemRef; readonly report: ItemReport }
  /** Given up, as `release-items` asked. */
  | { readonly type: 'items-released'; readonly ref: JobRef; readonly items: readonly ReleasedItem[] }
  /** Ours again. */
  | {
      readonly type: 'items-reclaimed';
      readonly ref: JobRef;
      readonly reclaimed: Pick<ItemsReclaimed, 'positions' | 'why'>;
    }
  | { readonly type: 'publish-result'; readonly ref: JobRef; readonly result: PublishResult }
  | {
      readonly type: 'finish-publish-result';
      readonly ref: JobRef;
      readonly result: Omit<FinishPublishReply, 'kind' | 'ref'>;
    }
  | {
      readonly type: 'annul-publish-result';
      readonly ref: JobRef;
      readonly result: Omit<AnnulPublishReply, 'kind' | 'ref'>;
    }
  /** The shell calls the attempt by its new fence from now on (behind the record that says so). */
  | { readonly type: 'attempt-adopted'; readonly ref: JobRef }
  /** A changed inventory was told before. */
  | { readonly type: 'host-checked'; readonly checkId: string; readonly ok: boolean; readonly detail: string }
  /** Whether that many more encodes run beside those that run already. */
  | {
      readonly type: 'sessions-probed';
      readonly ok: boolean;
      readonly detail: string;
      /** As in the effect that asked. */
      readonly gpuIndex?: number;
    }
  | {
      readonly type: 'scratch-space';
      readonly freeBytes: number;
      /** What is free and what the caches can give up, less what always stays free. */
      readonly availableBytes: number;
      /** What attempts may still write of it, as far as they are measured. */
      readonly reserved: readonly { readonly jobId: string; readonly bytes: number }[];
    }
  /** What a look at the sources of the first ask came to. */
  | { readonly type: 'sources'; readonly jobId: string; readonly found: FoundSources }
  /** What a look at files came to: as many as were asked for, in their order. */
  | { readonly type: 'files'; readonly lookId: string; readonly files: readonly FileSeen[] }
  | { readonly type: 'copy-speed'; readonly bytesPerSecond: number }
  /** This process did not run for so long: the PC slept, or was frozen. */
  | { readonly type: 'woke'; readonly awayMs: number }
  | { readonly type: 'prefetch'; readonly report: Omit<PrefetchReport, 'kind'> }
  /** `gpuLanes`: the GPUs that renders are shared out to, where they may be others now. */
  | { readonly type: 'inventory'; readonly inventory: Inventory; readonly gpuLanes?: readonly GpuLane[] }
  /** Whether the journal can take more: false when its limit or its disk is full. */
  | { readonly type: 'journal-room'; readonly ok: boolean }
  | { readonly type: 'tick' }
  | { readonly type: 'shutdown'; readonly reason: 'shutdown' | 'upgrade' | 'sleep' };

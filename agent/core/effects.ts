import type {
  AgentMessage,
  Announce,
  AnnulPublish,
  AskSources,
  Assign,
  CheckHost,
  FinishedOutcome,
  FinishPublish,
  JobRef,
  Manifest,
  OutputTarget,
} from '../../proto/agent-link.ts';

import type { LookAtFiles } from '../../proto/file-link.ts';
import type { AssignItem, ItemAssigned, ItemEnded, ItemRef, ReleaseItems } from '../../proto/item-link.ts';

/**
 * What the shell does for the core. Effects leave in order, each behind the records of its own step; those for a
 * link that is no longer the current one are dropped.
 */
export type Effect =
  | { readonly type: 'send'; readonly linkId: number; readonly message: AgentMessage }
  /** The shell fills in load, disk and stalls. It waits for no record. */
  | {
      readonly type: 'heartbeat';
      readonly linkId: number;
      readonly sequence: number;
      readonly probeId?: string;
      readonly scratchAvailableBytes: number;
    }
  /** Ends the link and dials again, not before `afterMs`, first at `address`. */
  | {
      readonly type: 'reopen';
      readonly linkId: number;
      readonly reason: string;
      readonly afterMs: number;
      readonly address?: string;
    }
  /** `gpuIndex`: where it renders, on a PC with several GPUs. */
  | { readonly type: 'start-attempt'; readonly assign: Assign; readonly gpuIndex?: number }
  | {
      readonly type: 'stop-attempt';
      readonly ref: JobRef;
      readonly mode: 'graceful' | 'kill';
      readonly graceMs: number;
      readonly reason: string;
    }
  | {
      readonly type: 'publish';
      readonly ref: JobRef;
      readonly output: OutputTarget;
      readonly manifest: Manifest;
      /** The share that it was staged on: another one is not looked at. */
      readonly shareId?: string;
    }
  | { readonly type: 'finish-publish'; readonly request: FinishPublish }
  /** Sets the staging folder aside, then looks at the target (protocol.md rule 8d). */
  | { readonly type: 'annul-publish'; readonly request: AnnulPublish }
  /** The attempt is called so from now on; nothing of it moves. Answered by `attempt-adopted`. */
  | { readonly type: 'adopt-attempt'; readonly from: JobRef; readonly to: JobRef }
  | { readonly type: 'check-host'; readonly request: CheckHost }
  /** Tries so many encodes at once, beside what runs. */
  | { readonly type: 'probe-sessions'; readonly sessions: number; readonly gpuIndex?: number }
  | { readonly type: 'discard'; readonly ref: JobRef; readonly stagingFolder: string }
  /** The attempt is over: its folder under `work/` goes, its log gets its last lines and is sent. */
  | {
      readonly type: 'clean-up';
      readonly assign: Assign;
      readonly finished: FinishedOutcome;
      /** What its folders are named after: `assign.ref`, but after an adoption. */
      readonly startedAs: JobRef;
    }
  /** Renders another agent's item. Answered by `item`, also after a stop. */
  | { readonly type: 'start-item'; readonly assign: AssignItem; readonly gpuIndex?: number }
  /** Ends its process tree at once. */
  | { readonly type: 'stop-item'; readonly item: ItemRef; readonly reason: string }
  /** Answered by `items-released`. */
  | { readonly type: 'release-items'; readonly ask: ReleaseItems }
  /** A stream has begun: whoever leads knows of no item that was given up and is with nobody. */
  | { readonly type: 'take-loose-items-back' }
  | { readonly type: 'tell-owner'; readonly told: ItemAssigned | ItemEnded }
  /** Answered by `sources`. */
  | { readonly type: 'look-at-sources'; readonly ask: AskSources }
  /** Answered by `files`. */
  | { readonly type: 'look-at-files'; readonly ask: LookAtFiles }
  | { readonly type: 'start-prefetch'; readonly announce: Announce }
  /** `assigned`: the attempt that was just started goes on with what is being copied. */
  | {
      readonly type: 'stop-prefetch';
      readonly announcementId: string;
      readonly jobId: string;
      readonly why: 'withdrawn' | 'assigned' | 'shutdown';
    }
  | { readonly type: 'alarm'; readonly code: string; readonly message: string }
  /** Everything is said: the process may end. */
  | { readonly type: 'exit' };

/**
 * Whether an effect may leave at once, ahead of the records of its own and of earlier steps. Heartbeats go on while the
 * disk stands still, and so do the words that keep new work away: an inventory without slots, and a decline.
 */
export function waitsForNoRecord(effect: Effect): boolean {
  if (effect.type !== 'send') {
    return effect.type === 'heartbeat' || effect.type === 'reopen' || effect.type === 'alarm';
  }
  const { message } = effect;
  if (message.kind === 'assignment-reply') return !message.accepted;
  return message.kind === 'progress' || message.kind === 'inventory';
}

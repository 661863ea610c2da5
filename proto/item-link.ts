import type { AssignedJob } from './assigned-job.ts';
import type { Fence, JobRef, RateProfile } from './job-link.ts';

/**
 * Assist: an idle agent (the helper) renders items of another agent's running job (the owner) into the segment cache
 * that both reach. Every word of it is about a right to one item. It is spoken with agents only whose Hello names the
 * feature `assist`, and all of it may be lost: segments are known by their content, so that a lost word costs a segment
 * that is rendered twice, never a wrong one. Nothing of it is in a journal.
 */

/** Name of the feature in an agent's Hello: it releases items of its own jobs, and renders items of others'. */
export const assistFeature = 'assist';

/** A helper's right to one item: `ref` is the owner's; it ends with that fence, and never moves it. */
export interface ItemRef {
  readonly ref: JobRef;
  readonly position: number;
  /** Never given twice: tells this right from an earlier one to the same item. */
  readonly right: Fence;
}

/** Agents that tell the same id for such jobs render the same segments of them, under the same keys. */
export interface JoinClass {
  readonly enable4k: boolean;
  readonly rateProfile: RateProfile;
  readonly id: string;
}

/** To the owner: give up items that you have not begun, the last first. Answered by ItemsReleased. */
export interface ReleaseItems {
  readonly kind: 'release-items';
  readonly ref: JobRef;
  /** At most so many more than those that are released already. */
  readonly itemsMax: number;
  /** Only items whose segment is not longer. */
  readonly outputMaxMs: number;
}

/** To a helper: render this item into the shared segment cache. Answered by ItemFinished alone, whatever becomes of it. */
export interface AssignItem {
  readonly kind: 'assign-item';
  readonly item: ItemRef;
  /** The owner's job, with this item only. */
  readonly job: AssignedJob;
  /** Of the segment, as the owner counts. */
  readonly frames: number;
  /** What the owner looks for in the cache. Where the helper's own key is another one, it declines (`KEY_DIFFERS`). */
  readonly segmentKey: string;
  /** Later than this from now the right is over: the helper stops by itself. */
  readonly runMs: number;
  readonly stallMs: number;
  readonly startStallMs: number;
}

/** To a helper: stop this item at once. Answered by ItemFinished, also where it is not held. */
export interface CancelItem {
  readonly kind: 'cancel-item';
  readonly item: ItemRef;
  readonly reason: string;
}

/** To the owner: who renders a released item now, and when it is expected to be in the cache. */
export interface ItemAssigned {
  readonly kind: 'item-assigned';
  readonly item: ItemRef;
  readonly agentId: string;
  /** From now. */
  readonly endsInMs: number;
}

/** To the owner: that right is over. `isDone`: look in the cache. Otherwise the item is released as before, to nobody. */
export interface ItemEnded {
  readonly kind: 'item-ended';
  readonly item: ItemRef;
  readonly agentId: string;
  readonly isDone: boolean;
  /** Why it is not done; for people. */
  readonly reason: string;
}

export type ControllerItemMessage = ReleaseItems | AssignItem | CancelItem | ItemAssigned | ItemEnded;

/** An item that its owner has not begun, and will not begin while it has others. */
export interface ReleasedItem {
  readonly position: number;
  readonly frames: number;
  /** Of the source and the logo. */
  readonly sourceBytes: number;
  readonly segmentKey: string;
}

/** The owner's answer to ReleaseItems: what it has given up because of it. Empty: it has nothing to give just now. */
export interface ItemsReleased {
  readonly kind: 'items-released';
  readonly ref: JobRef;
  readonly items: readonly ReleasedItem[];
}

/**
 * The owner takes released items back: their rights end, and who holds one is told to stop. `own-turn`: it begins them
 * itself, having nothing else to do. `not-in-cache`: one that was said to be done is not there, or is of no use.
 */
export interface ItemsReclaimed {
  readonly kind: 'items-reclaimed';
  readonly ref: JobRef;
  readonly positions: readonly number[];
  readonly why: 'own-turn' | 'not-in-cache';
}

/** What became of an item at its helper, whose slot is free with it. */
export interface ItemFinished {
  readonly kind: 'item-finished';
  readonly item: ItemRef;
  /** `done`: the checked segment is in the shared cache. `declined`: nothing was begun. `stopped`: as it was told. */
  readonly result: 'done' | 'declined' | 'failed' | 'stopped';
  /** It was in the cache already. */
  readonly reused: boolean;
  readonly framesEncoded: number;
  /** A stable code, where it was declined or has failed. */
  readonly code?: string;
  readonly message?: string;
}

export type AgentItemMessage = ItemsReleased | ItemsReclaimed | ItemFinished;

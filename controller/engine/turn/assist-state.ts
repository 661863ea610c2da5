import { fenceText, type JobRef } from '../../../proto/agent-link.ts';
import type { ItemRef, ReleasedItem } from '../../../proto/item-link.ts';

/**
 * What the controller knows of agents that help each other: in memory only. A restart loses it, which costs nothing but
 * a second render of a few segments; agents tell in Hello which items they hold.
 */
export interface AssistState {
  /** Attempts whose owners were asked, by attempt. */
  readonly jobs: Map<string, HelpedAttempt>;
  /** Items that hold a slot of a helper, by `itemKey`. */
  readonly items: Map<string, HeldItem>;
  /** Keys of the items of each helper that has any. */
  readonly byAgent: Map<string, Set<string>>;
  /** Agents that are given no item for a while, until when: one of theirs came to nothing. */
  readonly barred: Map<string, number>;
  /** Items whose slot is counted free although their helper never said that they ended, with that helper. */
  readonly abandoned: Map<string, string>;
  /** Something changed that it depends on who helps whom. */
  due: boolean;
}

/** A running attempt that is helped, or may be. */
export interface HelpedAttempt {
  readonly ref: JobRef;
  readonly ownerId: string;
  /** Released, and given to nobody. */
  readonly loose: Map<number, ReleasedItem>;
  /** Released, and at a helper: by position, the one right to it that counts. */
  readonly given: Map<number, string>;
  /** The question that the owner has not answered. */
  asked: { readonly atMs: number; readonly itemsMax: number; readonly outputMaxMs: number } | undefined;
  /** It had nothing to give: it is not asked before. */
  notBeforeMs: number;
  /** Agents that do not help it any more, and why. */
  readonly barred: Map<string, string>;
  /** Helpers that were lost with an item of it: such an item is not given again, nor others when it goes on so. */
  losses: number;
  /** Who did which item; of use where the owner does not find it. */
  readonly doneBy: Map<number, string>;
}

/** An item at its helper: it holds a slot there until the helper says that it has finished. */
export interface HeldItem {
  readonly item: ItemRef;
  readonly agentId: string;
  /** Process that was given it. */
  readonly instanceId: string;
  /** The owner's attempt. */
  readonly attemptKey: string;
  /** Undefined: it was given by the leader before us. */
  readonly released: ReleasedItem | undefined;
  readonly endsAtMs: number;
  readonly deadlineMs: number;
  /** It was told to stop. */
  stopping: { readonly atMs: number; readonly reason: string } | undefined;
  /** It should have stopped long ago: its slot is not counted on. */
  late: boolean;
  /** Its stream was ended for it: a second time would end it as little. */
  wasReset: boolean;
}

export function noAssist(): AssistState {
  return {
    jobs: new Map(),
    items: new Map(),
    byAgent: new Map(),
    barred: new Map(),
    abandoned: new Map(),
    due: false,
  };
}

/** The key of a helper's right. */
export function itemKey({ ref, position, right }: ItemRef): string {
  return `${ref.jobId}/${fenceText(ref.fence)}/${position}/${fenceText(right)}`;
}

/** The items that hold slots of an agent. */
export function itemsAt({ items, byAgent }: AssistState, agentId: string): readonly HeldItem[] {
  const keys = byAgent.get(agentId);
  return keys === undefined ? [] : [...keys].flatMap((key) => items.get(key) ?? []);
}

/** How many there are. */
export function itemCount({ byAgent }: AssistState, agentId: string): number {
  return byAgent.get(agentId)?.size ?? 0;
}

export function putItem(assist: AssistState, held: HeldItem): void {
  const key = itemKey(held.item);
  assist.items.set(key, held);
  const keys = assist.byAgent.get(held.agentId) ?? new Set<string>();
  assist.byAgent.set(held.agentId, keys.add(key));
}

/** An item holds a slot of its helper no more, although the helper never said so. */
export function abandonItem(assist: AssistState, held: HeldItem): void {
  dropItem(assist, held);
  assist.abandoned.set(itemKey(held.item), held.agentId);
}

/** It has a process, or a child, that cannot be ended: what else may be wrong there is not found out with more items. */
export function hasAbandoned({ abandoned }: AssistState, agentId: string): boolean {
  return abandoned.size > 0 && [...abandoned.values()].includes(agentId);
}

export function dropItem(assist: AssistState, held: HeldItem): void {
  const key = itemKey(held.item);
  assist.items.delete(key);
  const keys = assist.byAgent.get(held.agentId);
  keys?.delete(key);
  if (keys?.size === 0) assist.byAgent.delete(held.agentId);
}

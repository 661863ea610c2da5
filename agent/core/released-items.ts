import type { JobRef } from '../../proto/agent-link.ts';
import type {
  ItemAssigned,
  ItemEnded,
  ItemsReclaimed,
  ReleasedItem,
  ReleaseItems,
} from '../../proto/item-link.ts';
import { currentRef } from './adoption.ts';
import type { Turn } from './turn.ts';
import { held, send } from './turn.ts';

/** Gives up items of a job that renders here; of any other there is nothing to give. */
export function releaseAsked(turn: Turn, ask: ReleaseItems): void {
  if (isRendering(turn, ask.ref)) turn.effects.push({ type: 'release-items', ask });
  else send(turn, { kind: 'items-released', ref: ask.ref, items: [] });
}

/** What becomes of a released item. Of a job that is not held (any more) it is nobody's news. */
export function releasedItemTold(turn: Turn, told: ItemAssigned | ItemEnded): void {
  if (isRendering(turn, told.item.ref)) turn.effects.push({ type: 'tell-owner', told });
}

/** The shell has given them up. After an adoption all are ours again, so that the old fence's are no news. */
export function itemsReleased(turn: Turn, ref: JobRef, items: readonly ReleasedItem[]): void {
  const isOld = currentRef(turn.state, ref) !== ref;
  send(turn, { kind: 'items-released', ref, items: isOld || !isRendering(turn, ref) ? [] : items });
}

/** The shell has taken them back. */
export function itemsReclaimed(
  turn: Turn,
  ref: JobRef,
  { positions, why }: Pick<ItemsReclaimed, 'positions' | 'why'>,
): void {
  if (isRendering(turn, ref)) send(turn, { kind: 'items-reclaimed', ref, positions, why });
}

function isRendering(turn: Turn, ref: JobRef): boolean {
  const live = held(turn, ref)?.live;
  return live?.state === 'running' && live.stopping === undefined;
}

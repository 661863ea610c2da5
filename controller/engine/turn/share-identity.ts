import type { Inventory } from '../../../proto/agent-link.ts';
import type { Ledger } from './ledger.ts';
import type { FarmState, Presence } from './state.ts';

/**
 * Learns which share a name stands for, by the id on it (protocol.md rule 8d). Another id under the same name is
 * another share: whoever mounts it does not reach ours, until an operator says that the old one was replaced.
 */
export function learnShares(
  ledger: Ledger,
  agentId: string,
  before: Inventory | undefined,
  now: Inventory,
): void {
  for (const { share, id } of now.shareIds) {
    // Records are made for the shares that the farm knows, not for every name that an agent may say.
    if (!ledger.settings.shares.some(({ name }) => name === share)) continue;
    const known = ledger.state.shares.get(share);
    if (known === undefined) {
      ledger.putShare({ share, id, sinceMs: ledger.nowMs });
      ledger.log('info', 'share-known', { share, id, agentId });
    } else if (known.id !== id && idOf(before, share) !== id) {
      ledger.alarm('other-share', { share, agentId, expected: known.id, found: id });
    }
  }
}

/** The agent has the share mounted, and it is the one that the farm knows. */
export function reaches(state: FarmState, presence: Presence, share: string): boolean {
  const { inventory } = presence;
  if (inventory?.shares.includes(share) !== true) return false;
  return !isOther(state, inventory, share);
}

/** What the planner may count on: shares that are others under the same name are left out. */
export function knownShares(state: FarmState, inventory: Inventory): Inventory {
  if (!inventory.shares.some((share) => isOther(state, inventory, share))) return inventory;
  return { ...inventory, shares: inventory.shares.filter((share) => !isOther(state, inventory, share)) };
}

function isOther(state: FarmState, inventory: Inventory, share: string): boolean {
  const known = state.shares.get(share);
  const found = idOf(inventory, share);
  return known !== undefined && found !== undefined && found !== known.id;
}

function idOf(inventory: Inventory | undefined, share: string): string | undefined {
  return inventory?.shareIds.find((entry) => entry.share === share)?.id;
}

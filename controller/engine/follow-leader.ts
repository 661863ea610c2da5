import type { LeaderInfo, Store } from '../store/port.ts';
import { pause } from './committer.ts';
import type { Clock } from './ports.ts';
import { unlessAborted } from './unless-aborted.ts';

/** How often a standby asks who leads. */
const lookMs = 1_000;

/**
 * Tells who leads while we wait, as often as it is asked: undefined where nobody does, or the store does not say.
 * The first look comes after a while: a farm that nobody leads is ours by then. Resolves when `over` is aborted.
 */
export async function followLeader(
  { store, clock }: { readonly store: Store; readonly clock: Clock },
  over: AbortSignal,
  tell: (leader: LeaderInfo | undefined) => void,
): Promise<void> {
  try {
    for (;;) {
      await pause(clock, lookMs, over);
      tell(await unlessAborted(known(store), over));
    }
  } catch (error) {
    if (!over.aborted) throw error;
  }
}

/** A store that is away is the business of whoever wants to lead. */
async function known(store: Store): Promise<LeaderInfo | undefined> {
  try {
    return await store.leader();
  } catch {
    return undefined;
  }
}

import { verifyFeature } from '../../../proto/file-link.ts';
import { livenessOf } from './planned-agent.ts';
import { knownShares } from './share-identity.ts';
import type { FarmState } from './state.ts';

/** Agents that can be asked about files now, and the shares that they reach. */
export function lookAgents(
  state: FarmState,
): readonly { readonly agentId: string; readonly sessionId: string; readonly shares: ReadonlySet<string> }[] {
  return [...state.presences.values()].flatMap((presence) => {
    const { agentId, session, inventory, features } = presence;
    if (session === undefined || inventory === undefined) return [];
    if (!features.includes(verifyFeature) || livenessOf(presence) !== 'attached') return [];
    const shares = new Set(knownShares(state, inventory).shares);
    return [{ agentId, sessionId: session.sessionId, shares }];
  });
}

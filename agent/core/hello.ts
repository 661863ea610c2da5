import type { HeldAttempt, Hello } from '../../proto/agent-link.ts';
import { keyOf } from './journal-fold.ts';
import { inventoryOf } from './slots.ts';
import type { CoreState, LiveAttempt } from './state.ts';

/** The protocol versions that this agent speaks. */
export const protocolMin = 1;
export const protocolMax = 1;

/** Hello lists this many of the newest tombstones (protocol.md, Agent -> controller). */
export const helloTombstonesMax = 1_000;

/** Hello, built fresh: all that is held now. Its size is bounded, because the event has what is left out here. */
export function buildHello(state: CoreState): Hello {
  const { settings, journal } = state;
  return {
    kind: 'hello',
    agentId: settings.agentId,
    instanceId: settings.instanceId,
    softwareVersion: settings.softwareVersion,
    protocolMin,
    protocolMax,
    features: [],
    ...(journal.farm === undefined ? {} : { farmId: journal.farm.farmId }),
    highestTerm: journal.farm?.term ?? 0,
    journalId: journal.journalId,
    firstUnackedEvent: journal.acked + 1,
    lastEvent: journal.lastEvent,
    inventory: inventoryOf(state),
    held: [...state.attempts.values()].map((live) => heldAttempt(state, live)),
    tombstones: [...journal.tombstones.values()].slice(-helloTombstonesMax).map(({ tombstone }) => tombstone),
  };
}

/** An attempt as Hello and Recalled tell of it. */
export function heldAttempt(state: CoreState, live: LiveAttempt): HeldAttempt {
  const kept = state.journal.attempts.get(keyOf(live.ref));
  return {
    ref: live.ref,
    state: live.state,
    percent: live.percent,
    ...(kept?.manifest === undefined ? {} : { manifest: kept.manifest }),
    ...(kept?.finished === undefined
      ? {}
      : { finished: { ...kept.finished, stderrTail: [], problems: kept.finished.problems.slice(0, 20) } }),
  };
}

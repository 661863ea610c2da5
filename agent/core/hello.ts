import type { AttemptTombstone, FinishedOutcome, HeldAttempt, Hello } from '../../proto/agent-link.ts';
import { verifyFeature } from '../../proto/file-link.ts';
import { assistFeature } from '../../proto/item-link.ts';
import { keyOf } from './journal-fold.ts';
import { inventoryOf } from './slots.ts';
import type { CoreState, LiveAttempt } from './state.ts';

/** The protocol versions that this agent speaks. */
export const protocolMin = 1;
export const protocolMax = 1;

/** Hello lists this many of the newest tombstones (protocol.md, Agent -> controller). */
export const helloTombstonesMax = 1_000;
/** What they may take of a message of 1 MiB, in UTF-16 units of their JSON. */
const tombstonesCharsMax = 300_000;
/** Of an attempt's end, Hello tells this much: a link that takes no Hello serves nobody. */
const toldProblemsMax = 3;
const toldCharsMax = 200;

/** What this agent can do that agents of release 0.1 cannot. */
const features = [
  'sources',
  assistFeature,
  verifyFeature,
  // Options of a job that it obeys (proto/render-options.ts).
  'no_cache',
  'keep_failed',
  'full_decode',
  'normalize_loudness',
  'loudness_report',
  'contact_sheet',
  'preview',
];

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
    features,
    ...(journal.farm === undefined ? {} : { farmId: journal.farm.farmId }),
    highestTerm: journal.farm?.term ?? 0,
    journalId: journal.journalId,
    firstUnackedEvent: journal.acked + 1,
    lastEvent: journal.lastEvent,
    inventory: inventoryOf(state),
    held: [...state.attempts.values()].map((live) => heldAttempt(state, live)),
    heldItems: [...state.items.values()].map(({ item }) => item),
    tombstones: newestTombstones(state),
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
    ...(kept?.finished === undefined ? {} : { finished: inShort(kept.finished) }),
  };
}

/** The newest, oldest first. */
function newestTombstones({ journal }: CoreState): AttemptTombstone[] {
  let chars = 0;
  return [...journal.tombstones.values()]
    .slice(-helloTombstonesMax)
    .reverse()
    .map(({ tombstone }) => tombstone)
    .filter((tombstone) => (chars += JSON.stringify(tombstone).length) <= tombstonesCharsMax)
    .reverse();
}

/** The event has all of it. */
function inShort({ message, problems, ...finished }: FinishedOutcome): FinishedOutcome {
  return {
    ...finished,
    ...(message === undefined ? {} : { message: message.slice(0, toldCharsMax) }),
    stderrTail: [],
    problems: problems.slice(0, toldProblemsMax).map(({ code, message: text }) => ({
      code,
      message: text.slice(0, toldCharsMax),
    })),
  };
}

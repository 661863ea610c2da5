import type { Inventory } from '../../proto/agent-link.ts';
import { cleanUp, plainOutcome } from './endings.ts';
import type { GpuLane } from './gpu-choice.ts';
import type { JournalAttempt, JournalState } from './journal-fold.ts';
import { keyOf } from './journal-fold.ts';
import { tombstoneOf } from './journal-records.ts';
import { activeMode } from './mode.ts';
import { tryPublish } from './publishing.ts';
import { firstLimits } from './slots.ts';
import type { CoreSettings, LiveAttempt } from './state.ts';
import type { StepResult } from './step.ts';
import type { Turn } from './turn.ts';
import { putAttempt, write } from './turn.ts';

/**
 * The first state of a new instance, from what its journal says (protocol.md rule 2): it holds what is ready, being
 * published or finished; whatever was at work ended with its process, and its folders are removed.
 */
export function recover(
  settings: CoreSettings,
  inventory: Inventory,
  journal: JournalState,
  nowMs: number,
  gpuLanes: readonly GpuLane[] = [],
): StepResult {
  const turn: Turn = {
    state: {
      settings,
      inventory,
      journal,
      journalHasRoom: true,
      attempts: new Map(),
      announcements: new Map(),
      items: new Map(),
      endedItems: new Map(),
      finishing: new Set(),
      annulling: new Set(),
      checks: new Set(),
      mode: activeMode,
      formerRefs: new Map(),
      gpuLanes,
      slotLimits: new Map(),
      scratch: {
        freeBytes: inventory.scratchFreeBytes,
        availableBytes: inventory.scratchAvailableBytes ?? inventory.scratchFreeBytes,
        reserved: new Map(),
      },
      copyBytesPerSecond: inventory.copyBytesPerSecond,
      asks: [],
      sources: new Map(),
      looks: new Map(),
    },
    nowMs,
    records: [],
    effects: [],
  };
  firstLimits(turn);
  endTorn(turn);
  for (const kept of turn.state.journal.attempts.values()) recoverAttempt(turn, kept);
  return { state: turn.state, records: turn.records, effects: turn.effects };
}

/** An end that will be told has happened, also where the crash has torn its record away behind the event. */
function endTorn(turn: Turn): void {
  for (const { ref, number, event } of turn.state.journal.events) {
    const kept = turn.state.journal.attempts.get(keyOf(ref));
    if (event.type !== 'finished' || kept === undefined || kept.finished !== undefined) continue;
    write(turn, { kind: 'ended', ref, finished: event.finished, eventNumber: number });
  }
}

function recoverAttempt(turn: Turn, kept: JournalAttempt): void {
  const { assign } = kept;
  const { ref } = assign;
  const state = stateOf(kept);
  if (state === undefined) {
    write(turn, { kind: 'dropped', ref });
    write(turn, { kind: 'tombstone', tombstone: tombstoneOf(ref, 'lost'), atMs: turn.nowMs });
    turn.effects.push(
      { type: 'discard', ref, stagingFolder: assign.output.stagingFolder },
      {
        type: 'clean-up',
        assign,
        finished: plainOutcome('lost', 'the agent has ended in the middle of this attempt'),
        startedAs: kept.startedAs ?? ref,
      },
    );
    return;
  }
  putAttempt(turn, {
    ref,
    state,
    acceptedMs: turn.nowMs,
    percent: 99,
    framesDone: kept.manifest?.frames ?? 0,
    framesTotal: kept.manifest?.frames ?? 0,
    waitedForSharesMs: 0,
    progressSentMs: turn.nowMs,
    progressChanged: false,
    publishTries: 0,
    scratchBytes: 0,
  });
  // The process may have ended before that was done.
  if (kept.finished !== undefined) cleanUp(turn, kept, kept.finished);
  // A grant decides the winner until it is annulled, and an annulled staging folder is no longer there.
  if (state === 'publishing') tryPublish(turn, ref);
}

function stateOf(kept: JournalAttempt): LiveAttempt['state'] | undefined {
  if (kept.finished !== undefined) return 'finished';
  if (kept.manifest === undefined) return undefined;
  return kept.grantedName === undefined ? 'ready' : 'publishing';
}

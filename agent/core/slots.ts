import type { FinishedOutcome, Inventory } from '../../proto/agent-link.ts';
import { holdsSlot } from './attempt-states.ts';
import type { CoreState, SlotLimit } from './state.ts';
import type { Turn } from './turn.ts';
import { alarm, send } from './turn.ts';
import { without } from './without.ts';

/** The problem code of an encode that found no session: see render/problem-codes.ts. */
export const sessionLimitCode = 'ENCODER_SESSION_LIMIT';

/** Attempts that may hold a slot now. */
export function slotsOf({ settings, slotLimit }: CoreState): number {
  return Math.min(settings.slots, slotLimit?.slots ?? settings.slots);
}

export function slotsUsed({ attempts }: CoreState): number {
  return [...attempts.values()].filter((live) => holdsSlot(live.state)).length;
}

/** What is reported: without a journal that can be written there is no slot at all. */
export function inventoryOf(state: CoreState): Inventory {
  const { inventory, journalHasRoom, scratchFreeBytes } = state;
  return { ...inventory, scratchFreeBytes, slots: journalHasRoom ? slotsOf(state) : 0 };
}

export function sendInventory(turn: Turn): void {
  send(turn, { kind: 'inventory', inventory: inventoryOf(turn.state) });
}

/**
 * An encode had no session: one less than were open is what the encoder gives, another program may have the rest. Call
 * it while the attempt still holds its slot.
 */
export function sessionLimitMet(turn: Turn, { problems }: FinishedOutcome): void {
  if (!problems.some(({ code }) => code === sessionLimitCode)) return;
  const slots = Math.max(0, Math.min(slotsOf(turn.state), slotsUsed(turn.state) - 1));
  putLimit(turn, { slots, probeAtMs: turn.nowMs + turn.state.settings.slotProbeMs, isProbing: false });
  alarm(turn, sessionLimitCode, `the encoder has no more sessions: ${slots} slots until it is tried again`);
  sendInventory(turn);
}

/** Tries whether there is one session more than the limit says, when it is time. */
export function tickSlots(turn: Turn): void {
  const { slotLimit } = turn.state;
  if (slotLimit === undefined || slotLimit.isProbing || turn.nowMs < slotLimit.probeAtMs) return;
  putLimit(turn, { ...slotLimit, isProbing: true });
  const sessions = Math.max(1, slotLimit.slots + 1 - slotsUsed(turn.state));
  turn.effects.push({ type: 'probe-sessions', sessions });
}

/** One more, and the next is tried at once; or the same again later. */
export function sessionsProbed(turn: Turn, ok: boolean): void {
  const { slotLimit, settings } = turn.state;
  if (slotLimit === undefined) return;
  if (!ok) {
    putLimit(turn, { ...slotLimit, isProbing: false, probeAtMs: turn.nowMs + settings.slotProbeMs });
    return;
  }
  const slots = slotLimit.slots + 1;
  if (slots >= settings.slots) turn.state = without(turn.state, 'slotLimit');
  else putLimit(turn, { slots, probeAtMs: turn.nowMs, isProbing: false });
  sendInventory(turn);
}

function putLimit(turn: Turn, slotLimit: SlotLimit): void {
  turn.state = { ...turn.state, slotLimit };
}

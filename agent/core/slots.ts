import type { FinishedOutcome, Inventory, WorkClass } from '../../proto/agent-link.ts';
import { holdsSlot } from './attempt-states.ts';
import { chooseGpu } from './gpu-choice.ts';
import { scratchAvailable } from './scratch.ts';
import type { CoreState, LiveAttempt, SlotLimit, SlotScope } from './state.ts';
import type { Turn } from './turn.ts';
import { alarm, send } from './turn.ts';

/** The problem code of an encode that found no session: see render/problem-codes.ts. */
export const sessionLimitCode = 'ENCODER_SESSION_LIMIT';

/** Attempts that may hold a slot now. */
export function slotsOf(state: CoreState): number {
  const { gpuLanes } = state;
  const onHost = slotsIn(state, 'host');
  if (gpuLanes.length === 0) return onHost;
  return Math.min(
    onHost,
    gpuLanes.reduce((sum, { index }) => sum + slotsIn(state, index), 0),
  );
}

/** Slots that attempts hold: they get one also where an item of another agent's job has it. */
export function slotsOfJobs({ attempts }: CoreState, scope: SlotScope = 'host'): number {
  return [...attempts.values()].filter((live) => holdsSlot(live.state) && isIn(scope, live)).length;
}

/** Slots that anything holds: attempts, and items until their process tree is gone. */
export function slotsUsed(state: CoreState, scope: SlotScope = 'host'): number {
  return slotsOfJobs(state, scope) + [...state.items.values()].filter((item) => isIn(scope, item)).length;
}

type Place = Pick<LiveAttempt, 'gpuIndex'>;

function isIn(scope: SlotScope, { gpuIndex }: Place): boolean {
  return scope === 'host' || gpuIndex === scope;
}

/**
 * Where a new attempt renders: a GPU with a free slot that does its class, or anywhere on a PC where nothing needs to be
 * told apart. Undefined when there is none. An item is in nobody's way, but a GPU without one comes first.
 */
export function placeFor(state: CoreState, workClass: WorkClass): Place | undefined {
  return placeBy(state, workClass, slotsUsed) ?? placeBy(state, workClass, slotsOfJobs);
}

/** Where an item renders: only where nothing else does. */
export function freePlace(state: CoreState, workClass: WorkClass): Place | undefined {
  return slotsUsed(state) >= slotsOf(state) ? undefined : placeBy(state, workClass, slotsUsed);
}

function placeBy(state: CoreState, workClass: WorkClass, used: typeof slotsUsed): Place | undefined {
  const { gpuLanes } = state;
  if (gpuLanes.length === 0) return {};
  const lanes = gpuLanes.map((lane) => ({
    ...lane,
    free: slotsIn(state, lane.index) - used(state, lane.index),
  }));
  const gpuIndex = chooseGpu(lanes, workClass);
  return gpuIndex === undefined ? undefined : { gpuIndex };
}

/** What is reported: without a journal that can be written there is no slot at all. */
export function inventoryOf(state: CoreState): Inventory {
  const { inventory, journalHasRoom, scratch, copyBytesPerSecond } = state;
  const slots = slotsOf(state);
  const gpus = inventory.gpus.map((gpu) => ({
    ...gpu,
    slots: Math.min(gpu.slots, state.gpuLanes.length === 0 ? slots : slotsIn(state, gpu.index)),
  }));
  return {
    ...{ ...inventory, gpus, copyBytesPerSecond },
    scratchFreeBytes: scratch.freeBytes,
    scratchAvailableBytes: scratchAvailable(state),
    slots: journalHasRoom ? slots : 0,
  };
}

export function sendInventory(turn: Turn): void {
  send(turn, { kind: 'inventory', inventory: inventoryOf(turn.state) });
}

/** Where the first test encodes found fewer sessions than slots: tried again like any other limit. */
export function firstLimits(turn: Turn): void {
  const { inventory, settings } = turn.state;
  for (const { index, sessions } of inventory.gpus) {
    const scope = scopeOf(turn.state, index);
    // 0: nothing encodes on this card by itself.
    if (sessions === 0 || sessions >= configuredIn(turn.state, scope)) continue;
    const probeAtMs = turn.nowMs + settings.slotProbeMs;
    putLimit(turn, scope, { slots: sessions, probeAtMs, isProbing: false });
  }
}

export function sessionLimitMet(turn: Turn, place: Place, { problems }: FinishedOutcome): void {
  if (problems.some(({ code }) => code === sessionLimitCode)) sessionsShort(turn, place);
}

/**
 * An encode had no session: one less than were open is what the encoder gives, another program may have the rest. Call
 * it while the render still holds its slot. On a PC with several GPUs it is the one of the render that has less.
 */
export function sessionsShort(turn: Turn, { gpuIndex }: Place): void {
  const { state } = turn;
  const scope = scopeOf(state, gpuIndex);
  const slots = Math.max(0, Math.min(slotsIn(state, scope), slotsUsed(state, scope) - 1));
  putLimit(turn, scope, { slots, probeAtMs: turn.nowMs + state.settings.slotProbeMs, isProbing: false });
  const where = scope === 'host' ? 'the encoder' : `GPU ${scope}`;
  alarm(turn, sessionLimitCode, `${where} has no more sessions: ${slots} slots until it is tried again`);
  sendInventory(turn);
}

/** Tries whether there is one session more than a limit says, when it is time. */
export function tickSlots(turn: Turn): void {
  for (const [scope, limit] of turn.state.slotLimits) {
    if (limit.isProbing || turn.nowMs < limit.probeAtMs) continue;
    putLimit(turn, scope, { ...limit, isProbing: true });
    const sessions = Math.max(1, limit.slots + 1 - slotsUsed(turn.state, scope));
    turn.effects.push({ type: 'probe-sessions', sessions, ...gpuOf(scope) });
  }
}

/** One more, and the next is tried at once; or the same again later. */
export function sessionsProbed(turn: Turn, ok: boolean, scope: SlotScope = 'host'): void {
  const { slotLimits, settings } = turn.state;
  const limit = slotLimits.get(scope);
  if (limit === undefined) return;
  if (!ok) {
    putLimit(turn, scope, { ...limit, isProbing: false, probeAtMs: turn.nowMs + settings.slotProbeMs });
    return;
  }
  const slots = limit.slots + 1;
  const isOver = slots >= configuredIn(turn.state, scope);
  putLimit(turn, scope, isOver ? undefined : { slots, probeAtMs: turn.nowMs, isProbing: false });
  sendInventory(turn);
}

/** Where a render on this GPU counts: there, or on the whole PC where nothing needs to be told apart. */
function scopeOf({ gpuLanes }: CoreState, gpuIndex: number | undefined): SlotScope {
  return gpuLanes.find(({ index }) => index === gpuIndex)?.index ?? 'host';
}

function gpuOf(scope: SlotScope): Place {
  return scope === 'host' ? {} : { gpuIndex: scope };
}

/** Renders that may run there now. */
export function slotsIn(state: CoreState, scope: SlotScope): number {
  return Math.min(configuredIn(state, scope), state.slotLimits.get(scope)?.slots ?? Infinity);
}

function configuredIn({ settings, gpuLanes }: CoreState, scope: SlotScope): number {
  if (scope === 'host') return settings.slots;
  return gpuLanes.find(({ index }) => index === scope)?.slots ?? 0;
}

function putLimit(turn: Turn, scope: SlotScope, limit: SlotLimit | undefined): void {
  const slotLimits = new Map(turn.state.slotLimits);
  if (limit === undefined) slotLimits.delete(scope);
  else slotLimits.set(scope, limit);
  turn.state = { ...turn.state, slotLimits };
}

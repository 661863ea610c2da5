import { compareFences, type Hello } from '../../../proto/agent-link.ts';
import {
  assistFeature,
  type ItemFinished,
  type ItemRef,
  type ItemsReclaimed,
  type ItemsReleased,
} from '../../../proto/item-link.ts';
import { framesPerSecond } from '../../domain/estimate.ts';
import { finishItem, stopItem } from './assist-rights.ts';
import { helpedAttempt, isHelpable } from './assist-snapshot.ts';
import { type HeldItem, type HelpedAttempt, itemKey, itemsAt, putItem } from './assist-state.ts';
import type { Ledger } from './ledger.ts';
import { attemptKey, type Presence } from './state.ts';

/** What an owner gives up: only what it was asked for, of its own job, and no item twice. */
export function takeItemsReleased(ledger: Ledger, presence: Presence, { ref, items }: ItemsReleased): void {
  const helped = helpedOf(ledger, presence, ref);
  if (helped?.asked === undefined) {
    ledger.state.counters.staleEvents += 1;
    return;
  }
  const { itemsMax, outputMaxMs } = helped.asked;
  helped.asked = undefined;
  const known = new Set(ledger.state.bodies.get(ref.jobId)?.resolved.map(({ position }) => position));
  const before = helped.loose.size;
  for (const item of items.slice(0, itemsMax)) {
    const { position, frames, sourceBytes } = item;
    const isFree = known.has(position) && !helped.loose.has(position) && !helped.given.has(position);
    const isSound = frames > 0 && sourceBytes >= 0;
    if (isFree && isSound && (frames / framesPerSecond) * 1000 <= outputMaxMs)
      helped.loose.set(position, item);
  }
  const isNone = helped.loose.size === before;
  helped.notBeforeMs = ledger.nowMs + (isNone ? ledger.settings.times.assistAskMs : 0);
  ledger.state.assist.due = true;
}

/** The owner renders items itself: whoever has one stops. What it did not find, nobody will be trusted with again. */
export function takeItemsReclaimed(
  ledger: Ledger,
  presence: Presence,
  { ref, positions, why }: ItemsReclaimed,
): void {
  const helped = helpedOf(ledger, presence, ref);
  if (helped === undefined) {
    ledger.state.counters.staleEvents += 1;
    return;
  }
  ledger.state.assist.due = true;
  for (const position of positions) {
    const held = ledger.state.assist.items.get(helped.given.get(position) ?? '');
    helped.loose.delete(position);
    helped.given.delete(position);
    if (held !== undefined) stopItem(ledger, held, 'its owner renders it itself');
    const doneBy = helped.doneBy.get(position);
    if (why === 'not-in-cache' && doneBy !== undefined)
      bar(ledger, helped, doneBy, `item ${position} was not found where it should be`);
  }
}

/** A helper's slot is free. Of items that it does not hold it has nothing to tell. */
export function takeItemFinished(ledger: Ledger, presence: Presence, finished: ItemFinished): void {
  const { abandoned } = ledger.state.assist;
  const key = itemKey(finished.item);
  if (abandoned.get(key) === presence.agentId) {
    abandoned.delete(key);
    ledger.state.assist.due = true;
    return;
  }
  const held = ledger.state.assist.items.get(key);
  if (held?.agentId !== presence.agentId) {
    ledger.state.counters.staleEvents += 1;
    return;
  }
  const { result, code, message } = finished;
  const reason = held.stopping?.reason ?? message ?? code ?? result;
  const helped = ledger.state.assist.jobs.get(held.attemptKey);
  finishItem(ledger, held, { result, reason: result === 'done' ? 'done' : `${result}: ${reason}` });
  if (result === 'done' || held.stopping !== undefined) return;
  ledger.log('warn', 'item-ended', {
    jobId: held.item.ref.jobId,
    position: held.item.position,
    agentId: held.agentId,
    result,
    reason,
  });
  if (helped !== undefined) bar(ledger, helped, held.agentId, reason, momentaryCodes.has(code ?? ''));
}

/** What keeps an agent from helping just now, and soon will not. */
const momentaryCodes: ReadonlySet<string> = new Set([
  'NO_SLOT',
  'BUSY_PROBING',
  'JOB_CAME',
  'CORDONED',
  'SHUTTING_DOWN',
]);

/** It helps this attempt no more, and nobody for a while. */
function bar(
  ledger: Ledger,
  helped: HelpedAttempt,
  agentId: string,
  reason: string,
  isMomentary = false,
): void {
  const { cancelGraceMs, declinedMs } = ledger.settings.times;
  if (!isMomentary) helped.barred.set(agentId, reason);
  ledger.state.assist.barred.set(agentId, ledger.nowMs + (isMomentary ? cancelGraceMs : declinedMs));
}

/** No helper holds more, whatever it says: an agent has at most so many slots. */
const itemsMax = 64;

/**
 * A stream begins. As an owner the agent has forgotten what was given to nobody. As a helper it tells what it holds: what
 * it does not is over; what we do not know was given by the leader before us, and goes on where the fence is alive.
 */
export function takeHeldItems(ledger: Ledger, hello: Hello): void {
  const { assist } = ledger.state;
  for (const helped of assist.jobs.values()) {
    if (helped.ownerId !== hello.agentId) continue;
    helped.loose.clear();
    helped.asked = undefined;
    helped.notBeforeMs = ledger.nowMs;
  }
  const told = hello.features.includes(assistFeature) ? (hello.heldItems ?? []) : [];
  const heldNow = new Set(told.map(itemKey));
  for (const held of itemsAt(assist, hello.agentId)) {
    if (!heldNow.has(itemKey(held.item)))
      finishItem(ledger, held, {
        result: held.instanceId === hello.instanceId ? 'stopped' : 'lost',
        reason: 'does not hold it any more',
      });
    else if (held.stopping !== undefined)
      ledger.sendTo(hello.agentId, { kind: 'cancel-item', item: held.item, reason: held.stopping.reason });
  }
  for (const [key, agentId] of assist.abandoned)
    if (agentId === hello.agentId && !heldNow.has(key)) assist.abandoned.delete(key);
  for (const item of told.slice(0, itemsMax)) {
    if (assist.abandoned.get(itemKey(item)) === hello.agentId)
      ledger.sendTo(hello.agentId, { kind: 'cancel-item', item, reason: 'its right is over' });
    else if (!assist.items.has(itemKey(item))) takeUnknown(ledger, hello.agentId, item);
  }
}

/** A right of the leader before us: kept where it is one to a live attempt's item that nobody else has. */
function takeUnknown(ledger: Ledger, agentId: string, item: ItemRef): void {
  const { state, settings, nowMs } = ledger;
  const { assistRunMinMs, assistItemMs } = settings.times;
  const held: HeldItem = {
    item,
    agentId,
    instanceId: state.presences.get(agentId)?.instanceId ?? '',
    attemptKey: attemptKey(item.ref),
    released: undefined,
    endsAtMs: nowMs + assistRunMinMs,
    deadlineMs: nowMs + assistItemMs,
    stopping: undefined,
    late: false,
    wasReset: false,
  };
  putItem(state.assist, held);
  const attempt = state.attempts.get(held.attemptKey);
  const known = state.bodies.get(item.ref.jobId)?.resolved.some(({ position }) => position === item.position);
  const helped =
    settings.assist &&
    known === true &&
    item.right.term < state.epoch.term &&
    isHelpable(state, item.ref) &&
    attempt?.agentId !== agentId
      ? helpedAttempt(ledger, item.ref)
      : undefined;
  if (helped === undefined || helped.given.has(item.position))
    stopItem(ledger, held, 'the controller does not know this right');
  else helped.given.set(item.position, itemKey(item));
}

/** The attempt of a message of its owner; undefined: it is not the sender's, or not asked about. */
function helpedOf(
  ledger: Ledger,
  { agentId }: Presence,
  ref: ItemsReleased['ref'],
): HelpedAttempt | undefined {
  const helped = ledger.state.assist.jobs.get(attemptKey(ref));
  if (helped?.ownerId !== agentId || compareFences(helped.ref.fence, ref.fence) !== 0) return undefined;
  return isHelpable(ledger.state, helped.ref) ? helped : undefined;
}

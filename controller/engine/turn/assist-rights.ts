import type { JobRef } from '../../../proto/agent-link.ts';
import type { ItemFinished, ItemRef, ReleasedItem } from '../../../proto/item-link.ts';
import { assignedJob } from '../../domain/job.ts';
import type { ItemGift } from '../../scheduling/assist-snapshot.ts';
import { dropItem, type HeldItem, type HelpedAttempt, itemKey, putItem } from './assist-state.ts';
import type { Ledger } from './ledger.ts';
import { attemptKey, type FarmState } from './state.ts';

/** Three times what was predicted, and the seconds that everything takes to begin, is more than any good item needs. */
const lateFactor = 3;

/** Gives a helper the right to one released item, and tells its owner. */
export function giveItem(
  ledger: Ledger,
  helped: HelpedAttempt,
  released: ReleasedItem,
  gift: ItemGift,
): void {
  const { state, nowMs, settings } = ledger;
  const { ref, ownerId } = helped;
  const { position, segmentKey, frames } = released;
  const body = state.bodies.get(ref.jobId);
  if (body === undefined) return;
  const { assistRunMinMs, ffmpegStallMs, ffmpegStartStallMs } = settings.times;
  const item = newRight(state, ref, position);
  const endsInMs = Math.ceil(gift.endsInMs);
  const runMs = Math.max(assistRunMinMs, lateFactor * endsInMs);
  const job = assignedJob(ledger.job(ref.jobId), body, settings.timeZone);
  const isSent = ledger.sendTo(gift.agentId, {
    kind: 'assign-item',
    item,
    job: { ...job, items: job.items.filter((each) => each.position === position) },
    frames,
    segmentKey,
    runMs,
    stallMs: ffmpegStallMs,
    startStallMs: ffmpegStartStallMs,
  });
  if (!isSent) return;
  const held: HeldItem = {
    item,
    agentId: gift.agentId,
    instanceId: state.presences.get(gift.agentId)?.instanceId ?? '',
    attemptKey: attemptKey(ref),
    released,
    endsAtMs: nowMs + endsInMs,
    deadlineMs: nowMs + runMs + settings.times.assignmentReplyMs,
    stopping: undefined,
    late: false,
    wasReset: false,
  };
  const isFirst = ![...helped.given.values()].some(
    (key) => state.assist.items.get(key)?.agentId === gift.agentId,
  );
  putItem(state.assist, held);
  helped.loose.delete(position);
  helped.given.set(position, itemKey(item));
  if (isFirst && ![...helped.doneBy.values()].includes(gift.agentId))
    noteHelper(ledger, helped, gift.agentId);
  ledger.sendTo(ownerId, { kind: 'item-assigned', item, agentId: gift.agentId, endsInMs });
}

/** A right that nobody has: an agent can claim one that was never given, and would then be taken for its holder. */
function newRight(state: FarmState, ref: JobRef, position: number): ItemRef {
  const next = (): ItemRef => ({
    ...{ ref, position },
    right: { term: state.epoch.term, counter: state.nextFenceCounter++ },
  });
  let item = next();
  while (state.assist.items.has(itemKey(item))) item = next();
  return item;
}

/** Tells a helper to stop. Its slot is free, and the item another's to render, when it says that it has. */
export function stopItem(ledger: Ledger, held: HeldItem, reason: string): void {
  if (held.stopping !== undefined) return;
  held.stopping = { atMs: ledger.nowMs, reason };
  ledger.sendTo(held.agentId, { kind: 'cancel-item', item: held.item, reason });
}

/** A helper has nothing to do with an item any more: its slot is free, and the owner hears what became of the item. */
export function finishItem(
  ledger: Ledger,
  held: HeldItem,
  { result, reason }: { readonly result: ItemFinished['result'] | 'lost'; readonly reason: string },
): void {
  const { state } = ledger;
  dropItem(state.assist, held);
  state.assist.due = true;
  // A job may wait for just this slot.
  if (state.waiting.size > 0) state.planStale = true;
  const helped = rightOf(ledger, held);
  endRight(ledger, held, result === 'done', reason);
  if (result !== 'lost' || helped === undefined) return;
  helped.losses += 1;
  helped.barred.set(held.agentId, 'it was lost with an item');
  helped.loose.delete(held.item.position);
}

/** The right is over. Whether the helper still has a hand on the item is no matter of the owner's. */
export function endRight(ledger: Ledger, held: HeldItem, isDone: boolean, reason: string): void {
  const { item, agentId, released } = held;
  const helped = rightOf(ledger, held);
  if (helped === undefined) return;
  helped.given.delete(item.position);
  if (isDone) helped.doneBy.set(item.position, agentId);
  else if (released !== undefined) helped.loose.set(item.position, released);
  ledger.sendTo(helped.ownerId, { kind: 'item-ended', item, agentId, isDone, reason });
  noteItem(ledger, item.ref, {
    what: isDone ? 'item-helped' : 'item-returned',
    detail: `item ${item.position}${isDone ? ` was rendered by ${agentId}` : `: ${agentId} ${reason}`}`,
    agentId,
  });
}

/** The attempt that is helped by an item, while the right to the item counts; undefined: it is over. */
export function rightOf({ state }: Ledger, { item, attemptKey: key }: HeldItem): HelpedAttempt | undefined {
  const helped = state.assist.jobs.get(key);
  return helped?.given.get(item.position) === itemKey(item) ? helped : undefined;
}

function noteHelper(ledger: Ledger, { ref, ownerId }: HelpedAttempt, agentId: string): void {
  ledger.note(ref.jobId, {
    atMs: ledger.nowMs,
    what: 'helped',
    detail: `${agentId} renders items of it for ${ownerId}`,
    agentId,
  });
  ledger.log('info', 'job-helped', { jobId: ref.jobId, agentId, owner: ownerId });
}

/** As many as an attempt's timeline keeps of its own segments. */
const entriesMax = 200;

function noteItem(
  ledger: Ledger,
  ref: JobRef,
  entry: { readonly what: string; readonly detail: string; readonly agentId: string },
): void {
  const attempt = ledger.state.attempts.get(attemptKey(ref));
  if (attempt === undefined) return;
  const timeline = [...attempt.timeline, { atMs: ledger.nowMs, ...entry }].slice(-entriesMax);
  ledger.putAttempt({ ...attempt, timeline });
}

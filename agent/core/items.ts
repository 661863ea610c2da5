import type { WorkClass } from '../../proto/agent-link.ts';
import { fenceText, workClassOf } from '../../proto/agent-link.ts';
import type { AssignItem, CancelItem, ItemFinished, ItemRef } from '../../proto/item-link.ts';
import { isAtWork } from './attempt-states.ts';
import type { ItemReport } from './inputs.ts';
import { keyOf } from './journal-fold.ts';
import { scratchForItems, workBytesAhead } from './scratch.ts';
import {
  freePlace,
  sessionLimitCode,
  sessionsShort,
  slotsIn,
  slotsOf,
  slotsOfJobs,
  slotsUsed,
} from './slots.ts';
import type { HeldItem, LiveAttempt } from './state.ts';
import type { Turn } from './turn.ts';
import { send } from './turn.ts';

/** Ended items whose answer is remembered: the same right may be given again when a word was lost. */
const endedMax = 64;

export function itemKey({ ref, position, right }: ItemRef): string {
  return `${keyOf(ref)}/${position}#${fenceText(right)}`;
}

/** Renders another agent's item, or says why not. The same right twice is one render and one answer. */
export function itemAssigned(turn: Turn, assign: AssignItem): void {
  const { item, job } = assign;
  if (turn.state.items.has(itemKey(item)) || answerAgain(turn, item)) return;
  const place = freePlace(turn.state, workClassOf(job));
  const refusal = refusalOf(turn, assign);
  if (refusal !== undefined || place === undefined) {
    const { code, message } = refusal ?? noSlot(turn, workClassOf(job));
    finish(turn, { ...ended(item), result: 'declined', code, message });
    return;
  }
  putItem(turn, {
    item,
    ...place,
    endMs: turn.nowMs + assign.runMs,
    scratchBytes: workBytesAhead(job, turn.state.settings),
  });
  turn.effects.push({ type: 'start-item', assign, ...place });
}

/** Cancel of something that is not held is answered too: the controller counts its slot until then. */
export function itemCancelled(turn: Turn, { item, reason }: CancelItem): void {
  const held = turn.state.items.get(itemKey(item));
  if (held !== undefined) stopItem(turn, held, { code: 'CANCELLED', message: reason });
  else if (!answerAgain(turn, item)) finish(turn, { ...ended(item), result: 'stopped', message: reason });
}

/** The process tree of an item is gone: its slot is free. The first cause to stop it is the one that is told. */
export function itemReported(turn: Turn, item: ItemRef, report: ItemReport): void {
  const held = turn.state.items.get(itemKey(item));
  if (held === undefined) return;
  if (report.code === sessionLimitCode) sessionsShort(turn, held);
  const items = new Map(turn.state.items);
  items.delete(itemKey(item));
  turn.state = { ...turn.state, items };
  const why = report.result === 'done' ? undefined : held.stopping;
  finish(turn, { ...ended(item), ...report, ...(why === undefined ? {} : { result: 'stopped', ...why }) });
}

/** Their time is over. */
export function tickItems(turn: Turn): void {
  for (const held of turn.state.items.values()) {
    if (turn.nowMs >= held.endMs) stopItem(turn, held, { code: 'RUN_TIME', message: 'its time is over' });
  }
}

/** This agent leaves, or has other work. */
export function stopItems(turn: Turn, code: string, message: string): void {
  for (const held of turn.state.items.values()) stopItem(turn, held, { code, message });
}

/** A job has come to this place: as many items as are in its way are stopped, the youngest first. */
export function makeWayForJob(turn: Turn, { gpuIndex }: Pick<LiveAttempt, 'gpuIndex'>): void {
  const { state } = turn;
  const young = [...state.items.values()].filter(({ stopping }) => stopping === undefined).reverse();
  const there = young.filter((held) => held.gpuIndex === gpuIndex);
  const onGpu =
    gpuIndex === undefined ? 0 : slotsOfJobs(state, gpuIndex) + there.length - slotsIn(state, gpuIndex);
  const onHost = slotsOfJobs(state) + young.length - slotsOf(state);
  const first = there.slice(0, Math.max(0, onGpu));
  const others = young.filter((held) => !first.includes(held)).slice(0, Math.max(0, onHost - first.length));
  for (const held of [...first, ...others])
    stopItem(turn, held, { code: 'JOB_CAME', message: 'a job was assigned to this agent' });
}

/** Says what is not said yet. Called at the end of every step, so also behind Welcome. */
export function pumpItems(turn: Turn): void {
  if (turn.state.link?.session === undefined) return;
  const unsent = [...turn.state.endedItems].filter(([, { isSent }]) => !isSent);
  if (unsent.length === 0) return;
  const endedItems = new Map(turn.state.endedItems);
  for (const [key, { message }] of unsent) {
    send(turn, message);
    endedItems.set(key, { message, isSent: true });
  }
  turn.state = { ...turn.state, endedItems };
}

interface Refusal {
  readonly code: string;
  readonly message: string;
}

function refusalOf({ state }: Turn, { item, job }: AssignItem): Refusal | undefined {
  const [only, another] = job.items;
  if (job.jobId !== item.ref.jobId || only?.position !== item.position || another !== undefined)
    return { code: 'ITEM_UNCLEAR', message: `position ${item.position} and one item of it were expected` };
  if (state.shutdown !== undefined) return { code: 'SHUTTING_DOWN', message: 'this agent is shutting down' };
  const { mode, reason } = state.mode;
  if (mode !== 'active') return { code: 'CORDONED', message: `this agent is ${mode}: ${reason}` };
  if (state.inventory.segmentCacheId === undefined)
    return { code: 'NO_SHARED_CACHE', message: 'this agent reaches no shared segment cache now' };
  const isProbing = [...state.slotLimits.values()].some((limit) => limit.isProbing);
  if (isProbing || state.checks.size > 0)
    return { code: 'BUSY_PROBING', message: 'this agent tries its encoders' };
  const isOwn = ({ ref, state: at }: LiveAttempt): boolean => ref.jobId === job.jobId && isAtWork(at);
  if ([...state.attempts.values()].some(isOwn))
    return { code: 'OWN_JOB', message: 'an attempt of that job is at work here' };
  // What is known of the job's sources is of all its items: this one's are measured when it runs.
  const needed = workBytesAhead(job, state.settings);
  const available = scratchForItems(state);
  if (available >= needed) return undefined;
  const message = `the item needs about ${needed} bytes of scratch space, ${available} are not promised`;
  return { code: 'NO_SCRATCH_SPACE', message };
}

function noSlot({ state }: Turn, workClass: WorkClass): Refusal {
  const used = `${slotsUsed(state)} of ${slotsOf(state)} slots are in use`;
  return { code: 'NO_SLOT', message: `no free slot that does ${workClass}: ${used}` };
}

function stopItem(turn: Turn, held: HeldItem, stopping: NonNullable<HeldItem['stopping']>): void {
  if (held.stopping !== undefined) return;
  putItem(turn, { ...held, stopping });
  turn.effects.push({ type: 'stop-item', item: held.item, reason: stopping.message });
}

/** What became of this right, once more; false when nothing is remembered of it. */
function answerAgain(turn: Turn, item: ItemRef): boolean {
  const known = turn.state.endedItems.get(itemKey(item));
  if (known !== undefined) finish(turn, known.message);
  return known !== undefined;
}

function finish(turn: Turn, message: ItemFinished): void {
  const key = itemKey(message.item);
  const endedItems = new Map(turn.state.endedItems);
  endedItems.delete(key);
  endedItems.set(key, { message, isSent: false });
  for (const [oldest] of endedItems) {
    if (endedItems.size <= endedMax) break;
    endedItems.delete(oldest);
  }
  turn.state = { ...turn.state, endedItems };
}

function ended(item: ItemRef): Omit<ItemFinished, 'result'> {
  return { kind: 'item-finished', item, reused: false, framesEncoded: 0 };
}

function putItem(turn: Turn, held: HeldItem): void {
  turn.state = { ...turn.state, items: new Map(turn.state.items).set(itemKey(held.item), held) };
}

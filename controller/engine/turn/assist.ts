import { planAssist } from '../../scheduling/assist.ts';
import { type AssistTuning, defaultAssistTuning } from '../../scheduling/assist-snapshot.ts';
import { endRight, finishItem, giveItem, stopItem } from './assist-rights.ts';
import {
  helpableJobs,
  helpedAttempt,
  helpedJob,
  helperSlots,
  idleHelpers,
  isHelpable,
} from './assist-snapshot.ts';
import { abandonItem, type HeldItem, itemsAt } from './assist-state.ts';
import type { Ledger } from './ledger.ts';
import { leaseEndMs } from './liveness.ts';
import { slotsBusy } from './slots-busy.ts';
import { attemptKey, type Presence } from './state.ts';
import { resetStream } from './streams.ts';

/**
 * Agents that have nothing else to do render items of running jobs for their owners (scheduling.md, Deciding 7). A
 * farm whose agents share no segment cache does nothing here.
 *
 * @param isNews time has passed, or a plan was made: somebody may have become idle
 */
export function assistJobs(ledger: Ledger, isNews: boolean): void {
  const { assist, planning } = ledger.state;
  if (assist.jobs.size > 0) endOver(ledger);
  if (!isNews && !assist.due) return;
  for (const held of assist.items.values()) checkItem(ledger, held);
  for (const [agentId, untilMs] of assist.barred) if (untilMs <= ledger.nowMs) assist.barred.delete(agentId);
  for (const [key, agentId] of assist.abandoned) {
    const presence = ledger.state.presences.get(agentId);
    if (presence === undefined || presence.leaving) assist.abandoned.delete(key);
  }
  // While a plan is being made nobody knows who is idle.
  if (planning !== undefined) return;
  assist.due = false;
  if (ledger.settings.assist && ledger.state.recoveryUntilMs === undefined) share(ledger);
}

/** A right ends with its fence, in the very turn in which that does. */
function endOver(ledger: Ledger): void {
  const { assist } = ledger.state;
  for (const [key, helped] of assist.jobs) {
    if (isHelpable(ledger.state, helped.ref)) continue;
    assist.jobs.delete(key);
    for (const itemKey of helped.given.values()) {
      const held = assist.items.get(itemKey);
      if (held !== undefined) stopItem(ledger, held, 'the attempt that it was for is over');
    }
  }
}

/** What time, and the helper's own state, do to an item. */
function checkItem(ledger: Ledger, held: HeldItem): void {
  const { state, settings, nowMs } = ledger;
  const { assignmentReplyMs, cancelGraceMs } = settings.times;
  const presence = state.presences.get(held.agentId);
  if (presence === undefined || presence.leaving) {
    finishItem(ledger, held, { result: 'stopped', reason: 'left' });
    return;
  }
  if (presence.session === undefined) {
    if (nowMs >= leaseEndMs(state, settings, presence))
      finishItem(ledger, held, { result: 'lost', reason: 'was not heard of any more' });
    return;
  }
  if (nowMs > held.deadlineMs) stopItem(ledger, held, 'took too long');
  else if (isClosed(ledger, held.agentId)) stopItem(ledger, held, 'its agent is to take nothing on');
  if (held.stopping === undefined) return;
  const silentMs = nowMs - Math.max(held.stopping.atMs, presence.session.attachedAtMs);
  if (silentMs >= assignmentReplyMs && !held.late) {
    held.late = true;
    state.planStale = true;
    endRight(ledger, held, false, held.stopping.reason);
  }
  if (silentMs >= assignmentReplyMs + cancelGraceMs && !held.wasReset) {
    held.wasReset = true;
    ledger.log('warn', 'item-not-stopped', { jobId: held.item.ref.jobId, agentId: held.agentId });
    resetStream(ledger, presence, presence.session);
    return;
  }
  if (isForgotten(ledger, held, presence)) giveSlotBack(ledger, held);
}

/**
 * It was told long ago, is there, had a stream to answer on, and has not. As with attempts (`backstops.ts`), only what an
 * agent that is heard does not say counts.
 */
function isForgotten({ state, settings, nowMs }: Ledger, held: HeldItem, presence: Presence): boolean {
  if (held.stopping === undefined || presence.session === undefined) return false;
  if (presence.suspect || state.recoveryUntilMs !== undefined) return false;
  const { backstopMs, assignmentReplyMs } = settings.times;
  const couldAnswerMs = nowMs - presence.session.attachedAtMs;
  return nowMs - held.stopping.atMs >= backstopMs && couldAnswerMs >= assignmentReplyMs;
}

/** Its slot is for jobs again, which the agent starts beside what it cannot end; it is given no items meanwhile. */
function giveSlotBack(ledger: Ledger, held: HeldItem): void {
  const { state } = ledger;
  const { item, agentId } = held;
  endRight(ledger, held, false, held.stopping?.reason ?? '');
  abandonItem(state.assist, held);
  state.assist.due = true;
  state.planStale = true;
  ledger.alarm('item-stop-unanswered', { jobId: item.ref.jobId, position: item.position, agentId });
}

/** Cordoned, it finishes what it has; drained, evicted or sick, somebody waits for it, or should not trust it. */
function isClosed({ state }: Ledger, agentId: string): boolean {
  const { ordered, health } = state.agents.get(agentId) ?? {};
  return health?.sick !== undefined || (ordered !== undefined && ordered.mode !== 'cordoned');
}

/**
 * Jobs were planned for slots that hold items: the newest are given up. The jobs get the slots as soon as they are free.
 */
export function makeRoomFor(ledger: Ledger, placements: readonly { readonly agentId: string }[]): void {
  const { state } = ledger;
  if (state.assist.byAgent.size === 0) return;
  const wanted = new Map<string, number>();
  for (const { agentId } of placements) wanted.set(agentId, (wanted.get(agentId) ?? 0) + 1);
  for (const [agentId, jobs] of wanted) {
    const items = itemsAt(state.assist, agentId);
    const slots = state.presences.get(agentId)?.inventory?.slots ?? 0;
    const stopping = items.filter((held) => held.stopping !== undefined && !held.late).length;
    const short = jobs - (slots - slotsBusy(state, agentId)) - stopping;
    const newest = items.filter((held) => held.stopping === undefined).toReversed();
    for (const held of newest.slice(0, Math.max(0, short)))
      stopItem(ledger, held, 'a job of its own has come');
  }
}

function share(ledger: Ledger): void {
  const idle = idleHelpers(ledger);
  if (idle.length === 0) return;
  const jobs = helpableJobs(ledger);
  if (jobs.length === 0) return;
  const slots = helperSlots(ledger, idle, jobs).filter(({ speedOf }) => speedOf.size > 0);
  if (slots.length === 0) return;
  const byId = new Map(jobs.map((helpable) => [helpable.job.jobId, helpable]));
  const plan = planAssist(
    jobs.map((helpable) => helpedJob(ledger, helpable)),
    slots,
    tuningOf(ledger),
  );
  for (const gift of plan.gifts) {
    const helpable = byId.get(gift.jobId);
    const helped = helpable && ledger.state.assist.jobs.get(attemptKey(helpable.attempt));
    const released = helped?.loose.get(gift.position);
    if (helped !== undefined && released !== undefined) giveItem(ledger, helped, released, gift);
  }
  for (const { jobId, itemsMax, outputMaxMs } of plan.asks) {
    const attempt = byId.get(jobId)?.attempt;
    if (attempt === undefined) continue;
    const { fence, agentId } = attempt;
    const ref = { jobId, fence };
    const helped = helpedAttempt(ledger, ref);
    if (ledger.sendTo(agentId, { kind: 'release-items', ref, itemsMax, outputMaxMs })) {
      helped.asked = { atMs: ledger.nowMs, itemsMax, outputMaxMs };
      helped.notBeforeMs = ledger.nowMs + ledger.settings.times.assistAskMs;
    }
  }
}

function tuningOf({ settings }: Ledger): AssistTuning {
  const { assistItemMs, assistSavingMs } = settings.times;
  return { ...defaultAssistTuning, itemMaxMs: assistItemMs, savingMinMs: assistSavingMs };
}

import {
  type AssistPlan,
  type AssistTuning,
  defaultAssistTuning,
  type HelpedJob,
  type HelperSlot,
  type ItemAsk,
  type ItemGift,
} from './assist-snapshot.ts';
import { HelpedDesk } from './helped-desk.ts';
import { longestToldMs } from './words.ts';

/**
 * Who helps whom (scheduling.md, Deciding 7). Pure, greedy, and only about agents that have nothing better to do:
 * which released item each of their slots gets, and which owners are asked to release more.
 */

/** The job that is furthest from its end gets the next slot: the last of them decides when all are done. */
export function planAssist(
  jobs: readonly HelpedJob[],
  slots: readonly HelperSlot[],
  tuning: AssistTuning = defaultAssistTuning,
): AssistPlan {
  const desks = jobs.map((job) => new HelpedDesk(job, tuning));
  const free = new Set(slots);
  const open = new Set(desks.filter(({ looseCount }) => looseCount > 0));
  const gifts: ItemGift[] = [];
  while (open.size > 0 && free.size > 0 && gifts.length < giftsMax) {
    const [desk] = [...open].sort(byNeed);
    const slot = desk?.bestSlot(free);
    const offer = slot && desk?.offer(slot);
    if (desk === undefined) break;
    if (slot === undefined || offer === undefined) open.delete(desk);
    else {
      gifts.push(desk.give(slot, offer));
      free.delete(slot);
      if (desk.looseCount === 0) open.delete(desk);
    }
  }
  return { gifts, asks: asksOf(desks, free, tuning) };
}

/** Of one plan, so that it stays short; the next gives more. */
const giftsMax = 64;
/** Items asked for, for each slot that could take one: the next is at hand when one ends. */
const itemsPerSlot = 2;

function asksOf(
  desks: readonly HelpedDesk[],
  free: ReadonlySet<HelperSlot>,
  { askMax, itemMaxMs }: AssistTuning,
): readonly ItemAsk[] {
  const idle = new Set(free);
  const asks: ItemAsk[] = [];
  for (const desk of desks.filter(({ job }) => job.mayAsk).sort(byNeed)) {
    const able = [...idle].filter((slot) => desk.isWorthAsking(slot));
    // What they still have at hand; more is asked for when half of it is gone, or a slot stands idle.
    const wanted = itemsPerSlot * (able.length + desk.helpers) - desk.looseCount;
    if (wanted <= 0 || (able.length === 0 && desk.looseCount * itemsPerSlot > desk.helpers)) continue;
    const speed = Math.max(desk.helperSpeed, ...able.map((slot) => desk.speedOf(slot)));
    if (!(speed > 0)) continue;
    for (const slot of able) idle.delete(slot);
    asks.push({
      jobId: desk.job.jobId,
      itemsMax: Math.min(askMax, wanted),
      outputMaxMs: Math.floor(Math.min(longestToldMs, itemMaxMs * speed)),
    });
  }
  return asks;
}

function byNeed(a: HelpedDesk, b: HelpedDesk): number {
  return b.job.rank - a.job.rank || b.leftMs - a.leftMs;
}

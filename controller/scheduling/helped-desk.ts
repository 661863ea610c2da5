import type { AssistTuning, HelpedJob, HelperSlot, ItemGift, LooseItem } from './assist-snapshot.ts';
import { timeOf } from './forecast.ts';

/** What an item would bring in a slot. */
export interface Offer {
  readonly item: LooseItem;
  readonly endMs: number;
  readonly savingMs: number;
}

/** A helped job while a plan is made. */
export class HelpedDesk {
  readonly job: HelpedJob;
  readonly #tuning: AssistTuning;
  #loose: readonly LooseItem[];
  #ownLeftMs: number;
  #helpersEndMs: readonly number[];
  /** Of the fastest that was given an item, now or before. */
  helperSpeed: number;

  constructor(job: HelpedJob, tuning: AssistTuning) {
    this.job = job;
    this.#tuning = tuning;
    this.#loose = job.loose.toSorted((a, b) => a.position - b.position);
    this.#ownLeftMs = job.ownLeftMs;
    this.#helpersEndMs = job.helpersEndMs;
    this.helperSpeed = job.helpersSpeed;
  }

  get looseCount(): number {
    return this.#loose.length;
  }

  get helpers(): number {
    return this.#helpersEndMs.length;
  }

  /** When all of its items are expected to be done. */
  get leftMs(): number {
    return Math.max(this.#ownLeftMs, ...this.#helpersEndMs);
  }

  /** Output rendered there in a unit of time; 0: it cannot help this job. */
  speedOf(slot: HelperSlot): number {
    return slot.speedOf.get(this.job.jobId) ?? 0;
  }

  /** Where a usual item would be done first. */
  bestSlot(free: ReadonlySet<HelperSlot>): HelperSlot | undefined {
    let best: { readonly slot: HelperSlot; readonly endMs: number } | undefined;
    for (const slot of free) {
      if (!(this.speedOf(slot) > 0)) continue;
      const endMs = this.#endMs(this.job.usual, slot);
      if (best === undefined || endMs < best.endMs) best = { slot, endMs };
    }
    return best?.slot;
  }

  /**
   * The item that saves most in this slot, of equal ones the first of the job: the sound is encoded in that order.
   * Undefined: none is worth it.
   */
  offer(slot: HelperSlot): Offer | undefined {
    let best: Offer | undefined;
    for (const item of this.#loose) {
      const offer = this.#weigh(item, slot);
      if (offer !== undefined && (best === undefined || offer.savingMs > best.savingMs)) best = offer;
    }
    return best;
  }

  /** One of its usual items would be worth it there. */
  isWorthAsking(slot: HelperSlot): boolean {
    return this.#weigh({ position: 0, ...this.job.usual }, slot) !== undefined;
  }

  give(slot: HelperSlot, { item, endMs }: Offer): ItemGift {
    this.#loose = this.#loose.filter(({ position }) => position !== item.position);
    this.#ownLeftMs -= this.#ownMs(item);
    this.#helpersEndMs = [...this.#helpersEndMs, endMs];
    this.helperSpeed = Math.max(this.helperSpeed, this.speedOf(slot));
    return { jobId: this.job.jobId, position: item.position, agentId: slot.agentId, endsInMs: endMs };
  }

  #weigh(item: LooseItem, slot: HelperSlot): Offer | undefined {
    const { itemMaxMs, copyFactor, savingMinMs, savingShareMin } = this.#tuning;
    const copyMs = timeOf(item.sourceBytes, slot.copyBytesPerMs);
    const endMs = this.#endMs(item, slot);
    if (!(this.speedOf(slot) > 0) || !(endMs <= itemMaxMs)) return undefined;
    const withIt = Math.max(this.#ownLeftMs - this.#ownMs(item), endMs, ...this.#helpersEndMs);
    const savingMs = this.leftMs - withIt;
    if (savingMs < savingMinMs || savingMs < savingShareMin * endMs) return undefined;
    if (savingMs <= copyFactor * copyMs) return undefined;
    return { item, endMs, savingMs };
  }

  #endMs({ sourceBytes, outputMs }: Omit<LooseItem, 'position'>, slot: HelperSlot): number {
    return timeOf(sourceBytes, slot.copyBytesPerMs) + timeOf(outputMs, this.speedOf(slot));
  }

  #ownMs({ outputMs }: Pick<LooseItem, 'outputMs'>): number {
    return timeOf(outputMs, this.job.ownSpeed);
  }
}

import type { ReleasedItem } from '../../proto/item-link.ts';
import type { JobPlan } from './job-plan.ts';

/** Frames of a job whose length the controller can believe: it takes what it is predicted to take, on the fastest PC. */
export const speedTold = 2;
const framesPerSecond = 30;

/** One render of a segment, by whom it was and whether it was of use. */
export interface MadeSegment {
  readonly jobId: string;
  readonly slotMs: number;
  used: boolean;
  /** What became of it; `gone`: it went with its agent. */
  readonly end: 'done' | 'declined' | 'failed' | 'stopped' | 'gone';
}

/** The segment cache that all PCs of a simulated farm share: segments are known by job and position. */
export class SimSegments {
  readonly #made = new Map<string, MadeSegment>();
  /** Everything that helpers have spent time on. */
  readonly helped: MadeSegment[] = [];

  /** A checked segment is there; of two the first stays. */
  put(key: string, made: MadeSegment): void {
    if (!this.#made.has(key)) this.#made.set(key, made);
  }

  /** Takes it for a job; false: it is not there. */
  take(key: string): boolean {
    const made = this.#made.get(key);
    if (made !== undefined) made.used = true;
    return made !== undefined;
  }

  has(key: string): boolean {
    return this.#made.has(key);
  }
}

export function segmentKeyOf(jobId: string, position: number): string {
  return `${jobId}/${position}`;
}

/** Frames of each segment of a job in a farm that shares segments. */
export function framesOf({ workMs, segments }: Pick<JobPlan, 'workMs' | 'segments'>): number {
  return Math.max(1, Math.round(((workMs * speedTold) / segments / 1000) * framesPerSecond));
}

/** What the controller takes a PC to copy that has told nothing. */
const bytesPerMs = 110_000;

/** An owner that waits for a helper looks so often. */
const lookMs = 1_000;

/** Time to copy the files of one item. */
export function itemFetchMs({ fetchMs, segments }: Pick<JobPlan, 'fetchMs' | 'segments'>): number {
  return Math.max(200, Math.round(fetchMs / segments));
}

/** Which item of an attempt is rendered next: its own from the first on, those that it gave up last. */
export class SimBoard {
  readonly #jobId: string;
  readonly #plan: JobPlan;
  readonly #released = new Map<number, 'loose' | { readonly untilMs: number }>();
  readonly #done = new Set<number>();
  #begun: number | undefined;
  #waitsSinceMs: number | undefined;

  constructor(jobId: string, plan: JobPlan) {
    this.#jobId = jobId;
    this.#plan = plan;
  }

  get doneCount(): number {
    return this.#done.size;
  }

  get isComplete(): boolean {
    return this.#done.size === this.#plan.segments;
  }

  /** What to render now; what it had given up is its own again. `ownMs`: as long as one item takes here. */
  next(
    nowMs: number,
    ownMs: number,
  ): { readonly position: number; readonly wasReleased: boolean } | { readonly waitMs: number } {
    const left = Array.from({ length: this.#plan.segments }, (_, position) => position).filter(
      (position) => !this.#done.has(position),
    );
    const own = left.find((position) => !this.#released.has(position));
    const loose = own ?? left.find((position) => this.#released.get(position) === 'loose');
    if (loose !== undefined) return this.#begin(loose);
    const ends = left.flatMap((position) => {
      const at = this.#released.get(position);
      return at === undefined || at === 'loose' ? [] : [{ position, untilMs: at.untilMs }];
    });
    const [last] = ends.sort((a, b) => b.untilMs - a.untilMs);
    if (last === undefined) throw new Error(`${this.#jobId} is complete`);
    // Not at all when rendering it itself is sooner, and in all never longer than that would take.
    this.#waitsSinceMs ??= nowMs;
    const isWorthIt = last.untilMs - nowMs < ownMs && nowMs - this.#waitsSinceMs < ownMs;
    return isWorthIt ? { waitMs: lookMs } : this.#begin(last.position);
  }

  done(position: number): void {
    if (this.#done.has(position)) throw new Error(`item ${position} of ${this.#jobId} is there twice`);
    this.#done.add(position);
    this.#released.delete(position);
    this.#begun = undefined;
  }

  isDone(position: number): boolean {
    return this.#done.has(position);
  }

  /** Gives up items from the last on: none that is begun, done or given up. */
  release(
    itemsMax: number,
    outputMaxMs: number,
    has: (position: number) => boolean,
  ): readonly ReleasedItem[] {
    const frames = framesOf(this.#plan);
    if ((frames / framesPerSecond) * 1000 > outputMaxMs) return [];
    const items: ReleasedItem[] = [];
    for (let position = this.#plan.segments - 1; position > 0 && items.length < itemsMax; position -= 1) {
      if (this.#done.has(position) || this.#released.has(position) || this.#begun === position) continue;
      if (has(position)) continue;
      this.#released.set(position, 'loose');
      const sourceBytes = itemFetchMs(this.#plan) * bytesPerMs;
      items.push({ position, frames, sourceBytes, segmentKey: segmentKeyOf(this.#jobId, position) });
    }
    return items;
  }

  given(position: number, untilMs: number): void {
    if (this.#released.has(position)) this.#released.set(position, { untilMs });
  }

  /** Done or not, it is the owner's to look for, or to render. */
  ended(position: number): void {
    if (this.#released.has(position)) this.#released.set(position, 'loose');
  }

  takeLooseBack(): void {
    for (const [position, at] of this.#released) if (at === 'loose') this.#released.delete(position);
  }

  /** After an adoption all is its own again. */
  reclaimAll(): void {
    this.#released.clear();
  }

  #begin(position: number): { readonly position: number; readonly wasReleased: boolean } {
    const wasReleased = this.#released.delete(position);
    this.#begun = position;
    this.#waitsSinceMs = undefined;
    return { position, wasReleased };
  }
}

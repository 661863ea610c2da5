/**
 * The owner's side of assist: items of one running attempt that other agents may render. Guarantee: nothing of it can hold
 * the attempt up. Whatever is not told, or told wrongly, costs at most the time that rendering the item here takes.
 */
import type {
  ItemAssigned,
  ItemEnded,
  ItemsReclaimed,
  ReleasedItem,
  ReleaseItems,
  ResolvedItem,
} from '../../proto/index.ts';
import { framesPerSecond, type SegmentPlan } from '../render/render-plan.ts';
import type { SegmentBoard } from '../render/segment-board.ts';
import { freePlaces, mayBeGiven } from '../render/segment-order.ts';

export interface ReleasedItems {
  /**
   * Gives up what may be given, the first items first: as soon as there is some, where files are still to come. Undefined:
   * a newer ask has taken the place of this one, and is answered for both. Never rejects.
   */
  release(ask: Pick<ReleaseItems, 'itemsMax' | 'outputMaxMs'>): Promise<readonly ReleasedItem[] | undefined>;
  told(told: ItemAssigned | ItemEnded): void;
  /** A segment lies in the work folder. Returns the agent that rendered it for this job, where one has. */
  segmentDone(position: number, isReused: boolean): string | undefined;
  /** Those that no helper has are ours again, and nobody is told: the controller knows of them no more. */
  takeLooseBack(): void;
  /** All are ours again, and nobody is told: the fence that they were given under is over. */
  takeAllBack(): void;
  /** Nothing is decided any more. Idempotent. */
  close(): void;
}

export interface ReleasedItemsOptions {
  readonly board: SegmentBoard;
  /** Of the job; the board's index is their place in here. */
  readonly items: readonly Pick<ResolvedItem, 'position'>[];
  /** Segments at a time here. */
  readonly concurrency: () => number;
  readonly keyOf: (segment: SegmentPlan) => Promise<string>;
  /** Of the files of an item. */
  readonly bytesOf: (position: number) => number;
  /** While true nothing is given up. */
  readonly isOff: () => boolean;
  /** Whether a segment is in a cache already: nobody needs to render it. */
  readonly isCached: (key: string) => Promise<boolean>;
  /** Brings a segment from the shared cache to this PC's; false when it is not there. */
  readonly bring: (key: string) => Promise<boolean>;
  /** Frames a second that this PC is expected to render, until it has rendered some of this job. */
  readonly expectedRate: () => number | undefined;
  readonly reclaimed: (reclaimed: Pick<ItemsReclaimed, 'positions' | 'why'>) => void;
  readonly log: (message: string) => void;
  /** Steady. */
  readonly nowMs: () => number;
  /** Returns how to stop it. @default setTimeout */
  readonly startTimer?: (ms: number, act: () => void) => () => void;
}

interface Released {
  readonly index: number;
  readonly frames: number;
  readonly key: string;
  holder?: { readonly agentId: string; readonly endsAtMs: number };
  /** It is said to be done, and comes from the shared cache. */
  isComing?: true;
}

export function createReleasedItems(options: ReleasedItemsOptions): ReleasedItems {
  return new OwnersItems(options);
}

class OwnersItems implements ReleasedItems {
  readonly #options: ReleasedItemsOptions;
  /** By position. */
  readonly #released = new Map<number, Released>();
  /** Who has rendered what. */
  readonly #helpers = new Map<number, string>();
  readonly #pace: OwnPace;
  readonly #forgetBoard: () => void;
  /** Since when a place here has nothing of its own to do. */
  #idleSinceMs: number | undefined;
  #stopTimer: (() => void) | undefined;
  /** Ends the wait of an ask for the first item that may be given: with true, or with false for a newer ask. */
  #endWait: ((isAnswered: boolean) => void) | undefined;
  #isClosed = false;

  constructor(options: ReleasedItemsOptions) {
    this.#options = options;
    this.#pace = new OwnPace(options);
    this.#forgetBoard = options.board.onChange(() => {
      this.#pace.look();
      if (!this.#isToCome()) this.#endWait?.(true);
      this.#settle();
    });
  }

  async release(
    ask: Pick<ReleaseItems, 'itemsMax' | 'outputMaxMs'>,
  ): Promise<readonly ReleasedItem[] | undefined> {
    this.#endWait?.(false);
    if (this.#isToCome()) {
      const wait = Promise.withResolvers<boolean>();
      this.#endWait = wait.resolve;
      if (!(await wait.promise)) return undefined;
      this.#endWait = undefined;
    }
    return await this.#giveUp(ask);
  }

  /** Nothing may be given now, and there will be: asked again later, helpers would stand idle until then. */
  #isToCome(): boolean {
    const { board, isOff } = this.#options;
    if (this.#isClosed || isOff() || board.stopped.aborted || this.#mayBeGiven().length > 0) return false;
    return board.stages().includes('expected');
  }

  async #giveUp({
    itemsMax,
    outputMaxMs,
  }: Pick<ReleaseItems, 'itemsMax' | 'outputMaxMs'>): Promise<readonly ReleasedItem[]> {
    const { board, keyOf, bytesOf, isCached, log } = this.#options;
    const given: ReleasedItem[] = [];
    const framesMax = (outputMaxMs / 1_000) * framesPerSecond;
    try {
      for (const index of this.#mayBeGiven()) {
        if (given.length >= itemsMax) break;
        const segment = board.segment(index);
        if (segment === undefined || segment.frames > framesMax) continue;
        const key = await keyOf(segment);
        if (await isCached(key)) continue;
        // Meanwhile it may have been begun, or be the next one.
        if (this.#isClosed || !this.#mayBeGiven().includes(index)) continue;
        const { position, frames } = segment;
        this.#released.set(position, { index, frames, key });
        board.give(index);
        given.push({ position, frames, sourceBytes: bytesOf(position), segmentKey: key });
      }
    } catch (error) {
      log(`No more items are given up: ${error instanceof Error ? error.message : String(error)}`);
    }
    // While the caches were asked for the later ones, an earlier one may have become ours again.
    return given.filter(({ position }) => this.#released.has(position));
  }

  told(told: ItemAssigned | ItemEnded): void {
    const { position } = told.item;
    const released = this.#released.get(position);
    if (released === undefined || released.isComing === true) return;
    const { agentId } = told;
    if (told.kind === 'item-assigned') {
      released.holder = { agentId, endsAtMs: this.#options.nowMs() + told.endsInMs };
    } else if (told.isDone) {
      released.isComing = true;
      void this.#bring(position, released, agentId);
    } else {
      delete released.holder;
      this.#options.log(`Agent ${agentId} does not render the item at position ${position}: ${told.reason}`);
    }
    this.#settle();
  }

  segmentDone(position: number, isReused: boolean): string | undefined {
    const index = this.#options.items.findIndex((item) => item.position === position);
    this.#pace.done(index, isReused);
    return isReused ? this.#helpers.get(position) : undefined;
  }

  takeLooseBack(): void {
    this.#takeBackWhere(({ holder, isComing }) => holder === undefined && isComing !== true);
  }

  takeAllBack(): void {
    this.#takeBackWhere(() => true);
  }

  close(): void {
    this.#isClosed = true;
    this.#forgetBoard();
    this.#stopTimer?.();
    this.#endWait?.(true);
    this.#released.clear();
  }

  async #bring(position: number, released: Released, agentId: string): Promise<void> {
    const { board, bring, log } = this.#options;
    const isHere = await bring(released.key).catch(() => false);
    if (this.#isClosed || this.#released.get(position) !== released) return;
    if (!isHere) {
      log(`The segment at position ${position} that agent ${agentId} rendered is not in the shared cache`);
      this.#takeBack(position, released, 'not-in-cache');
      return;
    }
    this.#helpers.set(position, agentId);
    this.#released.delete(position);
    board.deliver(released.index);
  }

  #mayBeGiven(): readonly number[] {
    const { board, concurrency, isOff } = this.#options;
    const isStopped = this.#isClosed || isOff() || board.stopped.aborted;
    return mayBeGiven({ stages: board.stages(), concurrency: concurrency(), isStopped });
  }

  /** With nothing else to do, this PC begins what it gave up; and waits for a helper only where that is no loss. */
  #settle(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    if (this.#isClosed) return;
    if (!this.#isIdle()) {
      this.#idleSinceMs = undefined;
      return;
    }
    const { nowMs, startTimer = realTimer } = this.#options;
    const idleSinceMs = (this.#idleSinceMs ??= nowMs());
    const own = this.#ownTurn(idleSinceMs);
    if (own !== undefined) {
      const [position, released] = own;
      this.#options.log(`The item at position ${position} is rendered here: there is nothing else to do`);
      // The board tells of it, so that what is left is settled again.
      this.#takeBack(position, released, 'own-turn');
      return;
    }
    const waits = [...this.#released.values()].map(({ frames }) => idleSinceMs + this.#pace.msFor(frames));
    if (waits.length === 0) return;
    this.#stopTimer = startTimer(Math.max(1, Math.min(...waits) - nowMs()), () => this.#settle());
  }

  /** A place is free, and nothing is ready for it. */
  #isIdle(): boolean {
    const { board, concurrency } = this.#options;
    const stages = board.stages();
    if (board.stopped.aborted || this.#released.size === 0) return false;
    return freePlaces({ stages, concurrency: concurrency() }) > 0 && !stages.includes('ready');
  }

  /** What nobody renders; else what its helper has later than this PC would; of those the latest. */
  #ownTurn(idleSinceMs: number): readonly [number, Released] | undefined {
    const nowMs = this.#options.nowMs();
    const all = [...this.#released].filter(([, { isComing }]) => isComing !== true);
    const nobodys = all.find(([, { holder }]) => holder === undefined);
    if (nobodys !== undefined) return nobodys;
    const endsAt = ({ holder }: Released): number => holder?.endsAtMs ?? nowMs;
    const late = [...this.#released].filter(([, released]) => {
      const ownMs = this.#pace.msFor(released.frames);
      const isLater = released.isComing !== true && endsAt(released) - nowMs > ownMs;
      // What was expected earlier and did not come is waited for no longer than rendering it takes.
      return isLater || nowMs - idleSinceMs >= ownMs;
    });
    return late.toSorted(([, a], [, b]) => endsAt(b) - endsAt(a))[0];
  }

  #takeBackWhere(isMeant: (released: Released) => boolean): void {
    // Whoever asked has forgotten it, or asks under another fence.
    this.#endWait?.(false);
    const meant = [...this.#released].filter(([, released]) => isMeant(released));
    for (const [position] of meant) this.#released.delete(position);
    for (const [, { index }] of meant) this.#options.board.takeBack(index);
  }

  #takeBack(position: number, { index }: Released, why: ItemsReclaimed['why']): void {
    this.#released.delete(position);
    this.#options.reclaimed({ positions: [position], why });
    this.#options.board.takeBack(index);
  }
}

/** How fast segments of this job are rendered here, by those that were. */
class OwnPace {
  readonly #options: Pick<ReleasedItemsOptions, 'board' | 'nowMs' | 'expectedRate'>;
  /** When each that is worked on was begun. */
  readonly #begun = new Map<number, number>();
  #frames = 0;
  #ms = 0;

  constructor(options: Pick<ReleasedItemsOptions, 'board' | 'nowMs' | 'expectedRate'>) {
    this.#options = options;
  }

  /** Something has changed on the board. */
  look(): void {
    const { board, nowMs } = this.#options;
    for (const [index, stage] of board.stages().entries()) {
      if (stage === 'rendering' && !this.#begun.has(index)) this.#begun.set(index, nowMs());
      if (stage === 'ready') this.#begun.delete(index);
    }
  }

  done(index: number, isReused: boolean): void {
    const begunMs = this.#begun.get(index);
    this.#begun.delete(index);
    if (isReused || begunMs === undefined) return;
    this.#frames += this.#options.board.segment(index)?.frames ?? 0;
    this.#ms += this.#options.nowMs() - begunMs;
  }

  /** 0 while nothing is known: then nobody is waited for. */
  msFor(frames: number): number {
    if (this.#frames > 0) return (frames * this.#ms) / this.#frames;
    const rate = this.#options.expectedRate();
    return rate === undefined || rate <= 0 ? 0 : (frames / rate) * 1_000;
  }
}

function realTimer(ms: number, act: () => void): () => void {
  const timer = setTimeout(act, Math.min(ms, timerMaxMs));
  return () => clearTimeout(timer);
}

/** Node's timers count no further than 2^31 ms. */
const timerMaxMs = 2 ** 31 - 1;

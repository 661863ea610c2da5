import assert from 'node:assert/strict';
import {
  createReleasedItems,
  type ReleasedItems,
  type ReleasedItemsOptions,
} from '../../agent/attempt/released-items.ts';
import { planRender } from '../../agent/render/plan.ts';
import type { RenderPlan } from '../../agent/render/render-plan.ts';
import { createSegmentBoard, fullBoard, type SegmentBoard } from '../../agent/render/segment-board.ts';
import { nextToRender } from '../../agent/render/segment-order.ts';
import type { ItemAssigned, ItemEnded } from '../../proto/index.ts';
import { clipItem } from '../agent/render/facts-of.ts';
import { jobRef } from './agent-core.ts';

/** An attempt of so many equal clips whose loop, clock and cache are in the test's hand. Positions are 10, 11, ... */
export class Owner {
  readonly board: SegmentBoard;
  readonly own: ReleasedItems;
  readonly reclaimed: [number, string][] = [];
  readonly log: string[] = [];
  readonly cached = new Set<string>();
  readonly shared = new Set<string>();
  readonly timers = new Map<number, { atMs: number; act: () => void }>();
  readonly frames: number;
  nowMs = 1_000;
  rate: number | undefined;
  readonly #plan: RenderPlan;

  /** @param here so many items are ready, the files of the others are still to come */
  constructor(count: number, options: Partial<ReleasedItemsOptions> = {}, here = count) {
    const items = Array.from({ length: count }, (_, at) =>
      clipItem({ position: 10 + at, fileName: `video_${10 + at}.mp4` }),
    );
    const planned = planRender({ enable4k: false, items });
    assert.ok(planned.ok);
    this.#plan = planned.plan;
    this.board =
      here === count
        ? fullBoard(planned.plan)
        : createSegmentBoard(items.map(({ position }) => ({ position, framesEstimated: undefined })));
    for (let at = 0; here < count && at < here; at += 1) this.comes(10 + at);
    this.frames = planned.plan.segments[0]?.frames ?? 0;
    let timer = 0;
    this.own = createReleasedItems({
      ...{ board: this.board, items },
      concurrency: () => 1,
      keyOf: ({ position }) => Promise.resolve(`key-${position}`),
      bytesOf: (position) => position * 100,
      isOff: () => false,
      isCached: (key) => Promise.resolve(this.cached.has(key)),
      bring: (key) => Promise.resolve(this.shared.has(key)),
      expectedRate: () => this.rate,
      reclaimed: ({ positions, why }) => {
        for (const at of positions) this.reclaimed.push([at, why]);
      },
      log: (message) => void this.log.push(message),
      nowMs: () => this.nowMs,
      startTimer: (ms, act) => {
        timer += 1;
        const id = timer;
        this.timers.set(id, { atMs: this.nowMs + ms, act });
        return () => this.timers.delete(id);
      },
      ...options,
    });
  }

  async release(itemsMax = 100, outputMaxMs = 60_000): Promise<number[] | undefined> {
    return (await this.own.release({ itemsMax, outputMaxMs }))?.map(({ position }) => position);
  }

  /** The files of an item are here. */
  comes(position: number): void {
    const segment = this.#plan.segments[position - 10];
    assert.ok(segment);
    this.board.ready(position - 10, segment);
  }

  /** What the render loop would do now: the position that it begins. */
  begin(): number | undefined {
    const index = nextToRender({ stages: this.board.stages(), concurrency: 1, isStopped: false });
    if (index === undefined) return undefined;
    this.board.begin(index);
    return 10 + index;
  }

  finish(position: number, ms = 0, isReused = false): string | undefined {
    this.nowMs += ms;
    const helper = this.own.segmentDone(position, isReused);
    this.board.done(position - 10);
    return helper;
  }

  assigned(position: number, endsInMs: number, agentId = 'pc2'): void {
    this.own.told({
      kind: 'item-assigned',
      item: itemOf(position),
      agentId,
      endsInMs,
    } satisfies ItemAssigned);
  }

  ended(position: number, isDone: boolean, agentId = 'pc2'): Promise<void> {
    const item = itemOf(position);
    this.own.told({ kind: 'item-ended', item, agentId, isDone, reason: 'it fell' } satisfies ItemEnded);
    // What it looks for in the cache is answered by then.
    return new Promise((resolve) => setImmediate(resolve));
  }

  pass(ms: number): void {
    this.nowMs += ms;
    for (const [id, { atMs, act }] of [...this.timers]) {
      if (atMs > this.nowMs) continue;
      this.timers.delete(id);
      act();
    }
  }
}

function itemOf(position: number) {
  return { ref: jobRef('job', 1), position, right: { term: 1, counter: position } };
}

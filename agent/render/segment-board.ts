import { framesAhead } from './frames-ahead.ts';
import type { RenderPlan, SegmentPlan } from './render-plan.ts';
import type { SegmentStage } from './segment-order.ts';

/** An item before its files are here. */
export interface ExpectedItem {
  readonly position: number;
  /** What the job says of its length. */
  readonly framesEstimated: number | undefined;
}

/**
 * Where each item of one render stands. Whoever prepares the files fills it, the render loop works it off, and whoever
 * shares the work out gives items away and takes them back. Items are named by their index: their place in the job.
 */
export interface SegmentBoard {
  stages(): readonly SegmentStage[];
  /** Known as soon as the item is ready. */
  segment(index: number): SegmentPlan | undefined;
  /** Its files are here. */
  ready(index: number, segment: SegmentPlan): void;
  /** Every item is ready: what the whole job will be. */
  complete(plan: RenderPlan): void;
  /** An item is known to be bad, or its preparation has failed: nothing new begins, what runs is aborted. Idempotent. */
  stop(): void;
  /** Aborted by `stop`. */
  readonly stopped: AbortSignal;
  /** The render loop works on it, ready or delivered. */
  begin(index: number): void;
  /** Its segment is in the work folder. */
  done(index: number): void;
  /** The loop could not finish it now: it is ready again. */
  putBack(index: number): void;
  /** What is in the work folder cannot be joined with the rest: the item is ready again. */
  again(index: number): void;
  /** Another agent renders a ready item from now on; undefined when it is not ready (any more). */
  give(index: number): SegmentPlan | undefined;
  /**
   * What was given is ours again, whatever became of it: its segment lies in the cache, where the loop looks first, or
   * it is rendered here. Nothing when it was not given.
   */
  takeBack(index: number): void;
  /** Whether another agent was to render it, at any time: its segment may be as new as those that are rendered here. */
  wasGiven(index: number): boolean;
  /** What was given lies in this PC's cache: the loop takes it at once. Nothing when it was not given. */
  deliver(index: number): void;
  /** Resolves with the plan of the whole; rejects with the reason of `stopped`. */
  plan(): Promise<RenderPlan>;
  /** Frames of the job: estimated while items are missing. */
  frames(): { readonly total: number; readonly isExact: boolean };
  /** Hears of every change, at once; returns how to hear no more. */
  onChange(listener: () => void): () => void;
}

export function createSegmentBoard(items: readonly ExpectedItem[]): SegmentBoard {
  const stages: SegmentStage[] = items.map(() => 'expected');
  const segments = new Map<number, SegmentPlan>();
  const given = new Set<number>();
  const listeners = new Set<() => void>();
  const stop = new AbortController();
  const planned = Promise.withResolvers<RenderPlan>();
  planned.promise.catch(() => undefined);
  let exact: RenderPlan | undefined;

  const tell = (): void => {
    for (const listener of [...listeners]) listener();
  };
  const move = (index: number, from: SegmentStage, to: SegmentStage): boolean => {
    if (stages[index] !== from) return false;
    stages[index] = to;
    tell();
    return true;
  };

  return {
    stages: () => stages,
    segment: (index) => segments.get(index),
    ready(index, segment) {
      segments.set(index, segment);
      move(index, 'expected', 'ready');
    },
    complete(plan) {
      exact = plan;
      planned.resolve(plan);
      tell();
    },
    stop() {
      if (stop.signal.aborted) return;
      stop.abort(new Error('an item of the job cannot be rendered'));
      planned.reject(stop.signal.reason);
      tell();
    },
    stopped: stop.signal,
    begin(index) {
      if (!move(index, 'ready', 'rendering')) move(index, 'delivered', 'rendering');
    },
    done: (index) => void move(index, 'rendering', 'done'),
    putBack: (index) => void move(index, 'rendering', 'ready'),
    again: (index) => void move(index, 'done', 'ready'),
    give(index) {
      if (!move(index, 'ready', 'given')) return undefined;
      given.add(index);
      return segments.get(index);
    },
    wasGiven: (index) => given.has(index),
    takeBack: (index) => void move(index, 'given', 'ready'),
    deliver: (index) => void move(index, 'given', 'delivered'),
    plan: () => planned.promise,
    frames() {
      if (exact !== undefined) return { total: exact.frames, isExact: true };
      const lengths = items.map(({ framesEstimated }, index) => ({
        ...{ framesEstimated, frames: segments.get(index)?.frames },
      }));
      return { total: framesAhead(lengths), isExact: false };
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The board of a job whose files are all here. */
export function fullBoard(plan: RenderPlan): SegmentBoard {
  const board = createSegmentBoard(
    plan.segments.map(({ position, frames }) => ({ position, framesEstimated: frames })),
  );
  for (const [index, segment] of plan.segments.entries()) board.ready(index, segment);
  board.complete(plan);
  return board;
}

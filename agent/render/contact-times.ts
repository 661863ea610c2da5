import { framesPerSecond, type SegmentPlan } from './render-plan.ts';

/** Frames of a sheet: eight rows of six. More would be too small to see anything. */
export const sheetFramesMax = 48;
/** A job of few items is looked at more often than once an item. */
const sheetFramesMin = 12;

/** A frame of a contact sheet. */
export interface SheetFrame {
  readonly seconds: number;
  /** The item that it is of. */
  readonly segment: SegmentPlan;
}

interface Placed {
  readonly segment: SegmentPlan;
  readonly from: number;
  readonly to: number;
}

/**
 * Where to look for the key frames that could be shown, rising: a look finds the one before it. A few for each shown item,
 * whatever the length. Pure.
 */
export function sheetLooks(segments: readonly SegmentPlan[]): readonly number[] {
  return shownOf(segments).flatMap(({ from, to, count }) =>
    // A frame behind the middle: the key frame is not before the item, and not missed by a rounded time.
    spreadTimes(from, to, count).map((seconds) => Math.min(seconds + 1 / framesPerSecond, to - halfFrame)),
  );
}

/**
 * Which frames are shown: evenly spread, and of every item at least one while there is room; then of items that are
 * evenly spread. Only key frames are taken: they can be had without decoding the others. Pure.
 *
 * @param keySeconds - Times of key frames that are known, rising. Every segment begins with one.
 */
export function chooseSheetFrames(
  segments: readonly SegmentPlan[],
  keySeconds: readonly number[],
): readonly SheetFrame[] {
  return shownOf(segments).flatMap(({ segment, from, to, count }) => {
    const keys = keySeconds.filter((seconds) => seconds >= from - halfFrame && seconds < to - halfFrame);
    const wanted = spreadTimes(from, to, Math.min(count, keys.length));
    return [...new Set(wanted.map((seconds) => nearest(keys, seconds)))].map((seconds) => ({
      seconds,
      segment,
    }));
  });
}

/** The items that have frames on the sheet, and how many at most. */
function shownOf(segments: readonly SegmentPlan[]): readonly (Placed & { readonly count: number })[] {
  const placed = place(segments);
  const shown = placed.length <= sheetFramesMax ? placed : spread(placed, sheetFramesMax);
  const counts = share(shown, Math.max(sheetFramesMin, shown.length));
  return shown.map((each, index) => ({ ...each, count: counts[index] ?? 1 }));
}

function spreadTimes(from: number, to: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => from + ((at + 0.5) / count) * (to - from));
}

const halfFrame = 0.5 / framesPerSecond;

function place(segments: readonly SegmentPlan[]): readonly Placed[] {
  let frame = 0;
  return segments.map((segment) => {
    const from = frame / framesPerSecond;
    frame += segment.frames;
    return { segment, from, to: frame / framesPerSecond };
  });
}

function spread<T>(all: readonly T[], count: number): readonly T[] {
  const step = (all.length - 1) / (count - 1);
  return Array.from({ length: count }, (_, index) => Math.round(index * step)).flatMap((at) =>
    all.slice(at, at + 1),
  );
}

/** One for each, the rest by length: whoever has the longest stretch between two frames gets the next. */
function share(placed: readonly Placed[], total: number): readonly number[] {
  const counts = placed.map(() => 1);
  for (let left = total - placed.length; left > 0; left -= 1) {
    const gaps = placed.map(({ from, to }, index) => (to - from) / (counts[index] ?? 1));
    const at = gaps.indexOf(Math.max(...gaps));
    counts[at] = (counts[at] ?? 0) + 1;
  }
  return counts;
}

function nearest(keys: readonly number[], seconds: number): number {
  return keys.reduce(
    (best, key) => (Math.abs(key - seconds) < Math.abs(best - seconds) ? key : best),
    keys[0] ?? 0,
  );
}

/**
 * When a render's last frame will be encoded, and its slot free: by what is known of this PC at first, more and more by
 * the render's own progress. Pure. Two things mislead a plain rate. A job's items differ: the first ones say little of
 * the rest, so that it is items that count as evidence, not frames. And other renders come and go: time is counted as if
 * this one were alone, and stretched by the share that it has now.
 */

/** What is known before the first frame. */
export interface ExpectedRate {
  /** Alone on this PC. */
  readonly framesPerSecond: number;
  /** Renders that it is the median of; 0: by test encodes. */
  readonly runs: number;
}

/** What the render has shown. Each number fades, so that a PC that becomes slower is noticed. */
export interface Evidence {
  readonly atAloneMs: number;
  readonly frames: number;
  readonly aloneMs: number;
  readonly items: number;
}

export const noEvidence: Evidence = { atAloneMs: 0, frames: 0, aloneMs: 0, items: 0 };

/** Half of what was seen this long ago is forgotten: longer than an item, shorter than a job. */
const halfLifeMs = 300_000;
/** The PC's speed counts like so many items of the job; less as the job comes to its end. */
const itemsExpected = { byRenders: 2, byTestEncodes: 0.5 } as const;
/** Without an expected rate: before this, every estimate is a guess. */
const seenMinMs = 5_000;
const framesSeenMin = 30;
/** A week: nobody plans with more. */
const etaMaxMs = 604_800_000;

/** With `frames` more of an item of `itemFrames`, seen at this time. */
export function withFrames(
  before: Evidence,
  atAloneMs: number,
  frames: number,
  itemFrames: number,
): Evidence {
  const sinceMs = Math.max(0, atAloneMs - before.atAloneMs);
  const kept = 2 ** (-sinceMs / halfLifeMs);
  return {
    atAloneMs: Math.max(before.atAloneMs, atAloneMs),
    frames: before.frames * kept + frames,
    aloneMs: before.aloneMs * kept + sinceMs,
    items: before.items * kept + (itemFrames > 0 ? Math.min(1, frames / itemFrames) : 0),
  };
}

export interface Ahead {
  readonly framesLeft: number;
  readonly framesTotal: number;
  /** Speed of this render now, relative to one alone. */
  readonly share: number;
  readonly expected?: ExpectedRate;
}

/** In ms from now; never negative. Undefined before anything is known. */
export function etaMs(evidence: Evidence, ahead: Ahead): number | undefined {
  const { framesLeft, share } = ahead;
  if (framesLeft <= 0) return 0;
  const msPerFrame = costOf(evidence, ahead);
  if (msPerFrame === undefined || !(share > 0)) return undefined;
  return Math.min(etaMaxMs, Math.round((framesLeft * msPerFrame) / share));
}

/** A render whose files are still being copied. */
export interface BehindCopies {
  /** As if all files were here; undefined when nothing is known. */
  readonly renderMs: number | undefined;
  /** Until the last file is here; undefined when nothing is known of the copying that is to come. */
  readonly copyMs: number | undefined;
  readonly framesLeft: number;
  /** Of an item of this job, on average. */
  readonly framesOfItem: number;
}

/**
 * When the last frame will be encoded: rendering and copying go on side by side, but the last item is rendered behind its
 * own files. Undefined when one of both is not known.
 */
export function behindCopies({
  renderMs,
  copyMs,
  framesLeft,
  framesOfItem,
}: BehindCopies): number | undefined {
  if (renderMs === undefined || copyMs === undefined) return undefined;
  if (copyMs <= 0 || framesLeft <= 0) return renderMs;
  const lastItemMs = (renderMs * Math.min(framesLeft, framesOfItem)) / framesLeft;
  return Math.min(etaMaxMs, Math.round(Math.max(renderMs, copyMs + lastItemMs)));
}

/** Of a frame, alone. */
function costOf(
  { frames, aloneMs, items }: Evidence,
  { framesLeft, framesTotal, expected }: Ahead,
): number | undefined {
  const own = frames > 0 ? aloneMs / frames : undefined;
  if (expected === undefined || !(expected.framesPerSecond > 0)) {
    return aloneMs >= seenMinMs && frames >= framesSeenMin ? own : undefined;
  }
  const known = 1_000 / expected.framesPerSecond;
  if (own === undefined) return known;
  const full = expected.runs > 0 ? itemsExpected.byRenders : itemsExpected.byTestEncodes;
  const weight = (full * framesLeft) / Math.max(1, framesTotal);
  return (items * own + weight * known) / (items + weight);
}

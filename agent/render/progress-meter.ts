import { behindCopies, type Evidence, type ExpectedRate, etaMs, noEvidence, withFrames } from './eta.ts';
import { framesPerSecond } from './render-plan.ts';

/** The parts of a job's work, in percent: rendering.md's weights. The last one is the caller's. */
export const progressWeights = { segments: 88, sound: 2, join: 3, verify: 2, upload: 4 } as const;

export type ProgressPart = keyof typeof progressWeights;

export interface RenderProgress {
  readonly framesDone: number;
  /** Estimated while items are missing; 0 when nothing is known of any. Never below `framesDone`. */
  readonly framesTotal: number;
  /** Whole percent of the job, 0 to 99; 100 is for the published one. Never falls. */
  readonly percent: number;
  /** Seconds of the result that are encoded. */
  readonly doneSeconds: number;
  /** To the last encoded frame, when the slot is free; behind that to the verified file. Absent before it is known. */
  readonly etaMs: number | undefined;
}

/** The clock of a render among others on the same PC. */
export interface RenderClock {
  /** Time that the render would have taken alone so far. */
  aloneMs(): number;
  /** Its speed now, relative to one alone: above 0, at most 1. */
  share(): number;
  /** Steady. */
  nowMs(): number;
}

export interface MeterOptions {
  /** Frames of the job as they are known now, and how many items they are. */
  readonly frames: () => { readonly total: number; readonly isExact: boolean; readonly items: number };
  /** How long files will still be copied, in ms; undefined when that cannot be said. @default all are here */
  readonly copyLeftMs?: () => number | undefined;
  readonly clock: RenderClock;
  readonly expected?: ExpectedRate;
  readonly onProgress: (progress: RenderProgress) => void;
}

export interface SegmentProgress {
  readonly position: number;
  /** That are there; the highest count stays. */
  readonly frames: number;
  /** That it will have. */
  readonly framesTotal: number;
  /** It came out of the cache: work that is done, but says nothing of the speed. */
  readonly isReused?: boolean;
}

export interface ProgressMeter {
  readonly segment: (progress: SegmentProgress) => void;
  /** How much of another part is done, 0 to 1. */
  readonly part: (part: Exclude<ProgressPart, 'segments'>, fraction: number) => void;
  /** More is known of the job's length, or of its files. */
  readonly learned: () => void;
  readonly now: () => RenderProgress;
}

/** Before this, the time that is left of what follows the last frame is a guess. */
const tailSeenMinMs = 2_000;
const tailParts = ['sound', 'join', 'verify'] as const;

/** Adds up a job's work. It never goes back. */
export function createProgressMeter({
  frames,
  copyLeftMs = () => 0,
  clock,
  expected,
  onProgress,
}: MeterOptions): ProgressMeter {
  const segments = new Map<number, number>();
  const parts = { sound: 0, join: 0, verify: 0, upload: 0 };
  let framesDone = 0;
  let percentMax = 0;
  let evidence: Evidence = withFrames(noEvidence, clock.aloneMs(), 0, 0);
  const tail = createTail(parts, clock);

  const total = (): number => Math.max(framesDone, frames().total);
  const isEncoded = (): boolean => frames().isExact && framesDone >= frames().total;
  const workDone = (): number => {
    const framesTotal = total();
    let work = framesTotal === 0 ? 0 : (progressWeights.segments * framesDone) / framesTotal;
    // What is estimated too short must not look finished.
    if (!isEncoded()) work = Math.min(work, progressWeights.segments - 1);
    for (const [part, fraction] of Object.entries(parts))
      work += progressWeights[part as ProgressPart] * fraction;
    return work;
  };
  const eta = (): number | undefined => {
    if (isEncoded()) return tail.etaMs();
    const framesTotal = total();
    const framesLeft = framesTotal - framesDone;
    const ahead = { framesLeft, framesTotal, share: clock.share() };
    const seen = withFrames(evidence, clock.aloneMs(), 0, 0);
    const renderMs = etaMs(seen, { ...ahead, ...(expected === undefined ? {} : { expected }) });
    const framesOfItem = framesTotal / Math.max(1, frames().items);
    return behindCopies({ renderMs, copyMs: copyLeftMs(), framesLeft, framesOfItem });
  };
  const now = (): RenderProgress => {
    percentMax = Math.max(percentMax, Math.min(99, Math.floor(workDone() + 1e-9)));
    return {
      framesDone,
      framesTotal: total(),
      percent: percentMax,
      doneSeconds: framesDone / framesPerSecond,
      etaMs: eta(),
    };
  };
  return {
    now,
    learned: () => {
      if (isEncoded()) tail.begin();
      onProgress(now());
    },
    segment: ({ position, frames: done, framesTotal: ofSegment, isReused = false }) => {
      const more = done - (segments.get(position) ?? 0);
      if (!(more > 0)) return;
      segments.set(position, done);
      framesDone += more;
      evidence = withFrames(evidence, clock.aloneMs(), isReused ? 0 : more, ofSegment);
      if (isEncoded()) tail.begin();
      onProgress(now());
    },
    part: (part, fraction) => {
      const bounded = Math.min(1, fraction);
      if (!(bounded > parts[part])) return;
      parts[part] = bounded;
      onProgress(now());
    },
  };
}

/** What follows the last frame: its time is estimated by the parts that are done since. */
function createTail(parts: Readonly<Record<Exclude<ProgressPart, 'segments'>, number>>, clock: RenderClock) {
  let begun: { readonly atMs: number; readonly done: number } | undefined;
  const sum = (of: (part: (typeof tailParts)[number]) => number): number =>
    tailParts.reduce((all, part) => all + progressWeights[part] * of(part), 0);
  const done = (): number => sum((part) => parts[part]);
  return {
    begin: (): void => void (begun ??= { atMs: clock.nowMs(), done: done() }),
    etaMs(): number | undefined {
      if (begun === undefined) return undefined;
      const elapsedMs = clock.nowMs() - begun.atMs;
      // The sound may have been encoded beside the pictures: that says nothing of the time since.
      const since = done() - begun.done;
      if (elapsedMs < tailSeenMinMs || since <= 0) return undefined;
      return Math.round((elapsedMs * sum((part) => 1 - parts[part])) / since);
    },
  };
}

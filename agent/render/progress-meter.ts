import { type Evidence, type ExpectedRate, etaMs, noEvidence, withFrames } from './eta.ts';
import { framesPerSecond } from './render-plan.ts';

/** The parts of a job's work, in percent: rendering.md's weights. The last one is the caller's. */
export const progressWeights = { segments: 88, sound: 2, join: 3, verify: 2, upload: 4 } as const;

export type ProgressPart = keyof typeof progressWeights;

export interface RenderProgress {
  readonly framesDone: number;
  readonly framesTotal: number;
  /** Whole percent of the job, 0 to 99; 100 is for the published one. */
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
  readonly framesTotal: number;
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
  readonly now: () => RenderProgress;
}

/** Before this, the time that is left of what follows the last frame is a guess. */
const tailSeenMinMs = 2_000;
const tailParts = ['sound', 'join', 'verify'] as const;

/** Adds up a job's work. It never goes back. */
export function createProgressMeter({
  framesTotal,
  clock,
  expected,
  onProgress,
}: MeterOptions): ProgressMeter {
  const segments = new Map<number, number>();
  const parts = { sound: 0, join: 0, verify: 0, upload: 0 };
  let framesDone = 0;
  let evidence: Evidence = withFrames(noEvidence, clock.aloneMs(), 0, 0);
  let tailSinceMs: number | undefined;

  const workDone = (): number => {
    let work = framesTotal === 0 ? 0 : (progressWeights.segments * framesDone) / framesTotal;
    for (const [part, fraction] of Object.entries(parts))
      work += progressWeights[part as ProgressPart] * fraction;
    return work;
  };
  const tailEta = (): number | undefined => {
    const elapsedMs = clock.nowMs() - (tailSinceMs ?? clock.nowMs());
    const sum = (of: (part: (typeof tailParts)[number]) => number): number =>
      tailParts.reduce((all, part) => all + progressWeights[part] * of(part), 0);
    const done = sum((part) => parts[part]);
    if (elapsedMs < tailSeenMinMs || done <= 0) return undefined;
    return Math.round((elapsedMs * sum((part) => 1 - parts[part])) / done);
  };
  const eta = (): number | undefined => {
    if (framesDone >= framesTotal) return tailEta();
    const framesLeft = framesTotal - framesDone;
    const ahead = { framesLeft, framesTotal, share: clock.share() };
    const seen = withFrames(evidence, clock.aloneMs(), 0, 0);
    return etaMs(seen, { ...ahead, ...(expected === undefined ? {} : { expected }) });
  };
  const now = (): RenderProgress => ({
    framesDone,
    framesTotal,
    percent: Math.min(99, Math.floor(workDone() + 1e-9)),
    doneSeconds: framesDone / framesPerSecond,
    etaMs: eta(),
  });

  return {
    now,
    segment: ({ position, frames, framesTotal: ofSegment, isReused = false }) => {
      const more = frames - (segments.get(position) ?? 0);
      if (!(more > 0)) return;
      segments.set(position, frames);
      framesDone = Math.min(framesTotal, framesDone + more);
      evidence = withFrames(evidence, clock.aloneMs(), isReused ? 0 : more, ofSegment);
      if (framesDone >= framesTotal) tailSinceMs ??= clock.nowMs();
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

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
  /** Absent in the first five seconds, when every estimate is a guess. */
  readonly etaMs: number | undefined;
}

export interface ProgressMeter {
  /** Frames of one segment that are there; the highest count stays. */
  readonly segment: (position: number, frames: number) => void;
  /** How much of another part is done, 0 to 1. */
  readonly part: (part: Exclude<ProgressPart, 'segments'>, fraction: number) => void;
  readonly now: () => RenderProgress;
}

/** An estimate looks back over this much time: long enough to be calm, short enough to notice a slower item. */
const rateWindowMs = 30_000;
const etaAfterMs = 5_000;

/** Adds up a job's work. It never goes back. `nowMs` is any steady clock. */
export function createProgressMeter(
  framesTotal: number,
  nowMs: () => number,
  onProgress: (progress: RenderProgress) => void,
): ProgressMeter {
  const startedAt = nowMs();
  const segments = new Map<number, number>();
  const parts = { sound: 0, join: 0, verify: 0, upload: 0 };
  const seen: { atMs: number; work: number }[] = [{ atMs: startedAt, work: 0 }];
  let framesDone = 0;

  const workDone = (): number => {
    let work = framesTotal === 0 ? 0 : (progressWeights.segments * framesDone) / framesTotal;
    for (const [part, fraction] of Object.entries(parts))
      work += progressWeights[part as ProgressPart] * fraction;
    return work;
  };
  const eta = (work: number): number | undefined => {
    const atMs = nowMs();
    while (seen.length > 2 && (seen[1]?.atMs ?? atMs) < atMs - rateWindowMs) seen.shift();
    const [oldest] = seen;
    if (oldest === undefined || atMs - startedAt < etaAfterMs || work <= oldest.work) return undefined;
    const whole = Object.values(progressWeights).reduce((sum, weight) => sum + weight, 0);
    return Math.round(((whole - work) * (atMs - oldest.atMs)) / (work - oldest.work));
  };
  const now = (): RenderProgress => {
    const work = workDone();
    return {
      framesDone,
      framesTotal,
      percent: Math.min(99, Math.floor(work + 1e-9)),
      doneSeconds: framesDone / framesPerSecond,
      etaMs: eta(work),
    };
  };
  const tell = (): void => {
    seen.push({ atMs: nowMs(), work: workDone() });
    onProgress(now());
  };

  return {
    now,
    segment: (position, frames) => {
      const before = segments.get(position) ?? 0;
      if (frames <= before) return;
      segments.set(position, frames);
      framesDone = Math.min(framesTotal, framesDone + frames - before);
      tell();
    },
    part: (part, fraction) => {
      const bounded = Math.min(1, fraction);
      if (!(bounded > parts[part])) return;
      parts[part] = bounded;
      tell();
    },
  };
}

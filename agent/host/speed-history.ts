import type { ClassSpeed, WorkClass } from '../../proto/agent-link.ts';
import { round } from './calibration.ts';

/** Speeds of the last renders of each class, alone on this PC's best encoder, oldest first. */
export type SpeedHistory = Readonly<Record<WorkClass, readonly number[]>>;

/** A median of so many: three odd jobs in a row do not move it, a new normal does after four. */
export const runsKept = 7;
/** There are two classes; a file that names more than this is none of ours. */
const classesMax = 16;
/** Frames below which a render says little: FFmpeg's start is much of it. 20 s of output. */
export const framesMin = 600;

/** No PC renders an hour in less than a third of a second. */
const speedMax = 10_000;

/** A render that came to its last frame. */
export interface MeasuredRender {
  readonly workClass: WorkClass;
  /** Encoded now: without segments that were there already. */
  readonly frames: number;
  /** What it would have taken alone on the best encoder, from its first segment to its last frame: no fetching. */
  readonly aloneMs: number;
}

/** With one render more; the same when it says too little. */
export function withRender(
  history: SpeedHistory,
  { workClass, frames, aloneMs }: MeasuredRender,
  framesPerSecond: number,
): SpeedHistory {
  const speed = (frames / framesPerSecond) * (1_000 / aloneMs);
  if (workClass === '' || !(frames >= framesMin) || !isSpeed(speed)) return history;
  const before = Object.hasOwn(history, workClass) ? (history[workClass] ?? []) : [];
  if (before.length === 0 && Object.keys(history).length >= classesMax) return history;
  return { ...history, [workClass]: [...before, round(speed)].slice(-runsKept) };
}

/** What is reported: measured where it was, else as the test encodes say. A class without a test encode is not rendered. */
export function speedsOf(calibrated: readonly ClassSpeed[], history: SpeedHistory): readonly ClassSpeed[] {
  return calibrated.map((one) => {
    const speeds = Object.hasOwn(history, one.workClass) ? (history[one.workClass] ?? []) : [];
    return speeds.length === 0 ? one : { ...one, speed: median(speeds), runs: speeds.length };
  });
}

/** Reads what a file kept; anything else than speeds of ours is an empty history. */
export function parseHistory(kept: unknown): SpeedHistory {
  if (typeof kept !== 'object' || kept === null || Array.isArray(kept)) return {};
  const classes = Object.entries(kept);
  const isOurs = classes.every(
    ([name, speeds]) => name !== '' && Array.isArray(speeds) && speeds.length > 0 && speeds.every(isSpeed),
  );
  if (!isOurs || classes.length > classesMax) return {};
  return Object.fromEntries(classes.map(([name, speeds]) => [name, (speeds as number[]).slice(-runsKept)]));
}

function isSpeed(value: unknown): boolean {
  return typeof value === 'number' && value > 0 && value <= speedMax;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? 0;
  const high = sorted[Math.floor(middle)] ?? 0;
  return round((low + high) / 2);
}

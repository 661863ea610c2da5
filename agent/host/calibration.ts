/**
 * How fast this PC encodes, by test encodes: a class of work alone, and several at a time. A test encode reads no file,
 * scales little and draws nothing, so that it is faster than a render: `calibrationShare` says by how much here.
 */
import type { ClassSpeed } from '../../proto/agent-link.ts';
import { workClassOf } from '../../proto/agent-link.ts';
import { fillOrder } from '../core/gpu-choice.ts';
import type { EncoderRung } from '../render/encoder.ts';
import { framesPerSecond } from '../render/render-plan.ts';
import type { EncodeOnce } from './encode-once.ts';
import type { EncoderLane } from './encoder-lanes.ts';

/** Half a second, rendering.md: the shortest encode, whose time is mostly starting up. */
export const probeFrames = 15;
/**
 * Encoded besides those of the shortest. Fewer in software, where each takes longer and the start is little of it: an
 * agent is to be ready in seconds.
 */
export const speedFrames = {
  hardware: { fullHd: 75, ultraHd: 75 },
  software: { fullHd: 45, ultraHd: 15 },
} as const;
/** At once, on hardware, at least: consumer GPUs limit sessions, and some have two engines. */
export const sessionsMin = 3;
/** At most: no card of a farm renders more at a time. */
export const sessionsMax = 16;

/**
 * Speed of a render relative to a test encode, until this PC has rendered: decoding, scaling, drawing, and starting an
 * FFmpeg for each item come on top. In software the processor does all of it: whole jobs ran at 0.63 (by processor time)
 * to 0.97 (by the clock) of their test encode (libx264, 2 cores, a machine that others used too), so that 0.75 is a middle.
 * On a GPU the encode costs the processor little and the rest is the same as ever: 0.5 is a guess, no card was there to
 * measure.
 */
export const calibrationShare = { software: 0.75, hardware: 0.5 } as const;

export type Encode = (what: {
  readonly rung: EncoderRung;
  readonly gpuIndex: number | undefined;
  readonly enable4k: boolean;
  readonly frames: number;
}) => Promise<EncodeOnce>;

/**
 * Frames a second of a test encode. On hardware the start of FFmpeg and of a session (`startMs`: the shortest encode) is
 * most of it and does not count. On a busy PC the shortest one may have taken as long as this one, and what is left between
 * them says nothing: then both are tried again, and in the end the start counts, for too slow is the smaller mistake.
 */
export async function measureRate(
  encode: Encode,
  what: { readonly rung: EncoderRung; readonly gpuIndex: number | undefined; readonly enable4k: boolean },
  startMs: number,
): Promise<number> {
  const frames = framesFor(what);
  let shortMs = startMs;
  for (let tries = 1; ; tries += 1) {
    const { succeeded, durationMs } = await encode({ ...what, frames: probeFrames + frames });
    if (!succeeded) return perSecond(probeFrames, shortMs);
    const isPlain = !what.rung.isHardware || tries === triesMax;
    if (isPlain || isTellingMuch(durationMs, shortMs)) return rateOf(what.rung, frames, durationMs, shortMs);
    const again = await encode({ ...what, frames: probeFrames });
    if (again.succeeded) shortMs = again.durationMs;
  }
}

const triesMax = 3;
/** What is left of the longer encode must be this much of it. */
const tellingShare = 0.2;

function isTellingMuch(durationMs: number, startMs: number): boolean {
  return durationMs - startMs >= tellingShare * durationMs;
}

function framesFor({ rung, enable4k }: { readonly rung: EncoderRung; readonly enable4k: boolean }): number {
  const frames = speedFrames[rung.isHardware ? 'hardware' : 'software'];
  return enable4k ? frames.ultraHd : frames.fullHd;
}

function rateOf(rung: EncoderRung, frames: number, durationMs: number, startMs: number): number {
  return rung.isHardware && isTellingMuch(durationMs, startMs)
    ? perSecond(frames, durationMs - startMs)
    : perSecond(probeFrames + frames, durationMs);
}

function perSecond(frames: number, ms: number): number {
  return (frames * 1_000) / Math.max(1, ms);
}

/** The speed that a render of this class is expected to have, from the rate of its test encode. */
export function classSpeed(
  { isHardware }: Pick<EncoderRung, 'isHardware'>,
  enable4k: boolean,
  rate: number,
): ClassSpeed {
  const share = calibrationShare[isHardware ? 'hardware' : 'software'];
  const speed = round((rate / framesPerSecond) * share);
  return { workClass: workClassOf({ enable4k }), speed, runs: 0 };
}

/** How many encodes run at once, up to so many. */
export async function countSessions(
  encode: Encode,
  rung: EncoderRung,
  gpuIndex: number | undefined,
  upTo: number,
): Promise<number> {
  const what = { rung, gpuIndex, enable4k: false, frames: probeFrames };
  for (let sessions = 2; sessions <= upTo; sessions += 1) {
    const all = await Promise.all(Array.from({ length: sessions }, () => encode(what)));
    if (!all.every((result) => result.succeeded)) return sessions - 1;
  }
  return upTo;
}

export interface MeasuredLane extends EncoderLane {
  readonly rung: EncoderRung;
}

/**
 * Speed of each of k renders at a time relative to one alone, the k-th for k up to the slots: by real encodes at once, on
 * the GPUs that renders would go to. Measured at 2, 4, 8 and 16 at a time and at all slots; between them the speed of all together is
 * interpolated. It ends where encodes began to fail. A PC with one card and one slot is measured at 2: its one job may
 * encode two segments at a time, where the card has two engines.
 */
export async function measureTogether(
  encode: Encode,
  given: readonly MeasuredLane[],
): Promise<readonly number[]> {
  const isOneCard = given.length === 1 && given[0]?.rung.isHardware === true;
  const lanes = isOneCard ? given.map((lane) => ({ ...lane, slots: Math.max(2, lane.slots) })) : given;
  const slots = Math.min(
    sessionsMax,
    lanes.reduce((sum, lane) => sum + lane.slots, 0),
  );
  const points: { readonly renders: number; readonly together: number }[] = [{ renders: 1, together: 1 }];
  if (slots >= 2) {
    const alone = await rateTogether(encode, lanes, 1);
    for (const renders of [2, 4, 8, 16].filter((one) => one < slots).concat(slots)) {
      const rate = alone === undefined ? undefined : await rateTogether(encode, lanes, renders);
      if (alone === undefined || rate === undefined) break;
      // Of each: none is faster in company, and all together are not slower than with fewer but for chance.
      points.push({ renders, together: Math.min(renders, rate / alone) });
    }
  }
  return interpolate(points);
}

/** Frames a second of so many encodes together; undefined when one of them fails. */
async function rateTogether(
  encode: Encode,
  lanes: readonly MeasuredLane[],
  renders: number,
): Promise<number | undefined> {
  const places = placesOf(lanes, renders);
  const run = async (framesOf: (place: MeasuredLane) => number): Promise<readonly EncodeOnce[]> =>
    Promise.all(
      places.map((place) =>
        encode({ rung: place.rung, gpuIndex: place.gpuIndex, enable4k: false, frames: framesOf(place) }),
      ),
    );
  const more = ({ rung }: MeasuredLane): number => framesFor({ rung, enable4k: false });
  const short = await run(() => probeFrames);
  if (!short.every(({ succeeded }) => succeeded)) return undefined;
  const long = await run((place) => probeFrames + more(place));
  if (!long.every(({ succeeded }) => succeeded)) return undefined;
  return places.reduce(
    (sum, place, at) =>
      sum + rateOf(place.rung, more(place), long[at]?.durationMs ?? 0, short[at]?.durationMs ?? 0),
    0,
  );
}

/** The lanes that so many renders would be on, the first one first. */
function placesOf(lanes: readonly MeasuredLane[], renders: number): readonly MeasuredLane[] {
  const numbered = lanes.map((lane, index) => ({ ...lane, index }));
  const order = fillOrder(numbered, workClassOf({ enable4k: false }), renders);
  return order.flatMap((index) => lanes[index] ?? []);
}

function interpolate(points: readonly { readonly renders: number; readonly together: number }[]): number[] {
  const speeds: number[] = [];
  for (const [at, to] of points.entries()) {
    const from = points[at - 1] ?? to;
    for (let renders = speeds.length + 1; renders <= to.renders; renders += 1) {
      const way = to.renders === from.renders ? 1 : (renders - from.renders) / (to.renders - from.renders);
      const each = (from.together + way * (to.together - from.together)) / renders;
      speeds.push(round(Math.min(each, speeds.at(-1) ?? 1)));
    }
  }
  return speeds;
}

/** Three significant digits: more is noise, and would be news each time. */
export function round(value: number): number {
  return Number(value.toPrecision(3));
}

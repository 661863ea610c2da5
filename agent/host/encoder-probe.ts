import type { EncoderCapability, GpuFacts } from '../../proto/agent-link.ts';
import { without } from '../core/without.ts';
import { type EncoderRung, encoderLadder } from '../render/encoder.ts';
import type { FailureCategory } from '../render/failure-table.ts';
import {
  calibrationShare,
  classSpeed,
  countSessions,
  type Encode,
  type MeasuredLane,
  measureRate,
  measureTogether,
  probeFrames,
  sessionsMax,
  sessionsMin,
  speedFrames,
} from './calibration.ts';
import { encodeOnce, encodeOnceArguments, isPassing } from './encode-once.ts';
import { dealSlots, type EncoderLane, type SlotWishes } from './encoder-lanes.ts';
import { fingerprintOf, readKept, writeKept } from './probe-cache.ts';

export interface EncoderProbeOptions extends SlotWishes {
  /** @default ffmpeg */
  readonly ffmpeg?: string;
  /** The whole text of `ffmpeg -version`: another one is probed anew. */
  readonly ffmpegVersion: string;
  /** Another GPU or driver is probed anew; each one is probed where there are several. */
  readonly gpus: readonly GpuFacts[];
  /** File that keeps the result; left out, every call probes. */
  readonly cachePath?: string;
  /** @default the ladder of agent/render/encoder.ts */
  readonly ladder?: readonly EncoderRung[];
  /** Only this GPU is used. @default all of them */
  readonly gpuIndex?: number;
  /** Threads of the software encoder. */
  readonly threads?: number;
  /** One encode. @default 60,000 */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface EncoderProbe {
  /** What works, best first: the rung this PC stands on; one more where that cannot do 2160p. Of all GPUs together. */
  readonly encoders: readonly EncoderCapability[];
  /** Where renders run: one for each GPU that encodes where there are several. Empty when nothing encodes. */
  readonly lanes: readonly EncoderLane[];
  /** Speed of each of k renders at a time relative to one alone, the k-th. */
  readonly concurrentSpeeds: readonly number[];
  /** Why the rungs above failed, in the words of FFmpeg. */
  readonly failures: readonly EncoderFailure[];
  readonly probedAtMs: number;
}

export interface EncoderFailure {
  readonly rung: string;
  readonly size: '1080p' | '2160p';
  readonly reason: string;
  readonly gpuIndex?: number;
  readonly category: FailureCategory;
  readonly stderrTail: readonly string[];
}

const underway = new Map<string, Promise<EncoderProbe>>();

/**
 * What this PC can encode with and how fast, found out by real encodes down the ladder until 2160p works. Callers at the
 * same time share one probe (the first one's signal counts). Rejects only with the signal's reason.
 */
export async function probeEncoders(options: EncoderProbeOptions): Promise<EncoderProbe> {
  const { cachePath } = options;
  const fingerprint = fingerprintOf(dependsOn(options));
  // Written whole by ourselves under this fingerprint: its shape is known.
  const known = cachePath === undefined ? undefined : await readKept(cachePath, fingerprint);
  if (known !== undefined) return known as EncoderProbe;
  const running = underway.get(fingerprint);
  if (running !== undefined) return running;
  const probe = probeAll(options);
  underway.set(fingerprint, probe);
  try {
    const result = await probe;
    // What may be better in a while (or nothing works: no memory, no disk) is not remembered.
    const isSettled = result.encoders.length > 0 && passingFailure(result, options.gpus) === undefined;
    if (cachePath !== undefined && isSettled) await writeKept(cachePath, fingerprint, result);
    return result;
  } finally {
    underway.delete(fingerprint);
  }
}

/**
 * A rung above those that work that failed for a reason that may pass: its session was another program's, its card did
 * not answer. Where nvidia-smi knows no card, one that does not answer is none.
 */
export function passingFailure(
  { failures }: Pick<EncoderProbe, 'failures'>,
  gpus: readonly unknown[],
): EncoderFailure | undefined {
  return failures.find(({ category }) => isPassing(category) && (gpus.length > 0 || category !== 'gpu-lost'));
}

interface Found {
  readonly rung: EncoderRung;
  readonly capability: EncoderCapability;
  /** Frames a second at 2160p, where that works. */
  readonly rate4k?: number;
}

/** One after another: an encode beside another one would be slower than it is. */
async function probeAll(options: EncoderProbeOptions): Promise<EncoderProbe> {
  const ladder = options.ladder ?? encoderLadder;
  const failures: EncoderFailure[] = [];
  const perGpu: { readonly gpuIndex: number; readonly found: readonly Found[] }[] = [];
  // FFmpeg's `-gpu` is NVENC's: other encoders are one place, however many cards there are.
  const isOne = options.gpuIndex !== undefined || options.gpus.length < 2;
  const onGpus = isOne ? [] : ladder.filter(({ encoder }) => encoder === 'h264_nvenc');
  const anywhere = ladder.filter((rung) => !onGpus.includes(rung));
  for (const { index: gpuIndex } of onGpus.length === 0 ? [] : options.gpus) {
    const found = await climbDown({ ...options, gpuIndex, ladder: onGpus }, failures);
    if (found.length > 0) perGpu.push({ gpuIndex, found });
  }
  // A card that cannot do 2160p leaves it to one that can; where none can, all have what else there is.
  const does4k = perGpu.some(({ found }) => found.some(isFor4k));
  const rest = does4k ? [] : await climbDown({ ...options, ladder: anywhere }, failures);
  const for4k = rest.filter(isFor4k).slice(0, 1);
  const { gpuIndex } = options;
  const places =
    perGpu.length > 0
      ? perGpu.map((place) => ({ ...place, found: [...place.found, ...for4k] }))
      : [{ ...(gpuIndex === undefined ? {} : { gpuIndex }), found: rest }];
  return { ...(await measureLanes(options, places)), failures, probedAtMs: Date.now() };
}

function isFor4k({ rate4k }: Found): boolean {
  return rate4k !== undefined;
}

async function measureLanes(
  options: EncoderProbeOptions,
  places: readonly { readonly gpuIndex?: number; readonly found: readonly Found[] }[],
): Promise<Pick<EncoderProbe, 'encoders' | 'lanes' | 'concurrentSpeeds'>> {
  const encode = encoderOf(options);
  const slots = dealSlots(places, options.gpus, options);
  const lanes: MeasuredLane[] = [];
  for (const [at, { gpuIndex, found }] of places.entries()) {
    const [best] = found;
    if (best === undefined) continue;
    const upTo = Math.min(sessionsMax, Math.max(sessionsMin, slots[at] ?? 1));
    const { rung } = best;
    const sessions = rung.isHardware ? await countSessions(encode, rung, gpuIndex, upTo) : 0;
    lanes.push({
      ...laneOf(found, slots[at] ?? 1, sessions),
      rung,
      ...(gpuIndex === undefined ? {} : { gpuIndex }),
    });
  }
  const concurrentSpeeds = await measureTogether(encode, lanes);
  const all = lanes.flatMap(({ encoders }) => encoders);
  return {
    encoders: all.filter((one, at) => all.findIndex(({ rung }) => rung === one.rung) === at),
    lanes: lanes.map((lane) => without(lane, 'rung')),
    concurrentSpeeds,
  };
}

function laneOf(found: readonly Found[], slots: number, sessions: number): EncoderLane {
  const [best] = found;
  const for4k = found.find(isFor4k);
  return {
    encoders: found.map(({ capability, rung }) => ({
      ...capability,
      sessionsProbed: rung.isHardware ? sessions : 1,
    })),
    slots,
    sessions,
    speeds: [
      ...(best === undefined ? [] : [classSpeed(best.rung, false, best.capability.framesPerSecond)]),
      ...(for4k?.rate4k === undefined ? [] : [classSpeed(for4k.rung, true, for4k.rate4k)]),
    ],
  };
}

async function climbDown(
  options: EncoderProbeOptions,
  failures: EncoderFailure[],
): Promise<readonly Found[]> {
  const encode = encoderOf(options);
  const { gpuIndex } = options;
  const found: Found[] = [];
  for (const rung of options.ladder ?? encoderLadder) {
    const tried = async (enable4k: boolean) => {
      const result = await encode({ rung, gpuIndex, enable4k, frames: probeFrames });
      if (result.succeeded) return result.durationMs;
      const size = enable4k ? '2160p' : '1080p';
      const { reason, category = 'unknown', stderrTail = [] } = result;
      const where = gpuIndex === undefined ? {} : { gpuIndex };
      failures.push({ ...{ rung: rung.name, size, reason, category, stderrTail }, ...where });
      return undefined;
    };
    const fullHdMs = await tried(false);
    if (fullHdMs === undefined) continue;
    const ultraHdMs = await tried(true);
    // A lower rung that cannot do more than the one above is of no use.
    if (found.length > 0 && ultraHdMs === undefined) continue;
    const rate = await measureRate(encode, { rung, gpuIndex, enable4k: false }, fullHdMs);
    const capability: EncoderCapability = {
      encoder: rung.encoder,
      rung: rung.name,
      hardware: rung.isHardware,
      max: ultraHdMs === undefined ? '1080p' : '2160p',
      framesPerSecond: Math.round(rate * 10) / 10,
      sessionsProbed: 1,
    };
    if (ultraHdMs === undefined) {
      found.push({ rung, capability });
      continue;
    }
    const rate4k = await measureRate(encode, { rung, gpuIndex, enable4k: true }, ultraHdMs);
    found.push({ rung, capability, rate4k });
    break;
  }
  return found;
}

function encoderOf({ ffmpeg = 'ffmpeg', timeoutMs = 60_000, threads, signal }: EncoderProbeOptions): Encode {
  return ({ rung, gpuIndex, ...what }) =>
    encodeOnce(rung, {
      ffmpeg,
      timeoutMs,
      ...what,
      ...(gpuIndex === undefined ? {} : { gpuIndex }),
      ...(threads === undefined ? {} : { threads }),
      ...(signal === undefined ? {} : { signal }),
    });
}

/** Everything that the result depends on; the arguments themselves stand for the ladder's version. */
function dependsOn({
  ffmpeg,
  ffmpegVersion,
  gpus,
  ladder,
  gpuIndex,
  threads,
  slots,
  gpuSlots,
}: EncoderProbeOptions): unknown {
  const choice = {
    frames: probeFrames,
    ...(gpuIndex === undefined ? {} : { gpuIndex }),
    ...(threads === undefined ? {} : { threads }),
  };
  const rungs = (ladder ?? encoderLadder).map((rung) => [
    rung.name,
    encodeOnceArguments(rung, { ...choice, enable4k: false }),
    encodeOnceArguments(rung, { ...choice, enable4k: true }),
  ]);
  const cards = gpus.map(({ index, name, driver }) => ({ index, name, driver }));
  const figures = { probeFrames, speedFrames, sessionsMin, sessionsMax, calibrationShare };
  return { ffmpeg, ffmpegVersion, cards, rungs, slots, gpuSlots, ...figures };
}

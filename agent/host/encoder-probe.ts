import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { EncoderCapability, GpuFacts } from '../../proto/agent-link.ts';
import { type EncoderRung, encoderLadder } from '../render/encoder.ts';
import { encodeOnce, encodeOnceArguments } from './encode-once.ts';

export interface EncoderProbeOptions {
  /** @default ffmpeg */
  readonly ffmpeg?: string;
  /** The whole text of `ffmpeg -version`: another one is probed anew. */
  readonly ffmpegVersion: string;
  /** Another GPU or driver is probed anew. */
  readonly gpus: readonly GpuFacts[];
  /** File that keeps the result; left out, every call probes. */
  readonly cachePath?: string;
  /** @default the ladder of agent/render/encoder.ts */
  readonly ladder?: readonly EncoderRung[];
  readonly gpuIndex?: number;
  /** Threads of the software encoder. */
  readonly threads?: number;
  /** One encode. @default 60,000 */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface EncoderProbe {
  /** What works, best first: the rung this PC stands on; one more where that cannot do 2160p. */
  readonly encoders: readonly EncoderCapability[];
  /** Why the rungs above failed, in the words of FFmpeg. */
  readonly failures: readonly {
    readonly rung: string;
    readonly size: '1080p' | '2160p';
    readonly reason: string;
  }[];
  readonly probedAtMs: number;
}

/** Half a second, rendering.md. */
const probeFrames = 15;
/** What the speed is measured on, less the frames of the first probe, so that starting up does not count. */
const speedFrames = 75;
/** At once, on hardware: consumer GPUs limit sessions, and some have two engines. */
const sessionsMax = 3;

const underway = new Map<string, Promise<EncoderProbe>>();

/**
 * What this PC can encode with, found out by real encodes down the ladder until 2160p works. Callers at the same time
 * share one probe (the first one's signal counts). Rejects only with the signal's reason.
 */
export async function probeEncoders(options: EncoderProbeOptions): Promise<EncoderProbe> {
  const { cachePath } = options;
  const fingerprint = fingerprintOf(options);
  const known = cachePath === undefined ? undefined : await readCache(cachePath, fingerprint);
  if (known !== undefined) return known;
  const running = underway.get(fingerprint);
  if (running !== undefined) return running;
  const probe = climbDown(options);
  underway.set(fingerprint, probe);
  try {
    const result = await probe;
    // Nothing works: most likely something passing (no memory, no disk), so it is not remembered.
    if (cachePath !== undefined && result.encoders.length > 0)
      await writeCache(cachePath, fingerprint, result);
    return result;
  } finally {
    underway.delete(fingerprint);
  }
}

async function climbDown(options: EncoderProbeOptions): Promise<EncoderProbe> {
  const encoders: EncoderCapability[] = [];
  const failures: { rung: string; size: '1080p' | '2160p'; reason: string }[] = [];
  for (const rung of options.ladder ?? encoderLadder) {
    const fullHd = await encode(rung, options, { enable4k: false, frames: probeFrames });
    if (!fullHd.succeeded) {
      failures.push({ rung: rung.name, size: '1080p', reason: fullHd.reason });
      continue;
    }
    const ultraHd = await encode(rung, options, { enable4k: true, frames: probeFrames });
    if (!ultraHd.succeeded) failures.push({ rung: rung.name, size: '2160p', reason: ultraHd.reason });
    // A lower rung that cannot do more than the one above is of no use.
    if (encoders.length > 0 && !ultraHd.succeeded) continue;
    encoders.push({
      encoder: rung.encoder,
      rung: rung.name,
      hardware: rung.isHardware,
      max: ultraHd.succeeded ? '2160p' : '1080p',
      framesPerSecond: await measureSpeed(rung, options, fullHd.durationMs),
      sessionsProbed: rung.isHardware ? await countSessions(rung, options) : 1,
    });
    if (ultraHd.succeeded) break;
  }
  return { encoders, failures, probedAtMs: Date.now() };
}

async function measureSpeed(
  rung: EncoderRung,
  options: EncoderProbeOptions,
  startMs: number,
): Promise<number> {
  const { succeeded, durationMs } = await encode(rung, options, {
    enable4k: false,
    frames: probeFrames + speedFrames,
  });
  if (!succeeded) return 0;
  // On a busy PC the short one can have taken longer: then the start counts too.
  const ms = durationMs > startMs ? durationMs - startMs : durationMs;
  return Math.round((speedFrames * 10_000) / ms) / 10;
}

async function countSessions(rung: EncoderRung, options: EncoderProbeOptions): Promise<number> {
  for (let sessions = 2; sessions <= sessionsMax; sessions += 1) {
    const all = await Promise.all(
      Array.from({ length: sessions }, () => encode(rung, options, { enable4k: false, frames: probeFrames })),
    );
    if (!all.every((result) => result.succeeded)) return sessions - 1;
  }
  return sessionsMax;
}

function encode(
  rung: EncoderRung,
  { ffmpeg = 'ffmpeg', timeoutMs = 60_000, gpuIndex, threads, signal }: EncoderProbeOptions,
  what: { readonly enable4k: boolean; readonly frames: number },
): ReturnType<typeof encodeOnce> {
  return encodeOnce(rung, {
    ffmpeg,
    timeoutMs,
    ...what,
    ...(gpuIndex === undefined ? {} : { gpuIndex }),
    ...(threads === undefined ? {} : { threads }),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Everything that the result depends on; the arguments themselves stand for the ladder's version. */
function fingerprintOf({
  ffmpeg,
  ffmpegVersion,
  gpus,
  ladder,
  gpuIndex,
  threads,
}: EncoderProbeOptions): string {
  const sizes = { enable4k: false, frames: probeFrames };
  const choice = {
    ...(gpuIndex === undefined ? {} : { gpuIndex }),
    ...(threads === undefined ? {} : { threads }),
  };
  const rungs = (ladder ?? encoderLadder).map((rung) => [
    rung.name,
    encodeOnceArguments(rung, { ...sizes, ...choice }),
    encodeOnceArguments(rung, { ...sizes, ...choice, enable4k: true }),
  ]);
  const cards = gpus.map(({ index, name, driver }) => ({ index, name, driver }));
  const all = JSON.stringify({ ffmpeg, ffmpegVersion, cards, rungs, probeFrames, speedFrames, sessionsMax });
  return createHash('sha256').update(all).digest('hex');
}

interface CacheFile {
  readonly fingerprint: string;
  readonly probe: EncoderProbe;
}

async function readCache(path: string, fingerprint: string): Promise<EncoderProbe | undefined> {
  try {
    // Written whole by ourselves under this fingerprint: its shape is known.
    const file = JSON.parse(await readFile(path, 'utf8')) as Partial<CacheFile> | null;
    return file?.fingerprint === fingerprint ? file.probe : undefined;
  } catch {
    return undefined;
  }
}

async function writeCache(path: string, fingerprint: string, probe: EncoderProbe): Promise<void> {
  const file: CacheFile = { fingerprint, probe };
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.${process.pid}.part`, JSON.stringify(file, undefined, 2));
  await rename(`${path}.${process.pid}.part`, path);
}

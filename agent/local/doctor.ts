/**
 * What a studio runs once on each PC: can it render, with what, and if not why? It tries every rung of the ladder, also
 * those below one that works, because what it finds on cards that we do not have is worth more to us than its time.
 */
import { mkdir } from 'node:fs/promises';
import { arch, availableParallelism, cpus, hostname, release, totalmem, type } from 'node:os';
import process from 'node:process';
import type { GpuFacts, RateProfile } from '../../proto/agent-link.ts';
import type { AgentConfig } from '../config.ts';
import { defaultCoreFigures } from '../core/state.ts';
import { probeFrames } from '../host/calibration.ts';
import { encodeOnce } from '../host/encode-once.ts';
import { slotWishesOf } from '../host/encoder-lanes.ts';
import { type EncoderProbe, probeEncoders } from '../host/encoder-probe.ts';
import { readFfmpegVersion } from '../host/ffmpeg-version.ts';
import { findFontFault } from '../host/font-fault.ts';
import { listGpus } from '../host/gpus.ts';
import { freeBytes } from '../host/load.ts';
import { probeShares, type ShareState } from '../host/share-probe.ts';
import { ffprobeVersion } from '../media/probe-files.ts';
import { createShareOperations } from '../media/share-operations.ts';
import { runProcess } from '../process/run.ts';
import { encoderLadder } from '../render/encoder.ts';
import type { FailureCategory } from '../render/failure-table.ts';

export interface DoctorOptions {
  /** Without it: FFmpeg of the path, and no shares. */
  readonly config?: AgentConfig | undefined;
  /** Where its scratch space is looked at. */
  readonly dataDir: string;
  readonly softwareVersion: string;
  /** @default nvidia-smi */
  readonly nvidiaSmi?: string;
  /** Hears what is being tried: it takes a minute. */
  readonly onStep: (what: string) => void;
  readonly signal: AbortSignal;
}

/** One test encode. */
export interface TriedRung {
  readonly rung: string;
  readonly size: '1080p' | '2160p';
  readonly profile: RateProfile;
  readonly gpuIndex?: number;
  readonly works: boolean;
  readonly durationMs: number;
  readonly category?: FailureCategory;
  readonly reason: string;
  readonly stderrTail: readonly string[];
}

/** Everything that was found. It holds no settings but those that are asked here: no token, no key, no address. */
export interface Diagnosis {
  readonly madeAt: string;
  readonly softwareVersion: string;
  readonly pc: Readonly<Record<'hostname' | 'os' | 'cpu' | 'node', string>> & {
    readonly cores: number;
    readonly memoryBytes: number;
  };
  /** Text of `-version`, or why there is none. */
  readonly ffmpeg: Found;
  readonly ffprobe: Found;
  readonly gpus: readonly GpuFacts[];
  readonly gpuFault?: string;
  /** What `nvidia-smi` prints. */
  readonly nvidiaSmi: readonly string[];
  readonly tried: readonly TriedRung[];
  /** What an agent would use: rungs, sessions and speeds, alone and at once. */
  readonly encoders?: EncoderProbe;
  readonly fontFault?: string;
  readonly shares: readonly ShareState[];
  readonly scratch: { readonly freeBytes?: number; readonly neededBytes: number; readonly fault?: string };
}

export interface Found {
  readonly works: boolean;
  readonly text: string;
}

const timeoutMs = 60_000;

/** Looks at all of it, one after another. Rejects with the signal's reason only. */
export async function examine(options: DoctorOptions): Promise<Diagnosis> {
  const { config, signal, onStep, nvidiaSmi = 'nvidia-smi' } = options;
  const ffmpegFile = config?.ffmpeg ?? 'ffmpeg';
  onStep('versions, cards, fonts, disk and shares');
  const ffmpeg = await found(readFfmpegVersion(ffmpegFile, signal).then(({ text }) => text));
  const ffprobe = await found(ffprobeVersion({ ffprobe: config?.ffprobe ?? 'ffprobe', signal }));
  const { gpus, fault } = await listGpus(nvidiaSmi, signal);
  const fontFault = await findFontFault();
  const looked = {
    nvidiaSmi: await printed(nvidiaSmi, signal),
    shares: await sharesOf(config, signal),
    scratch: await scratchOf(options.dataDir),
  };
  const tried = ffmpeg.works ? await tryAll(options, ffmpegFile, gpus) : [];
  signal.throwIfAborted();
  onStep('speed, and how many encodes run at once');
  const encoders = ffmpeg.works ? await measure(options, ffmpegFile, ffmpeg.text, gpus) : undefined;
  return {
    madeAt: new Date().toISOString(),
    softwareVersion: options.softwareVersion,
    pc: pcFacts(),
    ...{ ffmpeg, ffprobe, gpus, tried, ...looked },
    ...(fault === undefined ? {} : { gpuFault: fault }),
    ...(encoders === undefined ? {} : { encoders }),
    ...(fontFault === undefined ? {} : { fontFault }),
  };
}

function pcFacts(): Diagnosis['pc'] {
  return {
    hostname: hostname(),
    os: `${type()} ${release()} ${arch()}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    node: process.version,
  };
}

async function found(version: Promise<string>): Promise<Found> {
  try {
    return { works: true, text: await version };
  } catch (error) {
    return { works: false, text: error instanceof Error ? error.message : String(error) };
  }
}

async function printed(nvidiaSmi: string, signal: AbortSignal): Promise<readonly string[]> {
  const { stdout, stderrTail, spawnError } = await runProcess({
    ...{ file: nvidiaSmi, args: [], stdoutCharsMax: 16_384, timeoutMs: 15_000, signal },
  });
  return [...stdout.split('\n'), ...stderrTail, ...(spawnError === undefined ? [] : [spawnError])];
}

async function sharesOf(
  config: AgentConfig | undefined,
  signal: AbortSignal,
): Promise<readonly ShareState[]> {
  if (config === undefined) return [];
  const operations = createShareOperations();
  try {
    const mounts = Object.entries(config.mounts).map(([name, { roots, localPath }]) => [
      name,
      { roots, ...(localPath === undefined ? {} : { localPath }) },
    ]);
    return await probeShares(Object.fromEntries(mounts) as Parameters<typeof probeShares>[0], {
      operations,
      signal,
    });
  } finally {
    await operations.stop();
  }
}

async function scratchOf(dataDir: string): Promise<Diagnosis['scratch']> {
  const neededBytes = defaultCoreFigures.scratchBytesMin;
  try {
    await mkdir(dataDir, { recursive: true });
    return { freeBytes: await freeBytes(dataDir), neededBytes };
  } catch (error) {
    return { neededBytes, fault: error instanceof Error ? error.message : String(error) };
  }
}

/** Each rung on each card, at both sizes and in both rate profiles; where Full HD fails nothing else is tried. */
async function tryAll(
  { signal, onStep }: DoctorOptions,
  ffmpeg: string,
  gpus: readonly GpuFacts[],
): Promise<readonly TriedRung[]> {
  const tried: TriedRung[] = [];
  for (const rung of encoderLadder) {
    const onCards = rung.encoder === 'h264_nvenc' && gpus.length > 0;
    for (const gpuIndex of onCards ? gpus.map(({ index }) => index) : [undefined]) {
      onStep(gpuIndex === undefined ? rung.name : `${rung.name} on GPU ${gpuIndex}`);
      const where = gpuIndex === undefined ? {} : { gpuIndex };
      const attempt = async (enable4k: boolean, profile: RateProfile): Promise<boolean> => {
        const what = { ...where, ffmpeg, enable4k, profile, frames: probeFrames, timeoutMs, signal };
        const { succeeded: works, stderrTail = [], ...made } = await encodeOnce(rung, what);
        const size = enable4k ? '2160p' : '1080p';
        tried.push({ rung: rung.name, ...where, size, profile, works, ...made, stderrTail });
        return works;
      };
      if (!(await attempt(false, 'studio'))) continue;
      await attempt(true, 'studio');
      await attempt(false, 'quality');
    }
  }
  return tried;
}

function measure(
  { config, signal }: DoctorOptions,
  ffmpeg: string,
  ffmpegVersion: string,
  gpus: readonly GpuFacts[],
): Promise<EncoderProbe> {
  const { gpuIndex, threads } = config?.encoder ?? {};
  return probeEncoders({
    ...{ ffmpeg, ffmpegVersion, gpus, signal },
    ...(config === undefined ? {} : slotWishesOf(config)),
    ...(gpuIndex === undefined ? {} : { gpuIndex }),
    ...(threads === undefined ? {} : { threads }),
  });
}

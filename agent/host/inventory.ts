import { availableParallelism, cpus, hostname, release, totalmem, type } from 'node:os';
import type { Inventory } from '../../proto/agent-link.ts';
import { encodingOf, wishedSlots } from './encoder-lanes.ts';
import { type EncoderProbe, type EncoderProbeOptions, probeEncoders } from './encoder-probe.ts';
import { readFfmpegVersion } from './ffmpeg-version.ts';
import { listGpus } from './gpus.ts';
import { sharesOf } from './host-watch.ts';
import { freeBytes } from './load.ts';
import type { ShareState } from './share-probe.ts';

export interface InventoryOptions {
  /** Where work and cache are; its free space counts. Must exist. */
  readonly scratchFolder: string;
  readonly queues: readonly string[];
  /** Of the whole PC. @default 1 per GPU, 1 without one (mission.md section 2) */
  readonly slots?: number;
  /** Of each GPU. */
  readonly gpuSlots?: readonly number[];
  readonly labels: readonly string[];
  /** From `probeShares`. */
  readonly shares: readonly ShareState[];
  /** @default ffmpeg */
  readonly ffmpeg?: string;
  /** @default nvidia-smi */
  readonly nvidiaSmi?: string;
  readonly encoder?: Pick<EncoderProbeOptions, 'cachePath' | 'gpuIndex' | 'threads' | 'ladder' | 'timeoutMs'>;
  readonly signal?: AbortSignal;
}

export interface TakenInventory {
  readonly inventory: Inventory;
  readonly encoderProbe: EncoderProbe;
  /** The whole text of `ffmpeg -version`: part of every segment's key. */
  readonly ffmpegVersionText: string;
  /** What the agent's log should warn of, e.g. an nvidia-smi that fails. */
  readonly faults: readonly string[];
}

/** What this PC is and can do. Rejects when FFmpeg cannot be run or the scratch folder is gone, or with the signal's reason. */
export async function takeInventory(options: InventoryOptions): Promise<TakenInventory> {
  const { signal, ffmpeg = 'ffmpeg' } = options;
  const [gpus, version, scratchFreeBytes] = await Promise.all([
    listGpus(options.nvidiaSmi, signal),
    readFfmpegVersion(ffmpeg, signal),
    freeBytes(options.scratchFolder),
  ]);
  const encoderProbe = await probeEncoders({
    ...options.encoder,
    ffmpeg,
    ffmpegVersion: version.text,
    gpus: gpus.gpus,
    ...(options.slots === undefined ? {} : { slots: options.slots }),
    ...(options.gpuSlots === undefined ? {} : { gpuSlots: options.gpuSlots }),
    ...(signal === undefined ? {} : { signal }),
  });
  return {
    inventory: {
      hostname: hostname(),
      os: `${type()} ${release()}`,
      cpuModel: cpus()[0]?.model.trim() ?? 'unknown',
      cpuCores: availableParallelism(),
      memoryBytes: totalmem(),
      ...encodingOf(gpus.gpus, encoderProbe),
      ffmpegVersion: version.version,
      scratchFreeBytes,
      queues: options.queues,
      slots: wishedSlots(gpus.gpus, { ...options, gpuIndex: options.encoder?.gpuIndex }),
      labels: options.labels,
      ...sharesOf(options.shares),
      copyBytesPerSecond: 0,
    },
    encoderProbe,
    ffmpegVersionText: version.text,
    faults: gpus.fault === undefined ? [] : [gpus.fault],
  };
}

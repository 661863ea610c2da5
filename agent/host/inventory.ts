import { availableParallelism, cpus, hostname, release, totalmem, type } from 'node:os';
import type { Inventory } from '../../proto/agent-link.ts';
import { encodingOf, type SlotWishes, slotWishesOf, wishedSlots } from './encoder-lanes.ts';
import { type EncoderProbe, type EncoderProbeOptions, probeEncoders } from './encoder-probe.ts';
import { readFfmpegVersion } from './ffmpeg-version.ts';
import { findFontFault } from './font-fault.ts';
import { listGpus } from './gpus.ts';
import { sharesOf } from './host-watch.ts';
import { freeBytes } from './load.ts';
import type { ShareState } from './share-probe.ts';

/** Of slots, the default is one for each GPU, and one without any (mission.md section 2). */
export interface InventoryOptions extends SlotWishes {
  /** Where work and cache are; its free space counts. Must exist. */
  readonly scratchFolder: string;
  readonly queues: readonly string[];
  readonly labels: readonly string[];
  /** From `probeShares`. */
  readonly shares: readonly ShareState[];
  /** @default ffmpeg */
  readonly ffmpeg?: string;
  /** @default nvidia-smi */
  readonly nvidiaSmi?: string;
  /** Where the font of the texts is looked for. @default where systems keep their fonts */
  readonly fontFolders?: readonly string[];
  readonly encoder?: Pick<EncoderProbeOptions, 'cachePath' | 'gpuIndex' | 'threads' | 'ladder' | 'timeoutMs'>;
  readonly signal?: AbortSignal;
}

export interface TakenInventory {
  readonly inventory: Inventory;
  readonly encoderProbe: EncoderProbe;
  /** The whole text of `ffmpeg -version`: part of every segment's key. */
  readonly ffmpegVersionText: string;
  /** What the agent's log should warn of, e.g. an nvidia-smi that fails, or a font that is not here. */
  readonly faults: readonly string[];
}

/** What this PC is and can do. Rejects when FFmpeg cannot be run or the scratch folder is gone, or with the signal's reason. */
export async function takeInventory(options: InventoryOptions): Promise<TakenInventory> {
  const { signal, ffmpeg = 'ffmpeg' } = options;
  const [gpus, version, scratchFreeBytes, fontFault] = await Promise.all([
    listGpus(options.nvidiaSmi, signal),
    readFfmpegVersion(ffmpeg, signal),
    freeBytes(options.scratchFolder),
    findFontFault(options.fontFolders),
  ]);
  const encoderProbe = await probeEncoders({
    ...options.encoder,
    ffmpeg,
    ffmpegVersion: version.text,
    gpus: gpus.gpus,
    ...slotWishesOf(options),
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
    faults: [gpus.fault, fontFault].flatMap((fault) => fault ?? []),
  };
}

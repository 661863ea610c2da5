import { join } from 'node:path';
import { openAssist, withAssist } from './agent-assist.ts';
import type { AgentLogger } from './agent-logger.ts';
import type { AgentConfig } from './config.ts';
import { defaultCoreFigures } from './core/state.ts';
import { slotWishesOf } from './host/encoder-lanes.ts';
import type { EncoderProbe, EncoderProbeOptions } from './host/encoder-probe.ts';
import { probeEncoders } from './host/encoder-probe.ts';
import { type AssistProbe, laneAt } from './host/encoder-state.ts';
import type { HostWatch } from './host/host-watch.ts';
import { createHostWatch } from './host/host-watch.ts';
import type { TakenInventory } from './host/inventory.ts';
import { takeInventory } from './host/inventory.ts';
import type { KnownShares } from './host/known-shares.ts';
import { openKnownShares } from './host/known-shares.ts';
import { openMeasuredSpeeds, speedFingerprint } from './host/measured-speeds.ts';
import type { ShareState } from './host/share-probe.ts';
import { probeShares } from './host/share-probe.ts';
import type { ContentCache } from './media/content-cache.ts';
import { openContentCache } from './media/content-cache.ts';
import type { CopyMeter } from './media/copy-meter.ts';
import { openCopyMeter } from './media/copy-meter.ts';
import { type GrowthLimits, growthLimitsDefault } from './media/growth.ts';
import type { ShareOperations } from './media/share-operations.ts';
import { createShareOperations } from './media/share-operations.ts';
import type { Mounts } from './media/unc.ts';
import { resolveUnc } from './media/unc.ts';
import type { EncoderRungName } from './render/encoder.ts';
import { encoderRung } from './render/encoder.ts';
import type { EncoderChoice } from './render/render-request.ts';
import type { SegmentStore } from './render/segment-cache.ts';
import { scaledTimes } from './scaled-times.ts';
import { openAgentSegments } from './segment-rooms.ts';

/** The shares, the cache of what came from them, and what this PC makes of it. */
export interface AgentMedia {
  readonly mounts: Mounts;
  readonly operations: ShareOperations;
  /** Uploads and publishing: they wait behind no copy. */
  readonly outputs: ShareOperations;
  readonly cache: ContentCache;
  /** Looks that wait behind no copy. */
  readonly looks: ShareOperations;
  /** Looks for jobs that are only verified: they stand in nobody's way. */
  readonly fileLooks: ShareOperations;
  readonly segments: SegmentStore;
  readonly meter: CopyMeter;
  readonly watch: HostWatch;
  readonly ffmpegVersionText: string;
  /** What this PC encodes with now; undefined when it cannot. */
  encoderFor(enable4k: boolean, gpuIndex?: number): Omit<EncoderChoice, 'profile'> | undefined;
  /** An output folder is used: its share's identity is looked for there from now on. */
  outputUsed(folder: string): void;
  /** Age of the oldest operation on any share, in ms. */
  oldestOperationMs(): number;
}

export type OnClose = (closer: () => Promise<unknown> | undefined) => void;

/** Processes that look at files of jobs that are only verified; they end when nobody asks. */
const fileLooksAtATime = 4;

/** Opens them; what was opened is closed by `onClose`, also when this rejects. */
export async function openAgentMedia(
  config: AgentConfig,
  logger: AgentLogger,
  signal: AbortSignal,
  onClose: OnClose,
  onCopySpeed: (bytesPerSecond: number) => void = () => undefined,
): Promise<AgentMedia> {
  const mounts = mountsOf(config);
  const { shareSilenceMs: silenceMs, fileLookMs } = scaledTimes(config.timeScale);
  const opened = (options: Parameters<typeof createShareOperations>[0]): ShareOperations => {
    const operations = createShareOperations(options);
    onClose(() => operations.stop());
    return operations;
  };
  const operations = opened({ concurrency: config.concurrency.copy, silenceMs });
  const outputs = opened({ silenceMs });
  // Of their own, so that a probe never waits behind copies.
  const probes = opened({ silenceMs });
  const meter = await openCopyMeter({
    path: join(config.dataDir, 'copies.json'),
    onChange: onCopySpeed,
    onTrouble: (message, err) => logger.warn({ err }, message),
  });
  onClose(() => meter.settled());
  const segments = openAgentSegments(config, mounts, logger, onClose);
  const cache = await openContentCache({
    folder: join(config.dataDir, 'cache', 'sources'),
    bytesMax: config.cache.bytesMax,
    freeBytesMin: config.cache.freeBytesMin,
    evictOther: () => segments.giveUp(),
    growth: growthLimitsOf(config),
    ...{ operations, meter },
  });
  onClose(() => cache.close());
  const known = await openKnownShares(join(config.dataDir, 'shares.json'), (message, err) =>
    logger.warn({ err }, message),
  );
  onClose(() => known.settled());
  const look = lookAtShares(mounts, probes, known, logger);
  const taken = await inventoryOf(config, await look(signal), signal);
  for (const fault of taken.faults) logger.warn(fault);
  const found = { ...taken, segments, encoderFor };
  const assist = openAssist(config, found, logger, signal);
  const watch = await watchHost(config, await withAssist(taken, assist), look, logger, onClose, assist);
  return {
    ...{ mounts, operations, outputs, cache, watch, segments, meter },
    looks: probes,
    fileLooks: opened({ concurrency: fileLooksAtATime, silenceMs: fileLookMs }),
    ffmpegVersionText: taken.ffmpegVersionText,
    encoderFor: (enable4k, gpuIndex) => encoderFor(watch.encoderProbe(), config, enable4k, gpuIndex),
    outputUsed: (folder) => noteOutput(folder, mounts, known),
    oldestOperationMs: () => Math.max(...[operations, outputs].map((one) => one.oldestOperationMs())),
  };
}

function growthLimitsOf({ sources, timeScale }: AgentConfig): GrowthLimits {
  const { settleMs, lookMs } = growthLimitsDefault;
  return {
    settleMs: settleMs * timeScale,
    lookMs: lookMs * timeScale,
    quietMs: sources.quietMs * timeScale,
    limitMs: sources.growingMsMax * timeScale,
  };
}

type LookAtShares = (signal: AbortSignal) => Promise<readonly ShareState[]>;

function lookAtShares(
  mounts: Mounts,
  operations: ShareOperations,
  known: KnownShares,
  logger: AgentLogger,
): LookAtShares {
  const away = new Set<string>();
  return async (signal) => {
    const states = await probeShares(mounts, {
      operations,
      signal,
      outputFolderOf: (share) => known.folderOf(share),
    });
    for (const state of states) tellReach(state, away, logger);
    for (const { share, identity } of states) {
      const before = identity === undefined ? undefined : known.seen(share, identity);
      if (before === undefined) continue;
      const code = 'SHARE_REPLACED';
      logger.error({ code, share, before, identity }, `another share is mounted as ${share} than before`);
    }
    return states;
  };
}

/** Said at each change: a PC that lacks a share gets no job that needs it, and somebody will ask why. */
function tellReach({ share, readable, reason }: ShareState, away: Set<string>, logger: AgentLogger): void {
  if (readable && away.delete(share)) logger.info({ share }, 'the share is reached again');
  if (readable || away.has(share)) return;
  away.add(share);
  logger.warn({ share, reason }, 'the share is not reached');
}

async function watchHost(
  config: AgentConfig,
  { inventory, encoderProbe, ffmpegVersionText }: TakenInventory,
  look: LookAtShares,
  logger: AgentLogger,
  onClose: OnClose,
  assist: AssistProbe | undefined,
): Promise<HostWatch> {
  const stopping = new AbortController();
  const { signal } = stopping;
  const { threads, gpuIndex, ladder } = encoderOptions(config);
  const choice = {
    ffmpeg: config.ffmpeg,
    ...(threads === undefined ? {} : { threads }),
  };
  const speedsBelongTo = ({ lanes }: EncoderProbe): string =>
    speedFingerprint(ffmpegVersionText, inventory.gpus, lanes, {
      ...(threads === undefined ? {} : { threads }),
      // 0: as many as are measured to pay, which goes with what is measured.
      segments: config.concurrency.segments ?? 0,
    });
  const measured = await openMeasuredSpeeds(
    join(config.dataDir, 'speeds.json'),
    speedsBelongTo(encoderProbe),
    (message, err) => logger.warn({ err }, message),
  );
  onClose(() => measured.settled());
  const watch = createHostWatch({
    inventory,
    encoderProbe,
    scratchFolder: config.dataDir,
    scratchBytesMin: defaultCoreFigures.scratchBytesMin,
    encoder: choice,
    ...{ measured, speedsBelongTo },
    ...(assist === undefined ? {} : { assist }),
    probeShares: () => look(signal),
    probeEncoders: () =>
      probeEncoders({
        ...choice,
        ffmpegVersion: ffmpegVersionText,
        gpus: inventory.gpus,
        ...slotWishesOf(config),
        ...(gpuIndex === undefined ? {} : { gpuIndex }),
        ...(ladder === undefined ? {} : { ladder }),
        signal,
      }),
    signal,
  });
  onClose(async () => {
    stopping.abort(new Error('the agent stops'));
    await watch.settled();
  });
  return watch;
}

/** A folder that this PC does not mount is refused where it is used. */
function noteOutput(folder: string, mounts: Mounts, known: KnownShares): void {
  try {
    const { share, localPath } = resolveUnc(folder, mounts, process.platform);
    known.used(share, localPath);
  } catch {
    // The attempt ends with this very error.
  }
}

function mountsOf({ mounts }: AgentConfig): Mounts {
  return Object.fromEntries(
    Object.entries(mounts).map(([name, { roots, localPath }]) => [
      name,
      { roots, ...(localPath === undefined ? {} : { localPath }) },
    ]),
  );
}

function inventoryOf(
  config: AgentConfig,
  shares: readonly ShareState[],
  signal: AbortSignal,
): Promise<TakenInventory> {
  return takeInventory({
    scratchFolder: config.dataDir,
    queues: config.queues,
    ...slotWishesOf(config),
    labels: config.labels,
    shares,
    ffmpeg: config.ffmpeg,
    encoder: { cachePath: join(config.dataDir, 'encoders.json'), ...encoderOptions(config) },
    signal,
  });
}

function encoderOptions({
  encoder: { rung, threads, gpuIndex },
}: AgentConfig): Pick<EncoderProbeOptions, 'threads' | 'gpuIndex' | 'ladder'> {
  return {
    ...(threads === undefined ? {} : { threads }),
    ...(gpuIndex === undefined ? {} : { gpuIndex }),
    ...(rung === undefined ? {} : { ladder: [encoderRung(rung)] }),
  };
}

/** The best rung that passed at this size where the render is to be; the probe lists the best first. */
function encoderFor(
  probe: EncoderProbe,
  { encoder: { threads } }: AgentConfig,
  enable4k: boolean,
  ofGpu: number | undefined,
): Omit<EncoderChoice, 'profile'> | undefined {
  const { encoders = [], gpuIndex } = laneAt(probe, ofGpu) ?? {};
  const found = encoders.find((encoder) => !enable4k || encoder.max === '2160p');
  if (found === undefined) return undefined;
  return {
    // The probe takes its rungs from the same ladder.
    rung: found.rung as EncoderRungName,
    ...(threads === undefined ? {} : { threads }),
    ...(gpuIndex === undefined ? {} : { gpuIndex }),
  };
}

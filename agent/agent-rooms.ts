import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Heartbeat, Inventory } from '../proto/index.ts';
import type { AgentLogger } from './agent-logger.ts';
import type { Attempts } from './attempt/attempts.ts';
import { createAttempts, emptyWorkFolder } from './attempt/attempts.ts';
import { createFetchLane } from './attempt/fetch-lane.ts';
import type { LogUpload } from './attempt/log-upload.ts';
import { startLogUpload } from './attempt/log-upload.ts';
import { createOutputLook } from './attempt/output-room.ts';
import type { OutputShare } from './attempt/output-share.ts';
import { createOutputShare } from './attempt/output-share.ts';
import type { Prefetches } from './attempt/prefetches.ts';
import { createPrefetches } from './attempt/prefetches.ts';
import type { AttemptServices } from './attempt/services.ts';
import type { AgentConfig } from './config.ts';
import type { Input } from './core/inputs.ts';
import type { TakenInventory } from './host/inventory.ts';
import { takeInventory } from './host/inventory.ts';
import type { Load } from './host/load.ts';
import { startLoadMeter } from './host/load.ts';
import { probeShares } from './host/share-probe.ts';
import type { LinkSecurity } from './link/connection.ts';
import { createLogReceiver } from './link/log-receiver.ts';
import type { ContentCache } from './media/content-cache.ts';
import { openContentCache } from './media/content-cache.ts';
import { openGate } from './media/gate.ts';
import { ffprobeVersion } from './media/probe-files.ts';
import type { ShareOperations } from './media/share-operations.ts';
import { createShareOperations } from './media/share-operations.ts';
import type { Mounts } from './media/unc.ts';
import type { Outbox } from './outbox/outbox.ts';
import { openOutbox } from './outbox/outbox.ts';
import type { EncoderRungName } from './render/encoder.ts';
import { encoderRung } from './render/encoder.ts';
import type { EncoderChoice } from './render/render-request.ts';
import { scaledTimes } from './scaled-times.ts';

/** Everything that an agent works with, opened and ready. */
export interface AgentRooms {
  readonly outbox: Outbox;
  readonly inventory: Inventory;
  readonly attempts: Attempts;
  readonly prefetches: Prefetches;
  readonly share: OutputShare;
  readonly logUpload: LogUpload;
  vitals(): Pick<Heartbeat, 'load1' | 'scratchFreeBytes' | 'worstLoopStallMs' | 'oldestShareOperationMs'>;
  /** The inventory, when the shares that can be read are others than before. */
  changedInventory(): Promise<Inventory | undefined>;
  discard(stagingFolder: string): Promise<void>;
  close(): Promise<void>;
}

export interface AgentRoomsOptions {
  readonly logger: AgentLogger;
  readonly security: LinkSecurity;
  /** The controller that the agent is attached to. */
  readonly address: () => string | undefined;
  readonly signal: AbortSignal;
  readonly input: (input: Input) => void;
}

/** Opens the rooms in the order in which they need each other; what was opened is closed again when one fails. */
export async function openAgentRooms(config: AgentConfig, options: AgentRoomsOptions): Promise<AgentRooms> {
  const closers: (() => Promise<unknown> | undefined)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    return { ...(await openAll(config, options, (closer) => closers.push(closer))), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openAll(
  config: AgentConfig,
  { logger, security, address, signal, input }: AgentRoomsOptions,
  onClose: OnClose,
): Promise<Omit<AgentRooms, 'close'>> {
  const folder = (name: string): string => join(config.dataDir, name);
  const onTrouble = troubleTo(logger);
  await mkdir(folder('logs'), { recursive: true });
  // First of all the journal: its lock keeps a second agent away from everything else here.
  const outbox = await openOutbox({
    folder: folder('journal'),
    onRoom: (ok) => input({ type: 'journal-room', ok }),
    onTrouble,
  });
  onClose(() => outbox.close());
  await emptyWorkFolder(folder('work'), onTrouble);

  const media = await openMedia(config, logger, signal, onClose);
  const { mounts, operations, outputs, cache, taken } = media;
  const share = createOutputShare(mounts, outputs);
  const ahead: { prefetches?: Prefetches } = {};
  const services: AttemptServices = {
    agentId: config.agentId,
    workFolder: folder('work'),
    logsFolder: folder('logs'),
    mounts,
    cache,
    share,
    lookAtOutput: createOutputLook(mounts, outputs),
    ffmpeg: { ffmpeg: config.ffmpeg, ffprobe: config.ffprobe, versionText: taken.ffmpegVersionText },
    ffprobeVersion: await ffprobeVersion({ ffprobe: config.ffprobe, signal }),
    encoderFor: (enable4k) => encoderFor(taken, config, enable4k),
    segmentCache: { folder: folder('cache/segments'), bytesMax: config.cache.segmentBytesMax },
    concurrency: config.concurrency,
    fetchLane: createFetchLane(),
    tailLane: openGate(1),
    announcedJob: () => ahead.prefetches?.current(),
    nowMs: () => performance.now(),
    wallMs: () => Date.now(),
    onTrouble,
  };
  const attempts = createAttempts(services, (ref, report) => input({ type: 'attempt', ref, report }));
  onClose(() => attempts.stopAll());
  const prefetches = createPrefetches(services, (report) => input({ type: 'prefetch', report }));
  ahead.prefetches = prefetches;
  onClose(() => prefetches.stopAll());
  const receiver = createLogReceiver({ address, security });
  const logUpload = startLogUpload({
    folder: folder('logs'),
    receiver,
    onTrouble,
    onSent: ({ jobId }) => logger.debug({ jobId }, 'the controller has the log of an attempt'),
  });
  onClose(() => logUpload.stop());
  const load = await startVitals(config.dataDir);
  onClose(() => load.stop());

  return {
    outbox,
    inventory: taken.inventory,
    attempts,
    prefetches,
    share,
    logUpload,
    vitals: () => ({ ...load.latest(), oldestShareOperationMs: oldest(operations, outputs) }),
    changedInventory: watchShares(media),
    discard: (stagingFolder) => discardStaging(share, stagingFolder, onTrouble),
  };
}

interface Media {
  readonly mounts: Mounts;
  readonly operations: ShareOperations;
  /** Uploads and publishing: they wait behind no copy. */
  readonly outputs: ShareOperations;
  /** Of their own, so that a probe never waits behind copies. */
  readonly probes: ShareOperations;
  readonly cache: ContentCache;
  readonly taken: TakenInventory;
}

type OnClose = (closer: () => Promise<unknown> | undefined) => void;

async function openMedia(
  config: AgentConfig,
  logger: AgentLogger,
  signal: AbortSignal,
  onClose: OnClose,
): Promise<Media> {
  const mounts = mountsOf(config);
  const { shareSilenceMs: silenceMs } = scaledTimes(config.timeScale);
  const operations = createShareOperations({ concurrency: config.concurrency.copy, silenceMs });
  onClose(() => operations.stop());
  const outputs = createShareOperations({ silenceMs });
  onClose(() => outputs.stop());
  const probes = createShareOperations({ silenceMs });
  onClose(() => probes.stop());
  const cache = await openContentCache({
    folder: join(config.dataDir, 'cache', 'sources'),
    bytesMax: config.cache.bytesMax,
    freeBytesMin: config.cache.freeBytesMin,
    operations,
  });
  onClose(() => cache.close());
  const taken = await inventoryOf(config, await probeShares(mounts, { operations: probes, signal }), signal);
  for (const fault of taken.faults) logger.warn(fault);
  return { mounts, operations, outputs, probes, cache, taken };
}

function oldest(...operations: readonly ShareOperations[]): number {
  return Math.max(...operations.map((one) => one.oldestOperationMs()));
}

function watchShares({ mounts, probes, taken }: Media): () => Promise<Inventory | undefined> {
  let { inventory } = taken;
  return async () => {
    const states = await probeShares(mounts, { operations: probes });
    const shares = states.filter((state) => state.readable).map((state) => state.share);
    if (shares.join('\n') === inventory.shares.join('\n')) return undefined;
    inventory = { ...inventory, shares };
    return inventory;
  };
}

function troubleTo(logger: AgentLogger): (message: string, error?: unknown) => void {
  return (message, error) => logger.warn({ err: error }, message);
}

/** Best effort: what stays is found and removed with the next discard of the same folder. */
async function discardStaging(
  share: OutputShare,
  stagingFolder: string,
  onTrouble: (message: string, error: unknown) => void,
): Promise<void> {
  try {
    await share.removeStaging(share.locate(stagingFolder).localPath);
  } catch (error) {
    onTrouble(`${stagingFolder} could not be removed`, error);
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
  shares: Awaited<ReturnType<typeof probeShares>>,
  signal: AbortSignal,
): Promise<TakenInventory> {
  const { rung, threads, gpuIndex } = config.encoder;
  return takeInventory({
    scratchFolder: config.dataDir,
    queues: config.queues,
    ...(config.slots === undefined ? {} : { slots: config.slots }),
    labels: config.labels,
    shares,
    ffmpeg: config.ffmpeg,
    encoder: {
      cachePath: join(config.dataDir, 'encoders.json'),
      ...(threads === undefined ? {} : { threads }),
      ...(gpuIndex === undefined ? {} : { gpuIndex }),
      ...(rung === undefined ? {} : { ladder: [encoderRung(rung)] }),
    },
    signal,
  });
}

/** The best rung that passed at this size; the probe lists the best first. */
function encoderFor(
  { encoderProbe }: TakenInventory,
  { encoder: { threads, gpuIndex } }: AgentConfig,
  enable4k: boolean,
): Omit<EncoderChoice, 'profile'> | undefined {
  const found = encoderProbe.encoders.find((encoder) => !enable4k || encoder.max === '2160p');
  if (found === undefined) return undefined;
  return {
    // The probe takes its rungs from the same ladder.
    rung: found.rung as EncoderRungName,
    ...(threads === undefined ? {} : { threads }),
    ...(gpuIndex === undefined ? {} : { gpuIndex }),
  };
}

/** The figures of the heartbeat, taken in the background: a heartbeat waits for nothing. */
async function startVitals(folder: string): Promise<{ latest(): Load; stop(): undefined }> {
  const meter = startLoadMeter({ scratchFolder: folder });
  let latest = await meter.sample();
  const timer = setInterval(() => {
    void meter.sample().then(
      (sample) => (latest = sample),
      () => undefined,
    );
  }, 5_000);
  return {
    latest: () => latest,
    stop() {
      clearInterval(timer);
      meter.stop();
      return undefined;
    },
  };
}

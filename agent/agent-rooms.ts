import { join } from 'node:path';
import type { AskSources, FileSeen, Heartbeat, Inventory, LookAtFiles } from '../proto/index.ts';
import type { AgentLogger } from './agent-logger.ts';
import type { AgentMedia, OnClose } from './agent-media.ts';
import { openAgentMedia } from './agent-media.ts';
import type { Attempts } from './attempt/attempts.ts';
import { createAttempts } from './attempt/attempts.ts';
import { createFetchLane } from './attempt/fetch-lane.ts';
import type { HelpedItems } from './attempt/helped-items.ts';
import { createHelpedItems } from './attempt/helped-items.ts';
import type { LogUpload } from './attempt/log-upload.ts';
import { startLogUpload } from './attempt/log-upload.ts';
import { createOutputLook } from './attempt/output-room.ts';
import type { OutputShare } from './attempt/output-share.ts';
import { createOutputShare } from './attempt/output-share.ts';
import type { Prefetches } from './attempt/prefetches.ts';
import { createPrefetches } from './attempt/prefetches.ts';
import { createRenderSpeeds } from './attempt/render-speeds.ts';
import type { ScratchRoom } from './attempt/scratch-room.ts';
import { createScratchRoom } from './attempt/scratch-room.ts';
import { watchScratch } from './attempt/scratch-watch.ts';
import type { AttemptServices } from './attempt/services.ts';
import type { SourceLookOptions } from './attempt/source-look.ts';
import { lookAtSources } from './attempt/source-look.ts';
import type { AgentConfig } from './config.ts';
import type { Input } from './core/inputs.ts';
import type { FoundSources } from './core/sources.ts';
import { openDataFolder } from './data-folder.ts';
import type { HostWatch } from './host/host-watch.ts';
import type { Load } from './host/load.ts';
import { freeBytes, startLoadMeter } from './host/load.ts';
import type { LinkSecurity } from './link/connection.ts';
import { createLogReceiver } from './link/log-receiver.ts';
import { createFileLooks } from './media/file-looks.ts';
import { openGate } from './media/gate.ts';
import { ffprobeVersion } from './media/probe-files.ts';
import type { Outbox } from './outbox/outbox.ts';
import { openProcessBook } from './process/process-book.ts';
import { scaledTimes } from './scaled-times.ts';

/** Everything that an agent works with, opened and ready. */
export interface AgentRooms {
  readonly outbox: Outbox;
  readonly watch: HostWatch;
  readonly attempts: Attempts;
  readonly prefetches: Prefetches;
  readonly items: HelpedItems;
  readonly share: OutputShare;
  readonly logUpload: LogUpload;
  /** What is here of a job. Never rejects. */
  sources(ask: AskSources): Promise<FoundSources>;
  /** Whether files are there, and what they are. Never rejects. */
  files(ask: LookAtFiles): Promise<readonly FileSeen[]>;
  /** As the inventory has it. */
  capacity(): Pick<Inventory, 'copyBytesPerSecond' | 'scratchAvailableBytes'>;
  vitals(): Pick<Heartbeat, 'load1' | 'scratchFreeBytes' | 'worstLoopStallMs' | 'oldestShareOperationMs'>;
  /** An output folder is used from now on. */
  outputUsed(folder: string): void;
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
  const { outbox, keptWork } = await openDataFolder(config, { input, onTrouble, onClose });
  const media = await openAgentMedia(config, logger, signal, onClose, (bytesPerSecond) =>
    input({ type: 'copy-speed', bytesPerSecond }),
  );
  const { watch } = media;
  const share = createOutputShare(media.mounts, media.outputs);
  const ahead: Partial<Work> = {};
  const services: AttemptServices = {
    ...servicesOf(config, media, share, onTrouble),
    keptWork,
    scratch: scratchOf(config, media, () => giveWay(ahead, keptWork)),
    speeds: createRenderSpeeds({
      nowMs: () => performance.now(),
      inventory: () => watch.inventory(),
      gpuLanes: () => watch.gpuLanes(),
      onRendered(render) {
        const inventory = watch.rendered(render);
        if (inventory !== undefined) input({ type: 'inventory', inventory });
      },
    }),
    ffprobeVersion: await ffprobeVersion({ ffprobe: config.ffprobe, signal }),
    announcedJob: () => ahead.prefetches?.current(),
    copyBytesPerSecond: () => media.meter.bytesPerSecond(),
    placeFree: async () => ahead.items?.stoppedEnded(),
  };
  const work = startWork(services, ahead, input, () => {
    scratch.nudge();
  });
  onClose(() => work.stopAll());
  const receiver = createLogReceiver({ address, security, agentId: config.agentId });
  onClose(() => {
    receiver.close();
    return Promise.resolve();
  });
  const logUpload = startLogUpload({
    folder: folder('logs'),
    receiver,
    onTrouble,
    onSent: ({ jobId }) => logger.debug({ jobId }, 'the controller has the log of an attempt'),
  });
  onClose(() => logUpload.stop());
  const load = await startVitals(config.dataDir);
  onClose(() => load.stop());
  const scratch = await watchScratch(services.scratch, {
    onSample: (sample) => input({ type: 'scratch-space', ...sample }),
  });
  onClose(() => scratch.stop());

  return {
    ...{ outbox, watch },
    ...{ attempts: work.attempts, prefetches: work.prefetches, items: work.items },
    share,
    logUpload,
    sources: (ask) => lookAtSources(ask, sourceLookOf(services, media, signal)),
    ...openFileLooks(config, services, media, onClose),
    capacity: () => ({
      copyBytesPerSecond: media.meter.bytesPerSecond(),
      scratchAvailableBytes: scratch.latest().availableBytes,
    }),
    vitals: () => ({ ...load.latest(), oldestShareOperationMs: media.oldestOperationMs() }),
    outputUsed: (output) => media.outputUsed(output),
    discard: (stagingFolder) => discardStaging(share, stagingFolder, onTrouble),
  };
}

type Work = Pick<AgentRooms, 'attempts' | 'prefetches' | 'items'>;

/** What is given up first where the disk is full; false: nothing is left to give up. */
async function giveWay(ahead: Partial<Work>, keptWork: { giveUp(): Promise<boolean> }): Promise<boolean> {
  return (
    ((await ahead.prefetches?.giveWay()) ?? false) ||
    ((await ahead.items?.giveWay()) ?? false) ||
    (await keptWork.giveUp())
  );
}

/** What this PC works at; what may have to make way for a job is put into `ahead`. */
function startWork(
  services: AttemptServices,
  ahead: Partial<Work>,
  input: AgentRoomsOptions['input'],
  onEnd: () => void,
): Work & { stopAll(): Promise<void> } {
  const attempts = createAttempts(
    services,
    (ref, report) => {
      input({ type: 'attempt', ref, report });
      if (report.type === 'ended' || report.type === 'staged') onEnd();
    },
    (ref, reclaimed) => input({ type: 'items-reclaimed', ref, reclaimed }),
  );
  const items = createHelpedItems(services, (item, report) => {
    input({ type: 'item', item, report });
    onEnd();
  });
  const prefetches = createPrefetches(services, (report) => input({ type: 'prefetch', report }));
  Object.assign(ahead, { items, prefetches });
  const stopAll = async (): Promise<void> => {
    await Promise.all([prefetches.stopAll(), items.stopAll()]);
    await attempts.stopAll();
  };
  return { attempts, items, prefetches, stopAll };
}

function servicesOf(
  config: AgentConfig,
  { mounts, outputs, cache, ...media }: AgentMedia,
  share: OutputShare,
  onTrouble: AttemptServices['onTrouble'],
): Omit<AttemptServices, 'ffprobeVersion' | 'announcedJob' | 'speeds' | 'scratch'> {
  const folder = (name: string): string => join(config.dataDir, name);
  const { ffmpeg, ffprobe, concurrency } = config;
  return {
    agentId: config.agentId,
    workFolder: folder('work'),
    logsFolder: folder('logs'),
    ...{ mounts, cache, share, concurrency, onTrouble },
    lookAtOutput: createOutputLook(mounts, outputs),
    underway: () => [...media.operations.underway(), ...cache.waits()],
    ffmpeg: {
      ...{ ffmpeg, ffprobe, versionText: media.ffmpegVersionText },
      book: openProcessBook(folder('processes')),
    },
    encoderFor: (enable4k, gpuIndex) => media.encoderFor(enable4k, gpuIndex),
    segments: media.segments,
    fetchLane: createFetchLane({ copies: concurrency.copy }),
    tailLane: openGate(1),
    nowMs: () => performance.now(),
    wallMs: () => Date.now(),
  };
}

function scratchOf(
  config: AgentConfig,
  { cache, segments }: AgentMedia,
  endHints: () => Promise<boolean>,
): ScratchRoom {
  return createScratchRoom({
    cache,
    workFolder: join(config.dataDir, 'work'),
    freeBytesMin: config.cache.freeBytesMin,
    freeBytes: () => freeBytes(config.dataDir),
    otherSpareBytes: () => Promise.resolve(segments.spareBytes()),
    endHints,
  });
}

function sourceLookOf(
  { mounts, cache, ffprobeVersion: version, encoderFor, segments }: AttemptServices,
  { looks, ffmpegVersionText }: AgentMedia,
  signal: AbortSignal,
): SourceLookOptions {
  return {
    ...{ mounts, cache, encoderFor, signal, ffmpegVersionText, segments },
    operations: looks,
    ffprobeVersion: version,
  };
}

function openFileLooks(
  { timeScale, ffprobe }: AgentConfig,
  { mounts, cache, ffmpeg: { book }, ffprobeVersion: version }: AttemptServices,
  { fileLooks: operations }: AgentMedia,
  onClose: OnClose,
): Pick<AgentRooms, 'files'> {
  const closing = new AbortController();
  onClose(() => {
    closing.abort(new Error('the agent stops'));
    return undefined;
  });
  const looks = createFileLooks({
    ...{ mounts, cache, operations, ffprobe, signal: closing.signal },
    ...(book === undefined ? {} : { book }),
    ffprobeVersion: version,
    fileMs: scaledTimes(timeScale).fileLookMs,
  });
  return { files: (ask) => looks.look(ask) };
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

/** The figures of the heartbeat, taken in the background: a heartbeat waits for nothing. */
async function startVitals(folder: string): Promise<{ latest(): Load; stop(): undefined }> {
  const meter = startLoadMeter({ scratchFolder: folder });
  let latest = await meter.sample();
  const timer = setInterval(() => {
    void meter.sample().then(
      (sample) => {
        latest = sample;
      },
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

import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Assign } from '../../proto/index.ts';
import { createFetchLane } from '../attempt/fetch-lane.ts';
import { createJobLog } from '../attempt/job-log.ts';
import type { LogFolder } from '../attempt/log-folder.ts';
import { createOutputLook } from '../attempt/output-room.ts';
import { createOutputShare } from '../attempt/output-share.ts';
import type { Prepared } from '../attempt/prepare-step.ts';
import { prepare } from '../attempt/prepare-step.ts';
import { createRenderSpeeds } from '../attempt/render-speeds.ts';
import { renderStep } from '../attempt/render-step.ts';
import { endlessScratchRoom } from '../attempt/scratch-room.ts';
import type { AttemptServices } from '../attempt/services.ts';
import { createUsageCount } from '../attempt/usage-count.ts';
import { takeInventory } from '../host/inventory.ts';
import { openContentCache } from '../media/content-cache.ts';
import { openGate } from '../media/gate.ts';
import { ffprobeVersion } from '../media/probe-files.ts';
import type { ShareOperations } from '../media/share-operations.ts';
import { createShareOperations } from '../media/share-operations.ts';
import type { EncoderRungName } from '../render/encoder.ts';
import { encoderRung } from '../render/encoder.ts';
import type { RenderPlan } from '../render/render-plan.ts';
import type { EncoderChoice } from '../render/render-request.ts';
import type { RenderedOutput } from '../render/render-result.ts';
import { openSegmentStore } from '../render/segment-store.ts';
import type { LocalJob } from './local-job.ts';

export interface LocalOptions {
  readonly job: LocalJob;
  /** Holds the cache and the work folder of this render. */
  readonly dataDir: string;
  readonly ffmpeg: string;
  readonly ffprobe: string;
  readonly encoder: { readonly rung?: EncoderRungName | undefined; readonly threads?: number | undefined };
  readonly segments: number;
  /** Hears the lines of the job's log, and every command. */
  readonly folder: LogFolder;
  readonly signal: AbortSignal;
}

/** What may be done with a prepared job before everything is closed again. */
export interface LocalRun {
  readonly plan: RenderPlan;
  readonly encoder: Omit<EncoderChoice, 'profile'>;
  /** The verified file in the work folder, which goes when `use` returns. */
  render(): Promise<RenderedOutput>;
}

/** The farm's own pipeline on one job without a farm: the same steps, up to the verified file. */
export async function withLocalJob<T>(options: LocalOptions, use: (run: LocalRun) => Promise<T>): Promise<T> {
  const { job, dataDir, signal } = options;
  const assign = assignOf(job);
  const workFolder = join(dataDir, 'work', `${job.jobId}-0.0`);
  await mkdir(workFolder, { recursive: true });
  const operations = createShareOperations();
  const cache = await openContentCache({
    folder: join(dataDir, 'cache', 'sources'),
    bytesMax: 200 * 1024 ** 3,
    operations,
  });
  const segments = openSegmentStore({
    folder: join(dataDir, 'cache', 'segments'),
    bytesMax: 50 * 1024 ** 3,
    madeBy: 'local',
  });
  const held: { prepared?: Prepared } = {};
  try {
    const { services, encoder } = await servicesOf(options, { cache, operations, segments });
    const log = createJobLog(assign, options.folder, () => Date.now());
    log.begin(services.agentId);
    const step = { assign, services, log, workFolder, signal };
    const prepared = await prepare(step);
    held.prepared = prepared;
    return await use({
      plan: prepared.plan,
      encoder,
      render: () =>
        renderStep({
          ...step,
          board: prepared.board,
          folder: options.folder,
          usage: createUsageCount(() => performance.now()),
          onProgress: () => undefined,
          onSegment: () => undefined,
          onEncoded: () => undefined,
        }),
    });
  } finally {
    held.prepared?.release();
    await segments.close();
    await cache.close();
    await operations.stop();
    await rm(workFolder, { recursive: true, force: true });
  }
}

type LocalRooms = Pick<AttemptServices, 'cache' | 'segments'> & { readonly operations: ShareOperations };

async function servicesOf(
  options: LocalOptions,
  { cache, operations, segments }: LocalRooms,
): Promise<{ services: AttemptServices; encoder: Omit<EncoderChoice, 'profile'> }> {
  const { job, dataDir, ffmpeg, ffprobe, signal } = options;
  const { rung, threads } = options.encoder;
  const { encoderProbe, ffmpegVersionText, inventory } = await takeInventory({
    scratchFolder: dataDir,
    queues: [],
    labels: [],
    shares: [],
    ffmpeg,
    encoder: {
      cachePath: join(dataDir, 'encoders.json'),
      ...(rung === undefined ? {} : { ladder: [encoderRung(rung)] }),
      ...(threads === undefined ? {} : { threads }),
    },
    signal,
  });
  const found = encoderProbe.encoders.find((one) => !job.enable4k || one.max === '2160p');
  if (found === undefined) throw new Error('no encoder passes the test encode on this PC');
  const encoder = {
    rung: found.rung as EncoderRungName,
    ...(threads === undefined ? {} : { threads }),
  };
  const services: AttemptServices = {
    agentId: 'local',
    workFolder: join(dataDir, 'work'),
    logsFolder: join(dataDir, 'logs'),
    mounts: job.mounts,
    cache,
    share: createOutputShare(job.mounts, operations),
    lookAtOutput: createOutputLook(job.mounts, operations),
    underway: () => [...operations.underway(), ...cache.waits()],
    scratch: endlessScratchRoom(cache, dataDir),
    ffmpeg: { ffmpeg, ffprobe, versionText: ffmpegVersionText },
    ffprobeVersion: await ffprobeVersion({ ffprobe, signal }),
    encoderFor: () => encoder,
    speeds: createRenderSpeeds({
      nowMs: () => performance.now(),
      inventory: () => inventory,
      gpuLanes: () => [],
      onRendered: () => undefined,
    }),
    segments,
    concurrency: { copy: 5, probe: 8, segments: options.segments },
    fetchLane: createFetchLane(),
    tailLane: openGate(1),
    announcedJob: () => undefined,
    nowMs: () => performance.now(),
    wallMs: () => Date.now(),
    onTrouble: (message) => options.folder.write('job.log', `${message}\n`),
  };
  return { services, encoder };
}

function assignOf(job: LocalJob): Assign {
  const fence = { term: 0, counter: 0 };
  return {
    kind: 'assign',
    ref: { jobId: job.jobId, fence },
    attemptNumber: 1,
    job: {
      jobId: job.jobId,
      userId: job.userId,
      username: job.userId,
      channelName: job.channelName,
      enable4k: job.enable4k,
      queue: 'local',
      priority: 'normal',
      submittedAtMs: Date.now(),
      logDate: '',
      timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      rateProfile: job.options?.rateProfile ?? 'studio',
      items: job.items,
      ...(job.options && { options: job.options }),
    },
    resolution: { queryMs: 0, found: 0, missing: [], resolvedAtMs: 0 },
    output: { folder: '', stagingFolder: '', finalName: `${job.jobId}.mp4` },
    limits: { softRunMs: 10_200_000, hardRunMs: 10_800_000, stallMs: 60_000, startStallMs: 120_000 },
  };
}

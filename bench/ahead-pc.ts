import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FetchLane } from '../agent/attempt/fetch-lane.ts';
import { createFetchLane } from '../agent/attempt/fetch-lane.ts';
import { createJobLog } from '../agent/attempt/job-log.ts';
import type { LogFolder } from '../agent/attempt/log-folder.ts';
import { prepare } from '../agent/attempt/prepare-step.ts';
import { createRenderSpeeds } from '../agent/attempt/render-speeds.ts';
import { renderStep } from '../agent/attempt/render-step.ts';
import { endlessScratchRoom } from '../agent/attempt/scratch-room.ts';
import type { AttemptServices } from '../agent/attempt/services.ts';
import { createUsageCount } from '../agent/attempt/usage-count.ts';
import { readFfmpegVersion } from '../agent/host/ffmpeg-version.ts';
import { openContentCache } from '../agent/media/content-cache.ts';
import { openGate } from '../agent/media/gate.ts';
import { growthLimitsDefault } from '../agent/media/growth.ts';
import { ffprobeVersion } from '../agent/media/probe-files.ts';
import { createShareOperations } from '../agent/media/share-operations.ts';
import { openSegmentStore } from '../agent/render/segment-store.ts';
import type { Assign, ResolvedItem } from '../proto/index.ts';

/** Its files were written a moment ago, and nobody writes on. */
const growth = { ...growthLimitsDefault, settleMs: 0 };

/** A PC with the agent's own steps, without a controller. */
export interface BenchPc extends AsyncDisposable {
  readonly services: AttemptServices;
  /** Of its own, so that what is copied beside a render is always new. */
  readonly other: AttemptServices['cache'];
  emptyOther(): Promise<void>;
  render(
    jobId: string,
    items: readonly ResolvedItem[],
    onFirstSegment: () => void,
    onFetched?: () => void,
  ): Promise<{ readonly fetchMs: number; readonly renderMs: number; readonly bytes: number }>;
}

export async function openPc(
  folder: string,
  name: string,
  { copies, command }: { readonly copies: number; readonly command?: readonly string[] },
): Promise<BenchPc> {
  const data = join(folder, name);
  await mkdir(data);
  const operations = createShareOperations({
    concurrency: copies,
    ...(command === undefined ? {} : { command: { file: process.execPath, args: command } }),
  });
  const openCache = (part: string) =>
    openContentCache({ folder: join(data, part), bytesMax: Number.MAX_SAFE_INTEGER, operations, growth });
  const cache = await openCache('cache');
  let other = await openCache('other-0');
  let opened = 1;
  const spent = { fetchMs: 0 };
  const services = await servicesOf(folder, data, {
    cache,
    operations,
    copies,
    lane: timed(createFetchLane({ copies }), spent),
  });
  return {
    services,
    get other() {
      return other;
    },
    async emptyOther() {
      await other.close();
      await rm(join(data, `other-${opened - 1}`), { recursive: true, force: true });
      other = await openCache(`other-${opened}`);
      opened += 1;
    },
    async render(jobId, items, onFirstSegment, onFetched) {
      const assign = assignOf(jobId, items);
      const log = createJobLog(assign, silent, () => Date.now());
      const workFolder = join(data, jobId);
      await mkdir(workFolder);
      const step = { assign, services, log, workFolder, signal: new AbortController().signal };
      spent.fetchMs = 0;
      const prepared = await prepare(step);
      onFetched?.();
      const startedMs = performance.now();
      let segments = 0;
      await renderStep({
        ...{ ...step, board: prepared.board, folder: silent, usage: createUsageCount(services.nowMs) },
        onProgress: () => undefined,
        onSegment: () => (segments += 1) === 1 && onFirstSegment(),
        onEncoded: () => undefined,
      });
      prepared.release();
      const bytes = prepared.files.reduce((sum, file) => sum + file.sizeBytes, 0);
      return { fetchMs: spent.fetchMs, renderMs: performance.now() - startedMs, bytes };
    },
    async [Symbol.asyncDispose]() {
      for (const one of [cache, other]) await one.close();
      await operations.stop();
      await rm(data, { recursive: true, force: true });
    },
  };
}

/** Counts how long assigned jobs fetch. */
function timed(lane: FetchLane, spent: { fetchMs: number }): FetchLane {
  return {
    ...lane,
    enter() {
      const startedMs = performance.now();
      const leave = lane.enter();
      return () => {
        spent.fetchMs += performance.now() - startedMs;
        leave();
      };
    },
  };
}

interface Parts {
  readonly cache: AttemptServices['cache'];
  readonly operations: ReturnType<typeof createShareOperations>;
  readonly copies: number;
  readonly lane: FetchLane;
}

async function servicesOf(
  folder: string,
  data: string,
  { cache, operations, copies, lane }: Parts,
): Promise<AttemptServices> {
  const nobody = (): never => {
    throw new Error('a bench publishes nothing');
  };
  const { text } = await readFfmpegVersion();
  return {
    agentId: 'bench',
    workFolder: data,
    logsFolder: data,
    mounts: { clips: { roots: ['\\\\farm\\Clips'], localPath: join(folder, 'share') } },
    cache,
    share: { locate: nobody } as unknown as AttemptServices['share'],
    lookAtOutput: nobody,
    underway: () => operations.underway(),
    scratch: endlessScratchRoom(cache, data),
    ffmpeg: { ffmpeg: 'ffmpeg', ffprobe: 'ffprobe', versionText: text },
    ffprobeVersion: await ffprobeVersion(),
    encoderFor: () => ({ rung: 'libx264' }),
    speeds: createRenderSpeeds({
      nowMs: () => performance.now(),
      inventory: () => ({ speeds: [], concurrentSpeeds: [] }),
      gpuLanes: () => [],
      onRendered: () => undefined,
    }),
    // As good as none: every segment is rendered.
    segments: openSegmentStore({ folder: join(data, 'segments'), bytesMax: 1, madeBy: 'bench' }),
    concurrency: { copy: copies, probe: 8, segments: 1 },
    fetchLane: lane,
    tailLane: openGate(1),
    announcedJob: () => undefined,
    nowMs: () => performance.now(),
    wallMs: () => Date.now(),
    onTrouble: (message) => process.stderr.write(`${message}\n`),
  };
}

const silent: LogFolder = {
  write: () => undefined,
  flush: () => Promise.resolve(),
  belongsTo: () => undefined,
  close: () => Promise.resolve(),
};

export function itemOf(position: number, name: string): ResolvedItem {
  return { position, itemType: 'video', path: `\\\\farm\\Clips\\${name}` };
}

function assignOf(jobId: string, items: readonly ResolvedItem[]): Assign {
  return {
    kind: 'assign',
    ref: { jobId, fence: { term: 0, counter: 0 } },
    attemptNumber: 1,
    job: {
      ...{ jobId, userId: 'bench', username: 'bench', channelName: 'Bench', enable4k: false, items },
      ...{ queue: 'bench', priority: 'normal', submittedAtMs: 0, logDate: '', timeZone: 'UTC' },
      rateProfile: 'studio',
    },
    resolution: { queryMs: 0, found: 0, missing: [], resolvedAtMs: 0 },
    output: { folder: '', stagingFolder: '', finalName: `${jobId}.mp4` },
    limits: { softRunMs: 1e7, hardRunMs: 1e7, stallMs: 60_000, startStallMs: 120_000 },
  };
}

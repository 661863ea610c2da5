import { copyFile, mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { TestContext } from 'node:test';
import { createAttempts } from '../../agent/attempt/attempts.ts';
import { createFetchLane } from '../../agent/attempt/fetch-lane.ts';
import { createOutputLook } from '../../agent/attempt/output-room.ts';
import { createOutputShare } from '../../agent/attempt/output-share.ts';
import { createRenderSpeeds } from '../../agent/attempt/render-speeds.ts';
import { endlessScratchRoom } from '../../agent/attempt/scratch-room.ts';
import type { AttemptServices } from '../../agent/attempt/services.ts';
import type { AttemptReport } from '../../agent/core/inputs.ts';
import { openContentCache } from '../../agent/media/content-cache.ts';
import { openGate } from '../../agent/media/gate.ts';
import { growthLimitsDefault } from '../../agent/media/growth.ts';
import { createShareOperations, type ShareOperations } from '../../agent/media/share-operations.ts';
import type { CopyRequest, ShareRequest } from '../../agent/media/share-protocol.ts';
import { openSegmentStore } from '../../agent/render/segment-store.ts';
import type { Assign, FinishedOutcome, ResolvedItem } from '../../proto/index.ts';
import { assignment, jobRef } from './agent-core.ts';
import { inventory } from './agent-messages.ts';
import { tempFolder } from './temp-folder.ts';

type ReportOf<T extends AttemptReport['type']> = Extract<AttemptReport, { type: T }>;

/** Everything that attempts need, with real FFmpeg, and a share whose copies the test holds back. */
export interface AttemptRoom {
  readonly services: AttemptServices;
  readonly attempts: ReturnType<typeof createAttempts>;
  readonly reports: readonly AttemptReport[];
  readonly at: (name: string) => string;
  /** Puts a file on the source share, and makes an item of it. */
  item(position: number, file: string, of?: Partial<ResolvedItem>): Promise<ResolvedItem>;
  assign(items: readonly ResolvedItem[]): Assign;
  /** No copy of this name begins until it is let go. */
  hold(name: string): () => void;
  /** Resolves with the first report that fits, told before or after. */
  reported<T extends AttemptReport['type']>(
    type: T,
    fits?: (report: ReportOf<T>) => boolean,
  ): Promise<ReportOf<T>>;
  /** How the attempt ended, once it has. */
  ended(): Promise<FinishedOutcome>;
}

export async function openAttemptRoom(
  t: TestContext,
  changes: Partial<AttemptServices> = {},
): Promise<AttemptRoom> {
  const folder = await tempFolder(t);
  const at = (name: string): string => join(folder, name);
  for (const name of ['clips', 'out', 'work', 'logs']) await mkdir(at(name));
  const mounts = {
    clips: { roots: ['\\\\nas\\Clips'], localPath: at('clips') },
    results: { roots: ['\\\\nas\\Out'], localPath: at('out') },
  };
  const held = new Map<string, PromiseWithResolvers<undefined>>();
  const operations = createShareOperations();
  t.after(() => operations.stop());
  const growth = { ...growthLimitsDefault, settleMs: 0 };
  const cache = await openContentCache({
    ...{ folder: at('cache'), bytesMax: 1e9, operations: holding(operations, held), freeBytesMin: 0, growth },
  });
  t.after(() => cache.close());
  const onTrouble = (message: string, error?: unknown): void => {
    throw new Error(message, { cause: error });
  };
  const segments = openSegmentStore({ folder: at('segments'), bytesMax: 1e9, madeBy: 'test', onTrouble });
  t.after(() => segments.close());
  const services: AttemptServices = {
    ...{ agentId: 'pc1', workFolder: at('work'), logsFolder: at('logs'), mounts, cache, segments, onTrouble },
    share: createOutputShare(mounts, operations),
    lookAtOutput: createOutputLook(mounts, operations),
    underway: () => operations.underway(),
    scratch: endlessScratchRoom(cache, '/work'),
    ffmpeg: { ffmpeg: 'ffmpeg', ffprobe: 'ffprobe', versionText: 'test' },
    ffprobeVersion: 'test',
    encoderFor: () => ({ rung: 'libx264', threads: 1 }),
    speeds: createRenderSpeeds({
      nowMs: () => performance.now(),
      inventory: () => inventory(),
      gpuLanes: () => [],
      onRendered: () => undefined,
    }),
    concurrency: { copy: 5, probe: 8, segments: 1 },
    fetchLane: createFetchLane(),
    tailLane: openGate(1),
    announcedJob: () => undefined,
    nowMs: () => performance.now(),
    wallMs: () => Date.now(),
    ...changes,
  };
  const heard = listen();
  const attempts = createAttempts(services, (_ref, report) => heard.tell(report));
  t.after(() => attempts.stopAll());

  return {
    ...{ services, attempts, at, reports: heard.reports, reported: heard.reported },
    async item(position, file, of = {}) {
      const name = `${position}-${basename(file)}`;
      await copyFile(file, at(join('clips', name)));
      return { position, itemType: 'video', path: `\\\\nas\\Clips\\${name}`, ...of };
    },
    assign(items) {
      const plain = assignment(jobRef('job-a', 4));
      return { ...plain, job: { ...plain.job, items } };
    },
    hold(name) {
      const one = Promise.withResolvers<undefined>();
      held.set(name, one);
      return () => one.resolve(undefined);
    },
    ended: async () => (await heard.reported('ended')).finished,
  };
}

/** Copies wait for who holds them; whoever gives up waits no longer. */
function holding(
  operations: ShareOperations,
  held: ReadonlyMap<string, PromiseWithResolvers<undefined>>,
): ShareOperations {
  return {
    ...operations,
    call: async (request, options) => {
      const one = isCopy(request) ? held.get(basename(request.path)) : undefined;
      const { signal } = options ?? {};
      const given = new Promise<void>((resolve) => {
        if (signal?.aborted === true) resolve();
        signal?.addEventListener('abort', () => resolve(), { once: true });
      });
      if (one !== undefined) await Promise.race([one.promise, given]);
      signal?.throwIfAborted();
      return await operations.call(request, options);
    },
  };
}

/** The compiler cannot tell by the type parameter of `call`. */
function isCopy(request: ShareRequest): request is CopyRequest {
  return request.op === 'copy';
}

function listen() {
  const reports: AttemptReport[] = [];
  const waiting = new Set<(report: AttemptReport) => void>();
  const reported: AttemptRoom['reported'] = (type, fits = () => true) => {
    const isIt = (report: AttemptReport): report is ReportOf<typeof type> =>
      report.type === type && fits(report as ReportOf<typeof type>);
    const found = reports.find(isIt);
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve, reject) => {
      const listener = (report: AttemptReport): void => {
        if (isIt(report)) resolve(report);
        else if (report.type === 'ended')
          reject(new Error(`it ended before: ${report.finished.message ?? ''}`));
        else return;
        waiting.delete(listener);
      };
      waiting.add(listener);
    });
  };
  return {
    reports,
    reported,
    tell(report: AttemptReport): void {
      reports.push(report);
      for (const listener of [...waiting]) listener(report);
    },
  };
}

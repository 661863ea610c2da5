import type { Announce, PrefetchReport } from '../../proto/index.ts';
import type { FetchedFile } from '../media/fetch.ts';
import { prefetchItems } from '../media/prefetch.ts';
import type { AttemptServices } from './services.ts';

/** Jobs whose files are fetched ahead. */
export interface Prefetches {
  start(announce: Announce): void;
  /**
   * `assigned`: the attempt shares the copies that are under way, so that they go on to their end, unreported.
   * Otherwise what is being copied is given up; what is here stays in the cache.
   */
  stop(announcementId: string, why: 'withdrawn' | 'assigned' | 'shutdown'): void;
  /** The announced job that is fetched or was fetched last. */
  current(): string | undefined;
  /**
   * A job needs their room: ends those that fetch, hints first, then what was assigned meanwhile. Says whether there was
   * one; resolves when they have ended.
   */
  giveWay(): Promise<boolean>;
  /** Ends all of them. */
  stopAll(): Promise<void>;
}

export type PrefetchServices = Pick<
  AttemptServices,
  'mounts' | 'cache' | 'concurrency' | 'ffmpeg' | 'ffprobeVersion' | 'fetchLane' | 'nowMs'
>;

type Report = (report: Omit<PrefetchReport, 'kind'>) => void;

interface Running {
  readonly jobId: string;
  readonly abort: AbortController;
  readonly done: Promise<void>;
  isFetching: boolean;
}

/** Between two words about the same announcement that only say that there is more. */
const reportEveryMs = 1_000;

export function createPrefetches(services: PrefetchServices, report: Report): Prefetches {
  const running = new Map<string, Running>();
  const assigned = new Set<Running>();
  const ending = new AbortController();
  let latest: string | undefined;
  let started = 0;

  return {
    start(announce) {
      const abort = new AbortController();
      const signal = AbortSignal.any([abort.signal, ending.signal]);
      latest = announce.jobId;
      const tell: Report = (words) => {
        if (running.get(announce.announcementId)?.abort === abort) report(words);
      };
      started += 1;
      const done = run({ announce, services, signal, rank: started, report: tell }).finally(() => {
        known.isFetching = false;
      });
      const known: Running = { jobId: announce.jobId, abort, done, isFetching: true };
      running.set(announce.announcementId, known);
    },
    stop(announcementId, why) {
      const known = running.get(announcementId);
      if (known === undefined) return;
      running.delete(announcementId);
      if (known.jobId === latest) latest = undefined;
      if (why !== 'assigned') {
        known.abort.abort(new Error(`the announcement was ${why}`));
        return;
      }
      assigned.add(known);
      void known.done.then(() => assigned.delete(known));
    },
    current: () => latest,
    async giveWay() {
      const hints = [...running.values()].filter(({ isFetching }) => isFetching);
      // Copies that an attempt shares go on for it; those of one that has ended early are nobody's.
      const fetching = hints.length > 0 ? hints : [...assigned];
      for (const { abort } of fetching) abort.abort(new RoomNeeded());
      await Promise.all(fetching.map(({ done }) => done));
      return fetching.length > 0;
    },
    async stopAll() {
      ending.abort(new Error('the agent stops'));
      await Promise.all([...assigned, ...running.values()].map(({ done }) => done));
    },
  };
}

/** Why a prefetch ends that was not withdrawn: the controller hears of it. */
class RoomNeeded extends Error {
  override readonly name = 'RoomNeeded';

  constructor() {
    super('stopped: a job needs the room on this disk');
  }
}

interface PrefetchRun {
  readonly announce: Announce;
  readonly services: PrefetchServices;
  readonly signal: AbortSignal;
  /** The first one goes first. */
  readonly rank: number;
  readonly report: Report;
}

/** Never rejects: a hint that comes to nothing is only reported. */
async function run({ announce, services, signal, rank, report }: PrefetchRun): Promise<void> {
  const { announcementId, jobId, items } = announce;
  const { mounts, cache, fetchLane, ffmpeg, ffprobeVersion, concurrency } = services;
  const count = countFiles();
  const tell = (state: PrefetchReport['state'], message?: string): void =>
    report({
      ...{ announcementId, jobId, state },
      ...count.words(),
      ...(message === undefined ? {} : { message }),
    });
  const tellSoon = atMostEvery(reportEveryMs, services.nowMs, () => tell('fetching'));
  try {
    await fetchLane.idle(signal);
    tell('fetching');
    const message = await prefetchItems(items, {
      ...{ mounts, cache, signal },
      concurrency: concurrency.copy,
      ahead: () => fetchLane.ahead(rank),
      onMeasured({ totalBytes }) {
        count.measured(totalBytes);
        return undefined;
      },
      onFile(file) {
        count.file(file);
        tellSoon();
      },
      ffprobe: ffmpeg.ffprobe,
      ...(ffmpeg.book === undefined ? {} : { book: ffmpeg.book }),
      version: ffprobeVersion,
      // A probe reads the whole file and decodes nothing: beside FFmpeg one at a time.
      probes: () => (fetchLane.isRendering() ? 1 : concurrency.probe),
    });
    tell(message === undefined ? 'done' : 'failed', message);
  } catch (error) {
    if (signal.aborted && !(signal.reason instanceof RoomNeeded)) return;
    tell('failed', error instanceof Error ? error.message : String(error));
  }
}

/** What is here of a job, each file once however often the job shows it. */
function countFiles(): {
  measured(bytes: number): void;
  file(file: FetchedFile): void;
  words(): Pick<PrefetchReport, 'files' | 'bytes' | 'totalBytes'>;
} {
  const seen = new Set<string>();
  let files = 0;
  let bytes = 0;
  let totalBytes: number | undefined;
  return {
    measured: (all) => void (totalBytes = all),
    file({ uncPath, sizeBytes }) {
      files += 1;
      if (seen.has(uncPath)) return;
      seen.add(uncPath);
      bytes += sizeBytes;
    },
    words: () => ({ files, bytes, ...(totalBytes === undefined ? {} : { totalBytes }) }),
  };
}

function atMostEvery(ms: number, nowMs: () => number, act: () => void): () => void {
  let lastMs = nowMs();
  return () => {
    if (nowMs() - lastMs < ms) return;
    lastMs = nowMs();
    act();
  };
}

import type { Announce, PrefetchReport } from '../../proto/index.ts';
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
  /** Ends all of them. */
  stopAll(): Promise<void>;
}

type Report = (report: Omit<PrefetchReport, 'kind'>) => void;

export function createPrefetches(services: AttemptServices, report: Report): Prefetches {
  const running = new Map<string, { jobId: string; abort: AbortController; done: Promise<void> }>();
  const assigned = new Set<Promise<void>>();
  const ending = new AbortController();
  let latest: string | undefined;

  return {
    start(announce) {
      const abort = new AbortController();
      const signal = AbortSignal.any([abort.signal, ending.signal]);
      latest = announce.jobId;
      const tell: Report = (words) => {
        if (running.get(announce.announcementId)?.abort === abort) report(words);
      };
      const done = run(announce, services, tell, signal);
      running.set(announce.announcementId, { jobId: announce.jobId, abort, done });
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
      assigned.add(known.done);
      void known.done.then(() => assigned.delete(known.done));
    },
    current: () => latest,
    async stopAll() {
      ending.abort(new Error('the agent stops'));
      await Promise.all([...assigned, ...[...running.values()].map(({ done }) => done)]);
    },
  };
}

/** Never rejects: a hint that comes to nothing is only reported. */
async function run(
  announce: Announce,
  services: AttemptServices,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  const { announcementId, jobId, items } = announce;
  try {
    await services.fetchLane.idle(signal);
    report({ announcementId, jobId, state: 'fetching', files: 0, bytes: 0 });
    const { files, bytes, message } = await prefetchItems(items, {
      mounts: services.mounts,
      cache: services.cache,
      concurrency: services.concurrency.copy,
      ffprobe: services.ffmpeg.ffprobe,
      ...(services.ffmpeg.book === undefined ? {} : { book: services.ffmpeg.book }),
      version: services.ffprobeVersion,
      signal,
    });
    const state = message === undefined ? 'done' : 'failed';
    report({ announcementId, jobId, state, files, bytes, ...(message === undefined ? {} : { message }) });
  } catch (error) {
    if (signal.aborted) return;
    const message = error instanceof Error ? error.message : String(error);
    report({ announcementId, jobId, state: 'failed', files: 0, bytes: 0, message });
  }
}

import type { ResolvedItem } from '../../proto/agent-link.ts';
import { type FetchOptions, fetchItems } from './fetch.ts';
import { type ProbeFilesOptions, probeFiles } from './probe-files.ts';

export type PrefetchOptions = Omit<FetchOptions, 'workFolder' | 'hold'> &
  Omit<ProbeFilesOptions, keyof FetchOptions> & {
    /** Files that are probed at a time. @default 8 */
    readonly probes?: number;
  };

/** What an announcement achieved: the fields of a prefetch report. */
export interface Prefetched {
  readonly files: number;
  readonly bytes: number;
  readonly copiedBytes: number;
  /** What will go wrong when the job comes; the announcement itself fails nothing. */
  readonly message?: string;
}

/**
 * Fetches and probes the files of an announced job, and pins nothing: fetched bytes stay while there is room.
 * Rejects only with the signal's reason (the announcement was withdrawn).
 */
export async function prefetchItems(
  items: readonly ResolvedItem[],
  options: PrefetchOptions,
): Promise<Prefetched> {
  const fetched = await fetchItems(items, options);
  try {
    const probed = await probeFiles(fetched.files, { ...options, concurrency: options.probes ?? 8 });
    const message = [fetched.message, probed.message].filter((text) => text !== undefined).join('; ');
    const bytesOf = (files: typeof fetched.files): number =>
      files.reduce((sum, file) => sum + file.sizeBytes, 0);
    return {
      files: fetched.files.length,
      bytes: bytesOf(fetched.files),
      copiedBytes: bytesOf(fetched.files.filter((file) => !file.reused)),
      ...(message === '' ? {} : { message }),
    };
  } finally {
    fetched.release();
  }
}

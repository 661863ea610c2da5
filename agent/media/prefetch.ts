import type { ResolvedItem } from '../../proto/agent-link.ts';
import { type FetchOptions, fetchItems } from './fetch.ts';
import { type ProbeFilesOptions, probeFiles } from './probe-files.ts';

export type PrefetchOptions = Omit<FetchOptions, 'workFolder' | 'hold'> &
  Omit<ProbeFilesOptions, keyof FetchOptions> & {
    /** Files that are probed at a time; asked when all of them are here. @default 8 */
    readonly probes?: () => number;
  };

/**
 * Fetches and probes the files of an announced job, and pins nothing: fetched bytes stay while there is room. Resolves
 * with what will go wrong when the job comes; the announcement itself fails nothing. Rejects only with the signal's
 * reason (the announcement was withdrawn).
 */
export async function prefetchItems(
  items: readonly ResolvedItem[],
  options: PrefetchOptions,
): Promise<string | undefined> {
  const fetched = await fetchItems(items, options);
  try {
    const probed = await probeFiles(fetched.files, { ...options, concurrency: options.probes?.() ?? 8 });
    const messages = [fetched.message, probed.message].filter((text) => text !== undefined);
    return messages.length === 0 ? undefined : messages.join('; ');
  } finally {
    fetched.release();
  }
}

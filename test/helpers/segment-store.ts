import type { JobSegmentCache } from '../../agent/render/segment-cache.ts';
import { openSegmentStore } from '../../agent/render/segment-store.ts';

/** What one render of a test takes and keeps, in this folder. */
export function testSegments(folder: string, bytesMax = 1e9): JobSegmentCache {
  const onTrouble = (message: string, error: unknown): void => {
    throw new Error(message, { cause: error });
  };
  return openSegmentStore({ folder, bytesMax, madeBy: 'test', onTrouble }).open({ jobId: 'test' });
}

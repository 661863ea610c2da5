import type { ItemSpec, JobRecord } from './job.ts';

/** How long an image is shown when its item does not say (mission.md section 1). */
export const imageDefaultMs = 5_000;

/**
 * Length that is assumed of an item without an estimate until its agent has probed it. A guess: the studio's clips
 * are mostly between 10 s and 60 s. It only orders and places jobs, never limits them.
 */
export const unknownItemMs = 30_000;

/** What a job's items say of its size. */
export function sizeOf(
  items: readonly ItemSpec[],
): Pick<JobRecord, 'itemCount' | 'videoCount' | 'estimateMs'> {
  const videoCount = items.filter((item) => item.itemType === 'video').length;
  return { itemCount: items.length, videoCount, estimateMs: estimateMs(items) };
}

/** Estimated length of a job's output. */
export function estimateMs(items: readonly ItemSpec[]): number {
  return items.reduce(
    (sum, item) => sum + (item.durationMs ?? (item.itemType === 'image' ? imageDefaultMs : unknownItemMs)),
    0,
  );
}

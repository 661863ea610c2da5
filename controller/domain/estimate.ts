import type { ItemSpec, JobRecord } from './job.ts';

/** Frames a second of every result (mission.md section 5). */
export const framesPerSecond = 30;

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

/** Sources have about 120 MB a minute of output (scheduling.md, Targets), until an agent has looked. */
const sourceBytesPerMs = 2_000;

/** Expected size of all sources of a job, before anybody has seen them. */
export function sourceBytesOf({ estimateMs }: Pick<JobRecord, 'estimateMs'>): number {
  return estimateMs * sourceBytesPerMs;
}

/** Segments with their sound, then the result beside them. */
const copiesOnDisk = 2;
/** Megabits a second of the picture at most (mission.md section 5), and of its PCM sound. */
const megabitsMax = { hd: 20, '4k': 50, sound: 1.536 } as const;

/** Room that a job takes on its host beside its sources, at most. */
export function workBytesOf({ estimateMs, enable4k }: Pick<JobRecord, 'estimateMs' | 'enable4k'>): number {
  const megabits = (enable4k ? megabitsMax['4k'] : megabitsMax.hd) + megabitsMax.sound;
  return copiesOnDisk * ((megabits * 1e6) / 8 / 1000) * estimateMs;
}

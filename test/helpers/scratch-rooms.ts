import { createScratchRoom, type ScratchRoom } from '../../agent/attempt/scratch-room.ts';
import type { ContentCache } from '../../agent/media/content-cache.ts';

/** The room of a disk that nobody fills. */
export function endlessRoom(cache: Pick<ContentCache, 'hold' | 'spareBytes' | 'givenUp'>): ScratchRoom {
  return createScratchRoom({
    ...{ cache, workFolder: '/work', freeBytesMin: 0 },
    freeBytes: () => Promise.resolve(1e15),
    otherSpareBytes: () => Promise.resolve(0),
    endHints: () => Promise.resolve(false),
  });
}

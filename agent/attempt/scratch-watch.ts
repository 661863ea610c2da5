import type { ScratchRoom, ScratchSample } from './scratch-room.ts';

/** How the disk is looked at again and again. */
export interface ScratchWatch {
  latest(): ScratchSample;
  /** Something has changed: looks at once, or again when a look is under way. */
  nudge(): void;
  stop(): Promise<void>;
}

/** The first look is awaited; rejects with the file system's error. */
export async function watchScratch(
  room: Pick<ScratchRoom, 'sample'>,
  { onSample, everyMs = 5_000 }: { onSample: (sample: ScratchSample) => void; everyMs?: number },
): Promise<ScratchWatch> {
  let latest = await room.sample();
  let looking: Promise<void> | undefined;
  let isDue = false;

  const look = async (): Promise<void> => {
    do {
      isDue = false;
      try {
        latest = await room.sample();
        onSample(latest);
      } catch {
        // The disk does not answer: what was seen last stands, and the attempts ask for themselves.
      }
    } while (isDue);
    looking = undefined;
  };
  const nudge = (): void => {
    isDue = true;
    looking ??= look();
  };
  const timer = setInterval(nudge, everyMs);
  return {
    latest: () => latest,
    nudge,
    async stop() {
      clearInterval(timer);
      isDue = false;
      await looking;
    },
  };
}

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
  /** At most one look goes on, and one waits: it sees all that has happened by then. */
  let looking: Promise<void> = Promise.resolve();
  const waiting = { looks: 0 };

  const look = async (): Promise<void> => {
    waiting.looks = 0;
    try {
      latest = await room.sample();
      onSample(latest);
    } catch {
      // The disk does not answer: what was seen last stands, and the attempts ask for themselves.
    }
  };
  const nudge = (): void => {
    if (waiting.looks > 0) return;
    waiting.looks += 1;
    looking = looking.then(look);
  };
  const timer = setInterval(nudge, everyMs);
  return {
    latest: () => latest,
    nudge,
    async stop() {
      clearInterval(timer);
      await looking;
    },
  };
}

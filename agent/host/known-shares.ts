/**
 * Which output folder of each share was used last, and which share it said it was: so that a probe knows where to look
 * for `.renderfarm/share-id`, also after a restart. Its loss costs one look: the next assignment names the folder again.
 */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { openKeptFile } from '../kept-file.ts';

/** Shares of a farm that are remembered; more are a mistake. */
const sharesMax = 64;

const fileShape = z.record(z.string(), z.object({ folder: z.string(), identity: z.string().optional() }));
type Known = z.infer<typeof fileShape>;

export interface KnownShares {
  /** The output folder (on this PC) that was last used on a share. */
  folderOf(share: string): string | undefined;
  /** An output folder is used. */
  used(share: string, folder: string): void;
  /** What a share says that it is. Returns what it said before, where that is something else. */
  seen(share: string, identity: string): string | undefined;
  /** Waits for what is being written. */
  settled(): Promise<void>;
}

/** Opens the memory, an empty one where there is none or it is damaged. */
export async function openKnownShares(
  path: string,
  onTrouble: (message: string, error: unknown) => void,
): Promise<KnownShares> {
  const known = new Map(Object.entries(await readKnown(path)));
  const file = openKeptFile(path, onTrouble);
  const put = (share: string, value: Known[string]): void => {
    if (!known.has(share) && known.size >= sharesMax) return;
    known.set(share, value);
    file.write(JSON.stringify(Object.fromEntries(known), undefined, 2));
  };
  return {
    folderOf: (share) => known.get(share)?.folder,
    used(share, folder) {
      if (known.get(share)?.folder !== folder) put(share, { folder });
    },
    seen(share, identity) {
      const before = known.get(share);
      if (before === undefined || before.identity === identity) return undefined;
      put(share, { folder: before.folder, identity });
      return before.identity;
    },
    settled: () => file.settled(),
  };
}

async function readKnown(path: string): Promise<Known> {
  try {
    return fileShape.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return {};
  }
}

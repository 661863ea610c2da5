import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobRef } from '../../proto/index.ts';
import { attemptFolderName, logClosedFile, logOwnerFile, logOwnerPart } from './log-folder.ts';

/**
 * Closes the logs that a killed agent has left open, so that they are sent: all but those of attempts that the journal
 * still holds, which are closed when these end. A folder that does not say whose it is can be sent to nobody, and goes.
 * Rejects with the file system's error.
 */
export async function closeStrayLogs(
  logsFolder: string,
  held: readonly { readonly startedAs: JobRef }[],
): Promise<void> {
  const keep = new Set(held.map(({ startedAs }) => nameOf(startedAs)));
  for (const name of await readdir(logsFolder)) {
    const folder = join(logsFolder, name);
    const isFolder = (await stat(folder).catch(() => undefined))?.isDirectory() === true;
    if (!isFolder) continue;
    // The end of the process came between writing it and giving it its name.
    await rm(join(folder, logOwnerPart), { force: true });
    if (keep.has(name)) continue;
    if (await hasOwner(folder)) await writeFile(join(folder, logClosedFile), '', { flag: 'a' });
    else if (ownName.test(name)) await rm(folder, { recursive: true, force: true });
  }
}

/** As `attemptFolderName` makes them; anything else there is not ours to remove. */
const ownName = /^.+-\d+\.\d+$/u;

/** An attempt of an unsafe id never had a folder. */
function nameOf(ref: JobRef): string | undefined {
  try {
    return attemptFolderName(ref);
  } catch {
    return undefined;
  }
}

async function hasOwner(folder: string): Promise<boolean> {
  try {
    const owner: unknown = JSON.parse(await readFile(join(folder, logOwnerFile), 'utf8'));
    return typeof owner === 'object' && owner !== null && 'jobId' in owner && 'fence' in owner;
  } catch {
    // Torn by the end of the process or of the power.
    return false;
  }
}

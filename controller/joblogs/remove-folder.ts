import { rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf } from './log-paths.ts';
import { entriesIn, type OnStrange, ourFiles } from './survey.ts';

/**
 * Removes the files that we know of a job's folder, then folders that are empty by that, up to the date's. Nothing else:
 * what somebody has put there stays, with the folders around it. @throws what the system says
 */
export async function removeJobFolder(root: string, folder: string, onStrange: OnStrange): Promise<void> {
  const path = join(root, folder);
  const attempts = new Set<string>();
  for await (const { file, folder: inside } of ourFiles(path)) {
    await rm(file, { force: true });
    if (inside !== path) attempts.add(inside);
  }
  for (const attempt of attempts) await removeIfEmpty(attempt);
  for (const entry of await entriesIn(path)) onStrange(`${folder}/${entry.name}`);
  // The job's, `jobs`, the user's and the date's.
  for (let up = path, level = 0; level < 4; up = dirname(up), level += 1) {
    if (!(await removeIfEmpty(up))) return;
  }
}

async function removeIfEmpty(path: string): Promise<boolean> {
  try {
    await rmdir(path);
    return true;
  } catch (error) {
    // Windows says EPERM of a folder that somebody has open.
    if (['ENOTEMPTY', 'EEXIST', 'ENOENT', 'EPERM', 'EBUSY'].includes(codeOf(error) ?? '')) return false;
    throw error;
  }
}

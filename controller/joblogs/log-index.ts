import { rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isJobFolder } from './log-paths.ts';
import { readWhole, writeWhole } from './small-file.ts';

/** Beside the dates; its folders are the first two characters of a job's id. */
export const indexFolderName = '.jobs';

/**
 * Where the log of each job is, by its id: one small file a job, under the logs themselves, so that a log is found for
 * as long as it is there, by whoever has the folder. The farm forgets where it put the log of a job that leaves it.
 */
export interface LogIndex {
  /** The job's folder under the root, with `/`. */
  find(jobId: string): Promise<string | undefined>;
  put(jobId: string, folder: string): Promise<void>;
  /** Only where it still points at this folder. */
  drop(jobId: string, folder: string): Promise<void>;
}

export function openLogIndex(root: string): LogIndex {
  const pathOf = (jobId: string): string => join(root, indexFolderName, jobId.slice(0, 2), `${jobId}.json`);
  const find = async (jobId: string): Promise<string | undefined> => {
    const entry = await readWhole(pathOf(jobId));
    if (typeof entry !== 'object' || entry === null || !('folder' in entry)) return undefined;
    const { folder } = entry;
    return typeof folder === 'string' && isJobFolder(folder, jobId) ? folder : undefined;
  };
  return {
    find,
    async put(jobId, folder) {
      if ((await find(jobId)) !== folder) await writeWhole(pathOf(jobId), { version: 1, folder });
    },
    async drop(jobId, folder) {
      if ((await find(jobId)) !== folder) return;
      await rm(pathOf(jobId), { force: true });
      // Not empty: others are there.
      await rmdir(dirname(pathOf(jobId))).catch(() => undefined);
    },
  };
}

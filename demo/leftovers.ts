import { watch } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { agentIds, type DemoFolders } from './folders.ts';

/** What may stay below the staging root: the identity of the share (protocol: a share proves that it is the same). */
const shareIdentity = 'share-id';

/** Compares the folders with what a clean end leaves: a sentence for each thing that is too much or too little. */
export async function findLeftovers(folders: DemoFolders, resultFiles: readonly string[]): Promise<string[]> {
  const problems: string[] = [];
  const results = await filesIn(folders.results);
  for (const file of resultFiles) {
    if (!results.includes(file)) problems.push(`${join(folders.results, file)} is missing`);
  }
  for (const file of results) {
    const isStaging = file === join('.renderfarm', shareIdentity);
    if (!isStaging && !resultFiles.includes(file)) {
      problems.push(`${join(folders.results, file)} should not be there`);
    }
  }
  for (const agentId of agentIds) {
    const work = join(folders.cacheOf(agentId), 'work');
    for (const file of await filesIn(work)) problems.push(`${join(work, file)} was left behind`);
  }
  return problems;
}

/** What a job's log folder has to have; one that never came to FFmpeg has only the first. */
const logFiles = ['job.log', 'ffmpeg_cmd.txt', 'ffmpeg_stderr.txt'] as const;

/** Files of job folders that are not there: a sentence each. */
export async function findMissingLogs(
  folders: DemoFolders,
  jobs: readonly { readonly jobId: string; readonly cameToFfmpeg: boolean }[],
): Promise<readonly string[]> {
  const files = (await filesIn(folders.logs)).map((file) => file.replaceAll('\\', '/'));
  return jobs.flatMap(({ jobId, cameToFfmpeg }) =>
    (cameToFfmpeg ? logFiles : logFiles.slice(0, 1))
      .filter((name) => !files.some((file) => file.endsWith(`_${jobId}/${name}`)))
      .map((name) => `${name} of job ${jobId} is missing below ${folders.logs}`),
  );
}

/** Resolves when the agents have handed in all their job logs; without a result when the signal comes first. */
export async function untilLogsAreSent(folders: DemoFolders, signal: AbortSignal): Promise<void> {
  await Promise.all(agentIds.map((agentId) => untilEmpty(join(folders.cacheOf(agentId), 'logs'), signal)));
}

async function untilEmpty(folder: string, signal: AbortSignal): Promise<void> {
  const isEmpty = async (): Promise<boolean> => (await readdir(folder).catch(() => [])).length === 0;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const look = (): void => void isEmpty().then((empty) => (empty ? resolve(undefined) : undefined));
  const giveUp = (): void => resolve(undefined);
  signal.addEventListener('abort', giveUp);
  const watcher = watch(folder, look);
  // Only now: what ends before the watcher looks would be missed.
  look();
  if (signal.aborted) giveUp();
  try {
    await promise;
  } finally {
    signal.removeEventListener('abort', giveUp);
    watcher.close();
  }
}

/** Paths relative to the folder, of everything that is no folder; none where it is not there. */
async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

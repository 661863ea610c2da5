import { randomUUID } from 'node:crypto';
import { lstat, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The agent's folder cannot be made or written. */
export class DataDirError extends Error {
  override readonly name = 'DataDirError';
  readonly code = 'DATA_DIR_UNUSABLE';

  constructor(path: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`DATA_DIR_UNUSABLE: ${path} cannot hold the agent's data: ${reason}`, { cause });
  }
}

/**
 * Makes the folder and writes a file there, before anything relies on it. Throws DataDirError. Not Node's recursive
 * mkdir: where a file system refuses new folders with ENOENT (procfs does) that one never returns.
 */
export async function prepareDataDir(path: string): Promise<void> {
  try {
    await makeFolder(path);
    const probe = join(path, `.probe-${randomUUID()}`);
    await writeFile(probe, '');
    await rm(probe);
  } catch (error) {
    throw new DataDirError(path, error);
  }
}

async function makeFolder(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found !== undefined) return;
  const parent = dirname(path);
  if (parent !== path) await makeFolder(parent);
  await mkdir(path).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  });
}

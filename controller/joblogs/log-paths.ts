import { join } from 'node:path';
import type { LogFileName } from '../domain/log-files.ts';
import { safeName } from '../domain/names.ts';

/** The files of a job's folder that agents write, by the name that they have there too. */
export const logFileNames: readonly LogFileName[] = ['job.log', 'ffmpeg_cmd.txt', 'ffmpeg_stderr.txt'];

/** All attempts write into one job.log; the other files of a later attempt are in a folder of their own. */
export function filePath(folder: string, file: LogFileName, attempt: number): string {
  return file === 'job.log' || attempt === 1
    ? join(folder, file)
    : join(folder, attemptFolderName(attempt), file);
}

export function attemptFolderName(attempt: number): string {
  return `attempt-${attempt}`;
}

/** A job's folder under the root: made by `logFolder`, and read from an index that somebody may have written into. */
export function isJobFolder(folder: string, jobId: string): boolean {
  const [date = '', user = '', jobs, name = '', ...more] = folder.split('/');
  return (
    more.length === 0 &&
    dateName.test(date) &&
    jobs === 'jobs' &&
    name.endsWith(`_${jobId}`) &&
    [user, name].every((part) => part !== '' && safeName(part) === part)
  );
}

/** `YYYY-MM-DD` */
export const dateName = /^\d{4}-\d{2}-\d{2}$/u;

const uuidAtEnd = /_([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/u;

/** Whose folder it is, by its name. */
export function jobIdOf(folderName: string): string | undefined {
  return uuidAtEnd.exec(folderName)?.[1];
}

/** `undefined` for what is not there, or below something that is no folder. */
export async function orAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** What the system calls an error. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobRef } from '../../proto/index.ts';
import { fenceText, logBytesMax } from '../../proto/index.ts';
import { openLogWriter } from './log-writer.ts';

/** The files of an attempt's log, as they are named here and in the controller's job folder. */
export const logFiles = {
  jobLog: 'job.log',
  command: 'ffmpeg_cmd.txt',
  stderr: 'ffmpeg_stderr.txt',
} as const;

export type LogFileName = (typeof logFiles)[keyof typeof logFiles];

/** Whose log a folder holds; written first, so that an agent that starts anew knows what to send. */
export const logOwnerFile = 'attempt.json';
/** What it is called until it is whole. */
export const logOwnerPart = `${logOwnerFile}.part`;
/** Present once nothing more is written to the folder: it goes when all of it was sent. */
export const logClosedFile = 'closed';

/** A job id that could lead out of the folder that it names. Ids are UUIDs; anything that looks like one is taken. */
export class UnsafeJobIdError extends Error {
  override readonly name = 'UnsafeJobIdError';
  readonly code = 'JOB_ID_UNSAFE';

  constructor(jobId: string) {
    super(`JOB_ID_UNSAFE: ${JSON.stringify(jobId.slice(0, 200))} cannot be part of a folder's name`);
  }
}

const safeJobId = /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/u;

/** The folder's name: `<job>-<term>.<counter>`, as the work folder's. Throws UnsafeJobIdError. */
export function attemptFolderName(ref: JobRef): string {
  if (!safeJobId.test(ref.jobId)) throw new UnsafeJobIdError(ref.jobId);
  return `${ref.jobId}-${fenceText(ref.fence)}`;
}

/** The log of one attempt on this PC's disk, kept until the controller has it all. */
export interface LogFolder {
  /** Adds to a file, in the order of the calls. Never throws: a log is not worth a job. */
  write(file: LogFileName, text: string): void;
  /** Whose log it is from now on: the attempt was adopted under a new fence. The folder keeps its name. */
  belongsTo(ref: JobRef): void;
  /** Waits for what was written so far, and lets go of the files; the folder is gone on with later. */
  flush(): Promise<void>;
  /** Waits for what was written, and marks the folder as ready to be sent. Idempotent. */
  close(): Promise<void>;
}

/** Whether an attempt of an earlier process has a log that was not closed: what is closed may have been sent. */
export async function isLogOpen(logsFolder: string, startedAs: JobRef): Promise<boolean> {
  const names = await readdir(join(logsFolder, attemptFolderName(startedAs))).catch(() => undefined);
  return names?.includes(logClosedFile) === false;
}

export interface LogFolderOptions {
  /** What the folder is named after. @default ref */
  readonly startedAs?: JobRef;
  /** @default logBytesMax */
  readonly bytesMax?: Readonly<Record<LogFileName, number>>;
}

/** Makes the folder, or goes on with it. */
export async function openLogFolder(
  logsFolder: string,
  ref: JobRef,
  onTrouble: (message: string, error: unknown) => void,
  { startedAs = ref, bytesMax = logBytesMax }: LogFolderOptions = {},
): Promise<LogFolder> {
  const folder = join(logsFolder, attemptFolderName(startedAs));
  await mkdir(folder, { recursive: true });
  await writeOwner(folder, ref);
  const writer = openLogWriter(folder, bytesMax, (error) =>
    onTrouble(`the log in ${folder} is not whole`, error),
  );
  let isClosed = false;
  return {
    write(file, text) {
      if (!isClosed) writer.write(file, text);
    },
    belongsTo(owner) {
      if (!isClosed) writer.later(() => writeOwner(folder, owner));
    },
    flush: () => writer.flush(),
    async close() {
      if (!isClosed) {
        isClosed = true;
        writer.later(() => writer.sayMissing());
        void writer.flush();
        writer.later(() => writeFile(join(folder, logClosedFile), ''));
      }
      await writer.flush();
    },
  };
}

/** Read while it is written: it is there whole, or as it was. */
async function writeOwner(folder: string, owner: JobRef): Promise<void> {
  const part = join(folder, logOwnerPart);
  await writeFile(part, JSON.stringify(owner));
  await rename(part, join(folder, logOwnerFile));
}

import type { Dirent } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { indexFolderName } from './log-index.ts';
import { dateName, jobIdOf, logFileNames, orAbsent } from './log-paths.ts';
import { partsIndexName } from './parts.ts';
import { wholeMarksName } from './whole-marks.ts';

/** A job's folder on the disk. */
export interface FoundFolder {
  /** Under the root, with `/`. */
  readonly folder: string;
  readonly date: string;
  readonly jobId: string;
  /** Of the files that we know; others are not ours. */
  readonly bytes: number;
  /** When one of them was last written (Unix ms). */
  readonly changedMs: number;
}

/** Told of entries that are not ours, by their path under the root. */
export type OnStrange = (path: string) => void;

/** Not ours, and no reason to wonder. */
const knownGuests: readonly string[] = [indexFolderName, 'README.md', '.gitignore', '.gitkeep', 'lost+found'];

/** Every job folder, oldest date first. Links are entries that are not ours: what they point at is never looked at. */
export async function* surveyLogs(root: string, onStrange: OnStrange): AsyncGenerator<FoundFolder> {
  const isGuest = ({ name }: Dirent): boolean => knownGuests.includes(name);
  const at = (path: string, isOurs: (name: string) => boolean) => foldersIn(root, path, isOurs, onStrange);
  for (const date of await foldersIn(root, '', (name) => dateName.test(name), onStrange, isGuest)) {
    for (const user of await at(date, () => true)) {
      const [jobs] = await at(`${date}/${user}`, (name) => name === 'jobs');
      if (jobs === undefined) continue;
      for (const name of await at(`${date}/${user}/jobs`, (each) => jobIdOf(each) !== undefined)) {
        const folder = `${date}/${user}/jobs/${name}`;
        yield { folder, date, jobId: jobIdOf(name) ?? '', ...(await measured(join(root, folder))) };
      }
    }
  }
}

async function foldersIn(
  root: string,
  path: string,
  isOurs: (name: string) => boolean,
  onStrange: OnStrange,
  isGuest: (entry: Dirent) => boolean = () => false,
): Promise<readonly string[]> {
  const entries = await entriesIn(join(root, path));
  const ours = entries.filter((entry) => entry.isDirectory() && isOurs(entry.name));
  for (const entry of entries) {
    if (!ours.includes(entry) && !isGuest(entry))
      onStrange(path === '' ? entry.name : `${path}/${entry.name}`);
  }
  return ours.map(({ name }) => name).sort();
}

/** How much there is of our files in a job's folder, and when one of them last changed. */
export async function measured(path: string): Promise<Pick<FoundFolder, 'bytes' | 'changedMs'>> {
  let bytes = 0;
  let changedMs = 0;
  for await (const { file } of ourFiles(path)) {
    const found = await orAbsent(lstat(file));
    bytes += found?.size ?? 0;
    changedMs = Math.max(changedMs, found?.mtimeMs ?? 0);
  }
  return { bytes, changedMs };
}

/** What a job folder, or an attempt's folder in it, is made of. */
const ourNames: readonly string[] = [
  ...logFileNames,
  ...[partsIndexName, wholeMarksName].flatMap((name) => [name, `${name}.new`]),
];
const attemptName = /^attempt-\d{1,9}$/u;

/** Our files in a job folder, those of attempts' folders before these. */
export async function* ourFiles(
  path: string,
): AsyncGenerator<{ readonly file: string; readonly folder: string }> {
  for (const entry of await entriesIn(path)) {
    const inside = join(path, entry.name);
    if (entry.isDirectory() && attemptName.test(entry.name)) yield* ourFiles(inside);
    else if (entry.isFile() && ourNames.includes(entry.name)) yield { file: inside, folder: path };
  }
}

/** Everything in a folder; nothing where it is not there. */
export async function entriesIn(path: string): Promise<readonly Dirent[]> {
  return (await orAbsent(readdir(path, { withFileTypes: true }))) ?? [];
}

import { readFile, rename, writeFile } from 'node:fs/promises';
import process from 'node:process';

/** What was found out of a content, and by what. */
interface Note<T> {
  readonly key: string;
  readonly value: T;
}

/** What was noted under this very key; undefined where nothing was, or where it cannot be read. */
export async function readNote<T>(path: string, key: string): Promise<T | undefined> {
  try {
    // Written whole by ourselves, under this key: its shape is known.
    const note = JSON.parse(await readFile(path, 'utf8')) as Partial<Note<T>> | null;
    return note?.key === key ? note.value : undefined;
  } catch {
    return undefined;
  }
}

/** A note only saves work: one that cannot be written is left out, and the work done again. */
export async function writeNote(path: string, key: string, value: unknown): Promise<void> {
  const part = `${path}.${process.pid}.part`;
  try {
    await writeFile(part, JSON.stringify({ key, value } satisfies Note<unknown>));
    await rename(part, path);
  } catch {
    // So it is.
  }
}

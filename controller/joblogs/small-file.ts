import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { orAbsent } from './log-paths.ts';

/** Readers see the old file or the new one, also after a crash. */
export async function writeWhole(path: string, content: object): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, JSON.stringify(content), { flush: true });
  await rename(`${path}.new`, path);
}

/** What `writeWhole` left there; undefined: nothing, or nothing that we wrote. */
export async function readWhole(path: string): Promise<unknown> {
  const text = await orAbsent(readFile(path, 'utf8'));
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

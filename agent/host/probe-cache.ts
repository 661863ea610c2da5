import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A hash of everything that something depends on. */
export function fingerprintOf(facts: unknown): string {
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}

/** What a file keeps under a fingerprint; undefined where there is none, a torn one, or one of another fingerprint. */
export async function readKept(path: string, fingerprint: string): Promise<unknown> {
  try {
    const file = JSON.parse(await readFile(path, 'utf8')) as { fingerprint?: unknown; kept?: unknown } | null;
    return file?.fingerprint === fingerprint ? file.kept : undefined;
  } catch {
    return undefined;
  }
}

/** Writes it whole or not at all. Callers write one after another. Rejects with what the disk says. */
export async function writeKept(path: string, fingerprint: string, kept: unknown): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const part = `${path}.${process.pid}.part`;
  await writeFile(part, JSON.stringify({ fingerprint, kept }, undefined, 2), { flush: true });
  await rename(part, path);
}

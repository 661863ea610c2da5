import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { writeWhole } from '../kept-file.ts';

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
  await writeWhole(path, keptText(fingerprint, kept));
}

/** What `readKept` reads. */
export function keptText(fingerprint: string, kept: unknown): string {
  return JSON.stringify({ fingerprint, kept }, undefined, 2);
}

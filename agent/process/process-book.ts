/**
 * Which processes an agent has started: a small file for each, named after its pid, gone when it has ended. What a killed
 * agent left is found by it at the next start. Guarantee: a process is ended only when its pid *and* its start are those
 * that were written down, so that a pid which another program has by now harms nobody.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { z } from 'zod';
import { parseStat } from './process-table.ts';

export interface ProcessBook {
  /** Writes a started process down; returns how to strike it out. Never throws: a book is not worth a job. */
  note(pid: number): () => void;
}

const entryShape = z.object({
  pid: z.number().int().positive(),
  /** Linux: which boot, and the ticks since it. */
  start: z.string().optional(),
  /** By this PC's clock, for systems without procfs. */
  notedAtMs: z.number(),
});
export type BookEntry = z.infer<typeof entryShape>;

export function openProcessBook(folder: string): ProcessBook {
  mkdirSync(folder, { recursive: true });
  return {
    note(pid) {
      const path = join(folder, `${pid}.json`);
      try {
        const start = startOf(pid);
        const entry: BookEntry = { pid, notedAtMs: Date.now(), ...(start === undefined ? {} : { start }) };
        // Synchronous: between the start and the note the agent may be killed, and nothing else happens meanwhile.
        writeFileSync(path, JSON.stringify(entry));
      } catch {
        // Its folder is full or gone: on Linux it is still found by the folder that it works in.
      }
      return () => {
        try {
          rmSync(path, { force: true });
        } catch {
          // A start that is no longer anybody's harms nobody.
        }
      };
    },
  };
}

/** What a book names. A file that was torn by a kill is passed over. */
export async function readEntries(folder: string): Promise<readonly BookEntry[]> {
  const names = await readdir(folder).catch(() => []);
  const found = await Promise.all(
    names.map(async (name) => {
      try {
        return entryShape.parse(JSON.parse(await readFile(join(folder, name), 'utf8')));
      } catch {
        // Torn by the very kill that we clean up after.
        return undefined;
      }
    }),
  );
  return found.filter((entry) => entry !== undefined);
}

/** When a process began; undefined where it cannot be told, or it runs no more. */
export function startOf(pid: number): string | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const entry = parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    return entry === undefined ? undefined : `${boot} ${entry.startTicks}`;
  } catch {
    return undefined;
  }
}

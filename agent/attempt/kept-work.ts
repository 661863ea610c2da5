/**
 * Work folders of failed attempts, for people to look into: where a job asked for it. Guarantee: never more of them, more
 * bytes or older ones than the limits say, and they are the first to go when a job needs the room.
 */
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FinishedOutcome } from '../../proto/index.ts';

export interface KeptWorkLimits {
  readonly countMax: number;
  /** All files of all folders. What is linked from a cache counts in full: it is held. */
  readonly bytesMax: number;
  readonly daysMax: number;
}

export interface KeptWork {
  /** Moves a work folder here. Resolves with its place; undefined when it cannot be kept, and is still where it was. */
  keep(workFolder: string, name: string): Promise<string | undefined>;
  /** Removes the oldest; false when there is none. */
  giveUp(): Promise<boolean>;
}

export interface KeptFolder {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly keptAtMs: number;
}

/** Its time of change is when the folder was kept: that of the folder itself changes with what people do in it. */
const markName = 'kept';
const dayMs = 86_400_000;

/** Thins it out once in the background: what is too old goes also where nothing fails any more. */
export function openKeptWork(
  folder: string,
  limits: KeptWorkLimits,
  onTrouble: (message: string, error?: unknown) => void,
  wallMs: () => number = Date.now,
): KeptWork {
  const thinned = async (): Promise<void> => {
    for (const { path } of tooMuch(await listKept(folder), limits, wallMs()))
      await rm(path, { recursive: true, force: true, maxRetries: 3 });
  };
  void thinned().catch((error: unknown) => onTrouble(`${folder} could not be thinned out`, error));
  return {
    async keep(workFolder, name) {
      const path = join(folder, name);
      try {
        await mkdir(folder, { recursive: true });
        await rm(path, { recursive: true, force: true });
        await writeFile(join(workFolder, markName), '');
        await rename(workFolder, path);
        await thinned();
        if (await stat(path).catch(() => undefined)) return path;
        onTrouble(`${name} is larger than keepFailed.bytesMax, or none may be kept: it is removed`);
        return undefined;
      } catch (error) {
        onTrouble(`${workFolder} could not be kept`, error);
        return undefined;
      }
    },
    async giveUp() {
      const oldest = (await listKept(folder)).at(-1);
      if (oldest !== undefined) await rm(oldest.path, { recursive: true, force: true, maxRetries: 3 });
      return oldest !== undefined;
    },
  };
}

/** What is kept in that folder, the newest first. */
export async function listKept(folder: string): Promise<readonly KeptFolder[]> {
  const found: KeptFolder[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, entry.name);
    const mark = await stat(join(path, markName)).catch(() => undefined);
    if (!entry.isDirectory() || mark === undefined) continue;
    found.push({ name: entry.name, path, bytes: await bytesIn(path), keptAtMs: mark.mtimeMs });
  }
  return found.toSorted((a, b) => b.keptAtMs - a.keptAtMs);
}

/** Pure. Whatever does not fit after the newer ones, and what is too old. */
export function tooMuch(
  newestFirst: readonly KeptFolder[],
  { countMax, bytesMax, daysMax }: KeptWorkLimits,
  nowMs: number,
): readonly KeptFolder[] {
  let bytes = 0;
  let count = 0;
  return newestFirst.filter((one) => {
    const fits = count < countMax && bytes + one.bytes <= bytesMax && nowMs - one.keptAtMs <= daysMax * dayMs;
    if (fits) {
      count += 1;
      bytes += one.bytes;
    }
    return !fits;
  });
}

/** The outcome, with where to look. */
export function withKeptPlace(finished: FinishedOutcome, place: string): FinishedOutcome {
  const words = ` (its work folder is kept: ${place})`;
  const message = `${(finished.message ?? '').slice(0, messageCharsMax - words.length)}${words}`;
  return { ...finished, message };
}

/** As finished.ts has it. */
const messageCharsMax = 4_000;

async function bytesIn(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    bytes += (await stat(join(entry.parentPath, entry.name)).catch(() => undefined))?.size ?? 0;
  }
  return bytes;
}

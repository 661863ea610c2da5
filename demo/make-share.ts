import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, extname, join } from 'node:path';
import pMap from 'p-map';
import { runProcess } from '../agent/process/run.ts';
import { type DemoSource, demoSources } from './sources.ts';

export interface MadeShare {
  readonly files: number;
  /** Made in this call; the others were there. */
  readonly made: number;
  readonly bytes: number;
}

/** What a file was made from, so that a changed recipe makes it again. */
const recipesFile = '.recipes.json';

/** Makes every source that is not there yet. Rejects when FFmpeg fails, or with the signal's reason. */
export async function makeShare(
  folder: string,
  signal: AbortSignal,
  sources: readonly DemoSource[] = demoSources,
): Promise<MadeShare> {
  await mkdir(folder, { recursive: true });
  const known = await readRecipes(folder);
  const wanted = Object.fromEntries(sources.map((source) => [source.name, recipeOf(source)]));
  const sizes = await pMap(
    sources,
    async (source) => {
      const file = join(folder, source.name);
      const isKnown = known[source.name] === wanted[source.name] && (await sizeOf(file)) !== undefined;
      if (!isKnown) await make(source, file, signal);
      return { made: !isKnown, bytes: (await sizeOf(file)) ?? 0 };
    },
    { concurrency: availableParallelism(), signal },
  );
  await writeFile(join(folder, recipesFile), `${JSON.stringify(wanted, undefined, 2)}\n`);
  return {
    files: sizes.length,
    made: sizes.filter(({ made }) => made).length,
    bytes: sizes.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

async function make(source: DemoSource, file: string, signal: AbortSignal): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  if (source.text !== undefined) {
    await writeFile(file, source.text);
    return;
  }
  // Renamed when it is whole: an interrupted demo leaves nothing that looks like a clip.
  const part = `${file}.part${extname(file)}`;
  const args = ['-hide_banner', '-nostdin', '-y', '-v', 'error', ...source.args, part];
  const result = await runProcess({ file: 'ffmpeg', args, signal, priority: 'normal' });
  signal.throwIfAborted();
  if (!result.succeeded) {
    await rm(part, { force: true });
    throw new Error(
      `FFmpeg could not make ${source.name}: ${result.spawnError ?? result.stderrTail.join(' ')}`,
    );
  }
  await rename(part, file);
}

function recipeOf(source: DemoSource): string {
  return createHash('sha256').update(JSON.stringify(source)).digest('hex').slice(0, 16);
}

async function readRecipes(folder: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const value: unknown = JSON.parse(await readFile(join(folder, recipesFile), 'utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    // Not there, or cut off: everything is made again.
    return {};
  }
}

async function sizeOf(file: string): Promise<number | undefined> {
  return await stat(file).then(
    ({ size }) => size,
    () => undefined,
  );
}

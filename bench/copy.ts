/**
 * `npm run bench -- copy [--files 5] [--mb 695] [--runs 1]`: files into the content cache, five at a time in children,
 * against one after the other as the old system did, and against Node's own copyFile. On a local disk, which is a
 * floor and no network share; the page cache is dropped before each run where that is allowed.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { copyFile, mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { openContentCache } from '../agent/media/content-cache.ts';
import { fetchItems } from '../agent/media/fetch.ts';
import { growthLimitsDefault } from '../agent/media/growth.ts';
import { createShareOperations } from '../agent/media/share-operations.ts';

/** Its files were written a moment ago, and nobody writes on. */
const growth = { ...growthLimitsDefault, settleMs: 0 };

export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      files: { type: 'string', default: '5' },
      mb: { type: 'string', default: '695' },
      runs: { type: 'string', default: '1' },
    },
  });
  const files = Number(values.files);
  const runs = Number(values.runs);
  const folder = await mkdtemp(join(tmpdir(), 'renderfarm-bench-copy-'));
  try {
    const bytes = Math.round((Number(values.mb) * 1e6) / files);
    const names = await makeFiles(join(folder, 'share'), files, bytes);
    const seconds: Record<string, number[]> = {};
    let isCacheDropped = true;
    for (let n = 0; n < runs; n += 1) {
      for (const [name, copy] of Object.entries(contestants)) {
        isCacheDropped = (await dropPageCache()) && isCacheDropped;
        const target = join(folder, `${name}-${n}`);
        await mkdir(target);
        const startedAt = performance.now();
        await copy(join(folder, 'share'), names, target);
        (seconds[name] ??= []).push((performance.now() - startedAt) / 1000);
        process.stderr.write(`${name}: ${seconds[name].at(-1)?.toFixed(2) ?? ''} s\n`);
        await rm(target, { recursive: true });
      }
    }
    return {
      runs,
      files,
      mb: Math.round((bytes * files) / 1e6),
      disk: 'local',
      page_cache_dropped: isCacheDropped,
      ...Object.fromEntries(Object.entries(seconds).flatMap(([name, all]) => figures(`${name}_s`, all))),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Copy = (share: string, names: readonly string[], target: string) => Promise<void>;

/** All of them leave durable files: without fsync a copy is a promise of the kernel. */
const contestants: Readonly<Record<'ours' | 'copyfile' | 'serial', Copy>> = {
  async ours(share, names, target) {
    const operations = createShareOperations();
    const cache = await openContentCache({
      folder: target,
      bytesMax: Number.MAX_SAFE_INTEGER,
      operations,
      growth,
    });
    const mounts = { assets: { roots: ['\\\\nas\\Share'], localPath: share } };
    const items = names.map(
      (name, position) => ({ position, itemType: 'video', path: `\\\\nas\\Share\\${name}` }) as const,
    );
    const result = await fetchItems(items, { mounts, cache });
    if (result.message !== undefined) throw new Error(result.message);
    await cache.close();
    await operations.stop();
  },
  async copyfile(share, names, target) {
    await Promise.all(
      names.map(async (name) => {
        await copyFile(join(share, name), join(target, name));
        await sync(join(target, name));
      }),
    );
  },
  async serial(share, names, target) {
    for (const name of names) {
      await pipeline(createReadStream(join(share, name)), createWriteStream(join(target, name)));
      await sync(join(target, name));
    }
  },
};

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r+');
  await file.sync();
  await file.close();
}

async function makeFiles(folder: string, files: number, bytes: number): Promise<readonly string[]> {
  await mkdir(folder);
  const names = Array.from({ length: files }, (_, n) => `clip-${n}.mp4`);
  const part = Buffer.alloc(1024 * 1024);
  for (const [n, name] of names.entries()) {
    const file = await open(join(folder, name), 'w');
    for (let written = 0; written < bytes; written += part.byteLength) {
      // Every file and every megabyte differs: nothing may be found twice.
      part.fill(`${n} ${written} `);
      await file.write(part, 0, Math.min(part.byteLength, bytes - written));
    }
    await file.sync();
    await file.close();
  }
  return names;
}

async function dropPageCache(): Promise<boolean> {
  try {
    await writeFile('/proc/sys/vm/drop_caches', '3');
    return true;
  } catch {
    return false;
  }
}

function figures(key: string, all: readonly number[]): readonly (readonly [string, number])[] {
  const sorted = all.toSorted((a, b) => a - b);
  const round = (value: number | undefined): number => Math.round((value ?? 0) * 100) / 100;
  const median = round(sorted[Math.floor(sorted.length / 2)]);
  if (all.length === 1) return [[key, median]];
  return [
    [key, median],
    [`${key}_min`, round(sorted[0])],
    [`${key}_max`, round(sorted.at(-1))],
  ];
}

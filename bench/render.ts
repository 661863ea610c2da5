import { createHash } from 'node:crypto';
import { link, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import pMap from 'p-map';
import { probeMedia } from '../agent/media/probe.ts';
import { runProcess } from '../agent/process/run.ts';
import type { MediaFacts } from '../agent/render/facts.ts';
import { renderJob } from '../agent/render/render-job.ts';
import type { RenderItem, RenderRequest, SourceFile } from '../agent/render/render-request.ts';
import type { RenderedOutput } from '../agent/render/render-result.ts';
import { openSegmentStore } from '../agent/render/segment-store.ts';
import { type BenchItem, makeBenchItems } from './render-clips.ts';
import { renderGiant } from './render-giant.ts';
import { measureUsage } from './render-usage.ts';

export interface RenderBenchOptions {
  /** @default 12 */
  readonly clips?: number;
  /** Seconds of each clip. @default 5 */
  readonly clipSeconds?: number;
  /** Segments at a time. @default 1 */
  readonly concurrency?: number;
  /** @default 1 */
  readonly runs?: number;
}

/** `npm run bench -- render [--clips 12] [--clip-seconds 5] [--concurrency 1] [--runs 1]` */
export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      clips: { type: 'string', default: '12' },
      'clip-seconds': { type: 'string', default: '5' },
      concurrency: { type: 'string', default: '1' },
      runs: { type: 'string', default: '1' },
    },
  });
  return await renderBench({
    clips: Number(values.clips),
    clipSeconds: Number(values['clip-seconds']),
    concurrency: Number(values.concurrency),
    runs: Number(values.runs),
  });
}

/**
 * Our pipeline against the fixed giant graph on the same clips. Both times include hashing and probing the sources; ours
 * also includes verification. The second run and the one with an item changed are measured against our own cold run; as
 * in production, sources are hashed again and what is known of a content is not probed again, and every segment that an
 * earlier process has left in the cache is hashed when it is first used.
 */
export async function renderBench(options: RenderBenchOptions = {}): Promise<Record<string, unknown>> {
  const { clips = 12, clipSeconds = 5, concurrency = 1, runs = 1 } = options;
  const folder = await mkdtemp(path.join(tmpdir(), 'renderfarm-bench-'));
  try {
    say(`making ${clips} clips of ${clipSeconds} s`);
    const items = await makeBenchItems(folder, clips, clipSeconds);
    const rows: Record<string, number>[] = [];
    for (let index = 0; index < runs; index += 1) {
      rows.push(await oneRun(new Bench(path.join(folder, `run-${index}`), items, concurrency)));
    }
    return { runs, clips, ...medians(rows) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function oneRun(bench: Bench): Promise<Record<string, number>> {
  const { items } = bench;
  const ours = await bench.ours('cold', items);
  const giant = await bench.giant(items);
  const second = await bench.ours('second', items);
  const changed = await bench.ours('changed', changeOne(items));
  const ten = items.length >= 100 ? await bench.ours('ten', items.slice(0, 10), 'own cache') : undefined;
  const verifySeconds = ours.value.timings.verifyMs / 1000;
  const wall = ours.usage.wallSeconds;
  const giantWall = giant.usage.wallSeconds;
  return {
    wall_s: wall,
    verify_s: verifySeconds,
    cpu_s: ours.usage.cpuSeconds,
    giant_wall_s: giantWall,
    giant_cpu_s: giant.usage.cpuSeconds,
    wall_ratio: (wall - verifySeconds) / giantWall,
    wall_verified_ratio: wall / giantWall,
    peak_rss_mb: ours.usage.peakRssMb,
    ...(ten === undefined ? {} : { peak_rss_mb_10: ten.usage.peakRssMb }),
    giant_peak_rss_mb: giant.usage.peakRssMb,
    rss_ratio: ours.usage.peakRssMb / giant.usage.peakRssMb,
    frames: await countFrames(ours.value.file),
    giant_frames: await countFrames(giant.value),
    frames_expected: ours.value.frames,
    second_run_s: second.usage.wallSeconds,
    second_run_speedup: wall / second.usage.wallSeconds,
    one_changed_s: changed.usage.wallSeconds,
    one_changed_speedup: wall / changed.usage.wallSeconds,
  };
}

/** The measured ways of rendering, each in a folder of its own. */
class Bench {
  readonly items: readonly BenchItem[];
  readonly #folder: string;
  readonly #concurrency: number;
  /** By content and cache, as an agent keeps them beside its contents. */
  readonly #facts = new Map<string, MediaFacts>();

  constructor(folder: string, items: readonly BenchItem[], concurrency: number) {
    this.#folder = folder;
    this.items = items;
    this.#concurrency = concurrency;
  }

  async ours(name: string, items: readonly BenchItem[], cache = 'segments') {
    const workFolder = await this.#putFiles(name, items);
    const measured = await measureUsage(async (): Promise<RenderedOutput> => {
      const request = await this.#request(name, workFolder, items, cache);
      // As an agent that starts anew: nothing of it is known to be whole yet.
      const folder = path.join(this.#folder, cache);
      const store = openSegmentStore({ folder, bytesMax: 100 * 2 ** 30, madeBy: 'bench' });
      const segmentCache = store.open({ jobId: name });
      const result = await renderJob({ ...request, segmentCache }, { signal: new AbortController().signal });
      segmentCache.close();
      await store.close();
      if (result.status !== 'rendered') throw new Error(JSON.stringify(result));
      return result.output;
    });
    say(`${name}: ${measured.usage.wallSeconds.toFixed(1)} s, ${JSON.stringify(measured.value.timings)}`);
    return measured;
  }

  async giant(items: readonly BenchItem[]) {
    const workFolder = await this.#putFiles('giant', items);
    const measured = await measureUsage(async () => {
      const request = await this.#request('giant', workFolder, items, 'giant');
      await renderGiant(request);
      return request.outputFile;
    });
    say(`giant graph: ${measured.usage.wallSeconds.toFixed(1)} s`);
    return measured;
  }

  async #putFiles(name: string, items: readonly BenchItem[]): Promise<string> {
    const workFolder = path.join(this.#folder, name);
    await mkdir(workFolder, { recursive: true });
    for (const [index, item] of items.entries()) {
      await link(item.file, path.join(workFolder, fileName(item, index)));
      if (item.logo !== undefined) await link(item.logo, path.join(workFolder, `logo_${index}.png`));
    }
    return workFolder;
  }

  async #request(
    name: string,
    workFolder: string,
    items: readonly BenchItem[],
    cache: string,
  ): Promise<RenderRequest> {
    const probe = async (file: string, sha256: string): Promise<MediaFacts> => {
      const key = `${cache} ${sha256}`;
      const facts = this.#facts.get(key) ?? (await probeMedia(file));
      this.#facts.set(key, facts);
      return facts;
    };
    const version = await runProcess({ file: 'ffmpeg', args: ['-version'], stdoutCharsMax: 10_000 });
    return {
      jobId: '00000000-0000-4000-8000-000000000000',
      enable4k: false,
      items: await pMap(items, async (item, index) => await toRenderItem(workFolder, item, index, probe), {
        concurrency: 8,
      }),
      workFolder,
      outputFile: path.join(this.#folder, `${name}.mp4`),
      encoder: { rung: 'libx264', profile: 'studio' },
      ffmpeg: { ffmpeg: 'ffmpeg', ffprobe: 'ffprobe', versionText: version.stdout },
      concurrency: this.#concurrency,
      stallMs: 600_000,
      startStallMs: 600_000,
    };
  }
}

type Probe = (file: string, sha256: string) => Promise<MediaFacts>;

async function toRenderItem(
  workFolder: string,
  item: BenchItem,
  position: number,
  probe: Probe,
): Promise<RenderItem> {
  const { itemType, text, durationMs } = item;
  return {
    ...(await sourceFile(workFolder, fileName(item, position), probe)),
    position,
    itemType,
    ...(text === undefined ? {} : { text }),
    ...(durationMs === undefined ? {} : { durationMs }),
    ...(item.logo === undefined ? {} : { logo: await sourceFile(workFolder, `logo_${position}.png`, probe) }),
  };
}

async function sourceFile(workFolder: string, name: string, probe: Probe): Promise<SourceFile> {
  const file = path.join(workFolder, name);
  const sha256 = createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
  return { fileName: name, sourcePath: file, sha256, facts: await probe(file, sha256) };
}

function fileName({ file, itemType }: BenchItem, index: number): string {
  return `${itemType}_${index}${path.extname(file)}`;
}

function changeOne(items: readonly BenchItem[]): readonly BenchItem[] {
  const middle = Math.floor(items.length / 2);
  return items.map((item, index) => (index === middle ? { ...item, text: 'Changed' } : item));
}

async function countFrames(file: string): Promise<number> {
  const args = [
    '-v',
    'error',
    '-select_streams',
    'v:0',
    '-count_packets',
    '-show_entries',
    'stream=nb_read_packets',
  ];
  const result = await runProcess({
    file: 'ffprobe',
    args: [...args, '-of', 'csv=p=0', file],
    stdoutCharsMax: 1000,
  });
  return Number.parseInt(result.stdout, 10);
}

function medians(rows: readonly Record<string, number>[]): Record<string, number> {
  const result: Record<string, number> = {};
  for (const key of Object.keys(rows[0] ?? {})) {
    const values = rows.map((row) => row[key] ?? Number.NaN).sort((a, b) => a - b);
    const round = (value: number | undefined): number => Math.round((value ?? Number.NaN) * 1000) / 1000;
    result[key] = round(values[Math.floor((values.length - 1) / 2)]);
    if (rows.length > 1) {
      result[`${key}_min`] = round(values[0]);
      result[`${key}_max`] = round(values.at(-1));
    }
  }
  return result;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

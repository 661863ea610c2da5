/**
 * `npm run bench -- ahead [--clips 3] [--clip-seconds 4] [--mb-per-second 40] [--runs 1]`: what fetching ahead hides, and
 * what it costs the render that it goes on beside. Two jobs of different clips on one PC, the agent's own steps and real
 * FFmpeg; the share is a local folder behind a line of that speed, one file at a time. The second job is announced when
 * the first has its first segment.
 *
 * `copy_s`: the first job's copying, which nothing hides. `left_s`: what was left of the second's when it was assigned.
 * `hidden_share`: of its copy seconds, at the first job's bytes a second. Then one job is rendered again without its
 * segments: alone, beside copies from an unhindered local share five files at a time at full speed (`beside_five`), and
 * beside copies as the agent makes them (`beside_ours`); `*_mb` is what was copied meanwhile.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createPrefetches } from '../agent/attempt/prefetches.ts';
import { fetchItems } from '../agent/media/fetch.ts';
import { createSettablePace } from '../agent/media/pace.ts';
import { runProcess } from '../agent/process/run.ts';
import type { PrefetchReport, ResolvedItem } from '../proto/index.ts';
import { itemOf, openPc } from './ahead-pc.ts';
import { rounded, spread } from './statistics.ts';

interface Options {
  readonly clips: number;
  readonly clipSeconds: number;
  readonly bytesPerSecond: number;
}

export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      clips: { type: 'string', default: '3' },
      'clip-seconds': { type: 'string', default: '4' },
      'mb-per-second': { type: 'string', default: '40' },
      runs: { type: 'string', default: '1' },
    },
  });
  const options = {
    clips: Number(values.clips),
    clipSeconds: Number(values['clip-seconds']),
    bytesPerSecond: Number(values['mb-per-second']) * 1e6,
  };
  const runs = Number(values.runs);
  const folder = await mkdtemp(join(tmpdir(), 'renderfarm-bench-ahead-'));
  try {
    await makeClips(join(folder, 'share'), options);
    const rows: Record<string, number>[] = [];
    for (let n = 0; n < runs; n += 1) {
      rows.push({ ...(await hiding(folder, n, options)), ...(await besides(folder, n, options)) });
      say(JSON.stringify(rows.at(-1)));
    }
    const figures = Object.keys(rows[0] ?? {}).map((name) =>
      spread(
        name,
        rows.map((row) => row[name] ?? Number.NaN),
      ),
    );
    return {
      runs,
      ...options,
      ...figures.reduce<Record<string, number>>((all, one) => ({ ...all, ...one }), {}),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** How much of the second job's copying is over when it is assigned. */
async function hiding(
  folder: string,
  n: number,
  { clips, bytesPerSecond }: Options,
): Promise<Record<string, number>> {
  const command = [fileURLToPath(new URL('slow-share-main.ts', import.meta.url)), `${bytesPerSecond}`];
  await using pc = await openPc(folder, `hiding-${n}`, { copies: 1, command });
  const second = itemsOf(clips, clips);
  const prefetched = Promise.withResolvers<Omit<PrefetchReport, 'kind'>>();
  const prefetches = createPrefetches(
    pc.services,
    (report) => report.state !== 'fetching' && prefetched.resolve(report),
  );
  const announcement = { announcementId: 'a', jobId: 'second', channelName: 'Bench', items: second } as const;
  const first = await pc.render('first', itemsOf(0, clips), () =>
    prefetches.start({ kind: 'announce', ...announcement }),
  );
  prefetches.stop('a', 'assigned');
  const next = await pc.render('second', second, () => undefined);
  await prefetches.stopAll();
  const copyingMs = first.fetchMs * (next.bytes / first.bytes);
  return {
    copy_s: rounded(copyingMs / 1_000),
    render_s: rounded(first.renderMs / 1_000),
    left_s: rounded(next.fetchMs / 1_000),
    hidden_share: rounded(1 - next.fetchMs / copyingMs),
  };
}

/** What a render takes alone, and beside copies. */
async function besides(folder: string, n: number, { clips }: Options): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  for (const mode of ['alone', 'beside_five', 'beside_ours'] as const) {
    await using pc = await openPc(folder, `${mode}-${n}`, { copies: 5 });
    const items = itemsOf(0, clips);
    const stopping = new AbortController();
    let copiedBytes = 0;
    const copyOn = async (): Promise<void> => {
      while (mode !== 'alone' && !stopping.signal.aborted) {
        const ahead = mode === 'beside_ours' ? () => pc.services.fetchLane.ahead(1) : unpaced;
        const onFile = ({ sizeBytes }: { readonly sizeBytes: number }): void =>
          void (copiedBytes += sizeBytes);
        const fetched = await fetchItems(bulk, {
          ...{ mounts: pc.services.mounts, signal: stopping.signal, ahead, onFile, concurrency: 5 },
          cache: pc.other,
        });
        fetched.release();
        await pc.emptyOther();
      }
    };
    let copying: Promise<unknown> = Promise.resolve();
    const { renderMs } = await pc.render(
      'job',
      items,
      () => undefined,
      () => {
        copying = copyOn().catch(() => undefined);
      },
    );
    const mb = rounded(copiedBytes / 1e6);
    stopping.abort(new Error('the render is over'));
    await copying;
    figures[`${mode}_s`] = rounded(renderMs / 1_000);
    if (mode !== 'alone') figures[`${mode}_mb`] = mb;
  }
  return figures;
}

const unpaced = () => ({ pace: createSettablePace(), end: () => undefined });
const bulkFiles = 10;
const bulkBytes = 48 * 1024 ** 2;
const bulk = Array.from({ length: bulkFiles }, (_, position) => itemOf(position, `bulk-${position}.bin`));

function itemsOf(first: number, count: number): readonly ResolvedItem[] {
  return Array.from({ length: count }, (_, n) => itemOf(n, `clip-${first + n}.mp4`));
}

/** Large for their length: noise cannot be compressed. And files that are only copied. */
async function makeClips(folder: string, { clips, clipSeconds }: Options): Promise<void> {
  await mkdir(folder);
  say(`making ${2 * clips} clips of ${clipSeconds} s`);
  for (let n = 0; n < 2 * clips; n += 1) {
    const picture = `testsrc2=s=1920x1080:r=30:d=${clipSeconds},noise=alls=30:allf=t:all_seed=${n}`;
    const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-b:v', '150M', '-pix_fmt', 'yuv420p'];
    const args = [
      '-v',
      'error',
      '-nostdin',
      '-f',
      'lavfi',
      '-i',
      picture,
      ...codecs,
      join(folder, `clip-${n}.mp4`),
    ];
    const result = await runProcess({ file: 'ffmpeg', args, priority: 'normal' });
    if (!result.succeeded) throw new Error(`FFmpeg made no clip: ${result.stderrTail.join(' ')}`);
  }
  for (const [n] of bulk.entries())
    await writeFile(join(folder, `bulk-${n}.bin`), Buffer.alloc(bulkBytes, `${n}`));
}

function say(words: string): void {
  process.stderr.write(`${words}\n`);
}

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { after, before, describe } from 'node:test';
import { promisify } from 'node:util';
import { markerName, survivors } from '../helpers/leaks.ts';
import { repositoryFolder } from '../helpers/repository-files.ts';
import { tempFolder } from '../helpers/temp-folder.ts';

/** The demo as a caller sees it: one command, its exit code, its lines, and what it leaves in its folder. */
interface DemoRun {
  readonly code: number | null;
  readonly lines: readonly string[];
}

/** Runs the demo; `onLine` may signal the process. */
async function runDemo(
  args: readonly string[],
  onLine: (line: string, interrupt: () => void) => void = () => undefined,
): Promise<DemoRun> {
  const child = spawn(process.execPath, [join(repositoryFolder, 'demo', 'main.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      onLine(line, () => child.kill('SIGINT'));
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, lines };
}

async function ffprobe(file: string): Promise<Record<string, Record<string, unknown>>> {
  const args = ['-v', 'error', '-of', 'json', '-count_packets', '-show_streams', file];
  const { stdout } = await promisify(execFile)('ffprobe', args);
  const { streams } = JSON.parse(stdout) as { streams: Record<string, unknown>[] };
  return Object.fromEntries(streams.map((stream) => [String(stream['codec_type']), stream]));
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

/** What the demo's films must be, counted by hand from its sources: seconds of every item, times 30. */
const films: Readonly<Record<string, { frames: number; size: string; profile: string; level: number }>> = {
  'Morning Mix': { frames: 345, size: '1920x1080', profile: 'Main', level: 41 },
  'Holiday Album': { frames: 240, size: '1920x1080', profile: 'Main', level: 41 },
  // One frame more: the sound of its MKV begins 21 ms before the picture, and the film with the sound.
  'Weekly Sports': { frames: 241, size: '1920x1080', profile: 'Main', level: 41 },
  'Ultra Trailer': { frames: 69, size: '3840x2160', profile: 'High', level: 51 },
};

describe('The demo', () => {
  let out = '';
  let run: DemoRun = { code: null, lines: [] };
  const textOf = (): string => run.lines.join('\n');
  /** The log of the job of that channel. */
  const logOf = async (channel: string, file = 'job.log'): Promise<string> => {
    const name = `${channel.replaceAll(' ', '_')}_`;
    const path = (await filesBelow(join(out, 'logs'))).find(
      (each) => each.includes(name) && each.endsWith(file),
    );
    assert.ok(path !== undefined, `${file} of ${channel} is missing`);
    return await readFile(join(out, 'logs', path), 'utf8');
  };

  before(async () => {
    out = await mkdtemp(join(tmpdir(), 'renderfarm-demo-'));
    run = await runDemo(['--out', out]);
  });

  after(() => rm(out, { recursive: true, force: true, maxRetries: 5 }));

  test('ends well by itself', () => {
    assert.equal(run.code, 0, textOf());
  });

  test('leaves its films in the results folder, each as the studio wants it, and no other file', async () => {
    const results = (await filesBelow(join(out, 'results'))).filter(
      (file) => file !== '.renderfarm/share-id',
    );
    assert.equal(results.length, Object.keys(films).length, results.join(' '));
    for (const [channel, film] of Object.entries(films)) {
      const file = results.find((name) => /^(.+)_[0-9a-f-]{36}\.mp4$/u.exec(name)?.[1] === channel);
      assert.ok(file !== undefined, `${channel} has no result`);
      const { video = {}, audio = {} } = await ffprobe(join(out, 'results', file));
      assert.equal(Number(video['nb_read_packets']), film.frames, channel);
      assert.equal(`${Number(video['width'])}x${Number(video['height'])}`, film.size);
      assert.deepEqual([video['profile'], video['level']], [film.profile, film.level]);
      assert.deepEqual(
        [video['pix_fmt'], video['color_space'], video['r_frame_rate']],
        ['yuv420p', 'bt709', '30/1'],
      );
      assert.deepEqual([audio['codec_name'], audio['sample_rate'], audio['channels']], ['aac', '48000', 2]);
    }
  });

  test('shows announcement and prefetch on both agents', () => {
    for (const agent of ['pc1', 'pc2']) {
      assert.match(textOf(), new RegExp(`ANNOUNCED to ${agent}`, 'u'));
      assert.match(textOf(), new RegExp(`PREFETCHED by ${agent}`, 'u'));
    }
  });

  test('copies nothing for a job that was prefetched, and its log says so', async () => {
    const row = run.lines.find((line) => line.startsWith('4K '));
    assert.match(row ?? '', /nothing +yes: 2 of 2 files/u);
    const log = await logOf('Ultra Trailer');
    assert.match(log, /^\d\d:\d\d:\d\d - INFO - Skipping \(already exists\): video_0\.mp4$/mu);
    assert.match(log, /^\d\d:\d\d:\d\d - INFO - Skipping \(already exists\): image_1\.png$/mu);
  });

  test('keeps the logs of every job, in the words that people look for', async () => {
    const log = await logOf('Morning Mix');
    for (const words of [
      /=== Starting Compilation Job [0-9a-f-]{36} ===/u,
      /Worker: pc1/u,
      /Channel: Morning Mix/u,
      ...['0', '1a', '1b', '1c', '1d', '1e', '2', '3', '4', '5', '6'].map(
        (step) => new RegExp(`Step ${step}:`, 'u'),
      ),
      /Total duration: 11\.50s \(0\.19 min\)/u,
      /Progress: \d+% \(time: [\d.]+s\)/u,
      /=== Job Completed Successfully ===/u,
    ]) {
      assert.match(log, words);
    }
    assert.match(await logOf('Morning Mix', 'ffmpeg_cmd.txt'), /libx264|nvenc|qsv|amf|vaapi/u);
    assert.match(await logOf('Broken Promises'), /=== Job Failed ===/u);
  });

  test('names both bad items of the job that fails', async () => {
    for (const file of ['was-deleted.mp4', 'broken.mp4']) {
      assert.match(textOf(), new RegExp(`with bad items: FAILED: .*${file.replace('.', '\\.')}`, 'u'));
      assert.ok((await logOf('Broken Promises')).includes(file));
    }
  });

  test('shows the cancelled job as cancelled', () => {
    assert.match(textOf(), /^to be cancelled +gpu_queue .*cancelled/mu);
  });

  test('leaves no work behind: neither staging nor work folders nor processes', async () => {
    for (const agent of ['pc1', 'pc2'])
      assert.deepEqual(await readdir(join(out, `cache-${agent}`, 'work')), []);
    assert.deepEqual(await readdir(join(out, 'results', '.renderfarm')), ['share-id']);
    assert.deepEqual(survivors(process.env[markerName] ?? 'none'), []);
  });

  test("renders jobs of the caller's with files of this machine, and says which of them failed", async (t) => {
    const folder = await tempFolder(t);
    await cp(join(out, 'share', 'clips', 'game-30.mp4'), join(folder, 'a clip.mp4'));
    const items = [
      { item_type: 'video', path: 'a clip.mp4' },
      { item_type: 'image', path: '\\\\farm\\Share\\images\\title.png', duration: 0.5 },
    ];
    const good = { user_id: 'me', channel_name: 'My Film', items };
    const gone = { user_id: 'me', channel_name: 'Gone', items: [{ item_type: 'video', path: 'gone.mp4' }] };
    await writeFile(join(folder, 'my-job.json'), JSON.stringify(good));
    await writeFile(join(folder, 'gone.json'), JSON.stringify(gone));
    const source = join(out, 'share', 'clips', 'game-30.mp4');
    const madeAtMs = (await stat(source)).mtimeMs;

    const own = await runDemo(['--out', out, join(folder, 'my-job.json'), join(folder, 'gone.json')]);

    assert.equal(own.code, 1, own.lines.join('\n'));
    const wrong = own.lines.filter((line) => line.startsWith('WRONG:'));
    assert.equal(wrong.length, 1, wrong.join('\n'));
    assert.match(wrong[0] ?? '', /^WRONG: gone\.json: it is failed, not published: .*gone\.mp4/u);
    const results = (await readdir(join(out, 'results'))).filter((name) => name.endsWith('.mp4'));
    assert.equal(results.length, 1);
    const { video = {} } = await ffprobe(join(out, 'results', results[0] ?? ''));
    assert.equal(Number(video['nb_read_packets']), 75);
    assert.equal((await stat(source)).mtimeMs, madeAtMs, 'the sources were made again');
  });

  test('refuses a job file with all of its problems before it starts anything', async (t) => {
    const folder = await tempFolder(t);
    await writeFile(
      join(folder, 'bad.json'),
      '{ "user_id": "me", "items": [{ "item_type": "clip", "duration": -1 }] }',
    );
    const bad = await runDemo(['--out', join(folder, 'out'), join(folder, 'bad.json')]);
    assert.equal(bad.code, 2);
    for (const field of ['channel_name', 'items[0].item_type', 'items[0].duration']) {
      assert.ok(
        bad.lines.some((line) => line.trim().startsWith(`${field}:`)),
        bad.lines.join('\n'),
      );
    }
    await assert.rejects(stat(join(folder, 'out')), { code: 'ENOENT' });
  });

  test('ends all of its processes on Ctrl-C, and publishes nothing half-done', async () => {
    let asked = false;
    const run = await runDemo(['--out', out], (line, interrupt) => {
      if (asked || !line.includes('encoding on pc1')) return;
      asked = true;
      interrupt();
    });
    assert.equal(run.code, 130, run.lines.join('\n'));
    assert.deepEqual(survivors(process.env[markerName] ?? 'none'), []);
    const films = (await filesBelow(join(out, 'results'))).filter((file) => file.endsWith('.mp4'));
    assert.deepEqual(films, []);
  });
});
